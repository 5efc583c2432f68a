"""The engine's own ways, taken apart into steps: each call to a host is a point at which a run can stop, or another can act.

An action is run by the real `Performer`, whose host is nobody: each call is handed out as a request, and the answer decides
how it goes on. What a run is at is told by where its coroutines stand and what their variables hold, so that runs that came
there by different ways are one. A coroutine cannot be copied; it is run again with the answers that it had.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from types import FrameType, SimpleNamespace
from typing import Any, NamedTuple, cast

from reconciler.core.model.actions import Action
from reconciler.core.model.failures import HostError
from reconciler.core.model.furnishing import Furnishing, Origin
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.observed import DatabaseLook, Mark
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.carrying_out.performer import Performer
from reconciler.engine.clone_sources import TemplateSource
from reconciler.engine.elsewhere import Elsewhere
from reconciler.engine.ports import Database
from reconciler.engine.worlds import World as Ports
from reconciler.fleet.desired import Desired
from schemas.references import SecretReference
from schemas.secrets import Secret
from tests.core.scenes import NOW
from tests.core.small_world import TEMPLATE, TEMPLATE_UUID

FILES = {"1": "7"}
READS = frozenset({"exists", "listed", "open", "look", "files", "clear digest", "set settings"})
"""Requests that are made in one step with what is asked before: none of these moves a database or says what moves it."""

Remembered = tuple[str, str, str, str, str | None]
"""Kind, code, server, and what was verified: target and digest (None: cleared)."""


class Request(NamedTuple):
    """One call to a host."""

    what: str
    server: str
    name: str
    password: str = ""
    argument: Any = ""


class _Asked:
    """Hands a request out of a coroutine, to whoever drives it."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __await__(self) -> Generator[Request, Any, Any]:
        answer = yield self._request
        return answer


async def _ask(what: str, server: str, name: str, password: str = "", argument: Any = "") -> Any:
    return await _Asked(Request(what, server, name, password, argument))


@dataclasses.dataclass(frozen=True)
class _Nothing:
    """Answers at once to whatever is not modelled."""

    async def quiesce(self) -> None: ...

    async def wake(self) -> None: ...

    async def require_nobody_at_work(self) -> None: ...

    async def set_apart(self, number: int) -> None: ...

    async def remove_server_actions(self) -> None: ...

    async def forget_name(self, name: str) -> None: ...

    async def install(self, modules: object) -> bool:
        return False

    async def logins(self) -> frozenset[str]:
        return frozenset({"admin"})

    async def locks_out(self) -> bool:
        return False


@dataclasses.dataclass(frozen=True)
class _Database(_Nothing):
    """An open database: what it is asked goes to whatever bears its name then, if that takes its password."""

    server: str
    name: str
    password: str

    def renamed(self, name: str) -> _Database:
        return dataclasses.replace(self, name=name)

    async def _ask(self, what: str, argument: Any = "") -> Any:
        return await _ask(what, self.server, self.name, self.password, argument)

    async def identity(self) -> tuple[str, Mark | None]:
        look = await self.look()
        return look.uuid, look.mark

    async def look(self) -> DatabaseLook:
        return cast("DatabaseLook", (await self._ask("look")).value)

    async def file_sizes(self, *, newest: int | None = None, ids: Collection[str] | None = None) -> Mapping[str, str]:
        return FILES if await self._ask("files") else dict.fromkeys(FILES, "")

    async def read_files(self, ids: Collection[str]) -> Mapping[str, object]:
        assert await self._ask("files")
        return {"1": {}}

    async def write_files(self, files: object) -> None:
        await self._ask("store files")

    async def set_credentials(self, login: str, password: Secret) -> _Database:
        await self._ask("set password", password.reveal())
        return dataclasses.replace(self, password=password.reveal())

    async def apply_settings(self, spec: DatabaseSpec) -> None:
        await self._ask("set settings", spec.code)

    async def furnish(self, what: Furnishing) -> tuple[_Database, Mapping[str, str]]:
        password = self.password if what.password is None else what.password.reveal()
        whole = await self._ask("furnish", (password, what.spec.code, what.mark))
        return dataclasses.replace(self, password=password), FILES if whole else dict.fromkeys(FILES, "")

    async def begin_service(self, before: Mapping[str, str], *, note: bool, wake: bool) -> Sequence[str]:
        return () if await self._ask("begin service", "noted" if note else "") else tuple(before)

    async def write_mark(self, mark: Mark) -> None:
        await self._ask("write mark", mark)

    async def clear_digest(self) -> None:
        await self._ask("clear digest")

    async def note_move(self, origin: str) -> None:
        await self._ask("note move", origin)

    async def note_in_service(self) -> None:
        await self._ask("note in service")

    async def note_ended(self, trash: str, *, replaced: bool) -> None:
        assert not replaced, "nothing is replaced here"
        await self._ask("note ended", trash)

    async def end(self, new: str) -> None:
        await self._ask("end", new)

    async def bring_back(self, new: str) -> None:
        await self._ask("bring back", new)

    async def drop_trash(
        self, fleet: str, wanted: Iterable[str], now: datetime, limit: object, *, succeeded: bool
    ) -> None:
        assert not succeeded, "nothing is replaced here"
        await self._ask("drop trash", tuple(sorted(wanted)))

    async def discard(self, new: str) -> None:
        await self._ask("discard", new)

    async def drop_expired(self, now: datetime, limit: object) -> None:
        await self._ask("drop expired")


@dataclasses.dataclass(frozen=True)
class _Host(_Nothing):
    server: str

    async def open(self, name: str, login: str, password: Secret) -> _Database | None:
        taken = await _ask("open", self.server, name, password.reveal())
        return _Database(self.server, name, password.reveal()) if taken else None

    async def accepts(self, name: str, login: str, password: Secret) -> bool:
        return bool(await _ask("open", self.server, name, password.reveal()))

    async def listed(self, *, hurry: bool = False) -> frozenset[str]:
        return cast("frozenset[str]", await _ask("listed", self.server, ""))

    async def exists(self, name: str) -> bool:
        return bool(await _ask("exists", self.server, name))

    async def taken(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple([name for name in names if await self.exists(name)])

    async def rename(self, old: str, new: str) -> None:
        await _ask("rename", self.server, old, "", new)

    async def clone(self, source: str, name: str, *, neutralize: bool) -> None:
        await _ask("clone", self.server, name)

    async def drop_own_build(self, name: str) -> None:
        await _ask("drop own build", self.server, name)


class _Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None: ...


class _Secrets:
    def resolve(self, reference: SecretReference, kind: str, code: str, field: str) -> Secret:
        return Secret(f"{field} of {kind}/{code}")

    def former(self, reference: SecretReference, kind: str, code: str, field: str) -> tuple[Secret, ...]:
        return ()


class _Nonces:
    """Names that no database bears: `letter` is one that none of them has."""

    def __init__(self, letter: str) -> None:
        self._letter, self._count = letter, 0

    def token(self, length: int) -> str:
        self._count += 1
        return f"{self._letter}{self._count:0{length - 1}}"

    def number(self, low: int, high: int) -> int:
        return low


class Notes:
    """What a run writes to memory, in order."""

    def __init__(self) -> None:
        self.written: list[Remembered] = []

    def clear(self, kind: str, code: str, server: str) -> None:
        self.written.append((kind, code, server, "", None))

    def verified(self, kind: str, code: str, server: str, target: str, digest: str, at: datetime) -> None:
        self.written.append((kind, code, server, target, digest))

    def server_state(self, server: str, state: str) -> None: ...

    def listing(self, server: str, names: Iterable[str], at: datetime) -> None: ...


class _Elsewhere(Elsewhere):
    """Asks one host after the other: a coroutine that is driven by hand has no loop."""

    async def _ask(self, surely: Collection[str]) -> Sequence[set[str]]:
        return [await self._forms_on(h, targets, sure=h.server in surely) for h, targets in self.hosts]


class _Performer(Performer):
    """The real one, but that the template, which never changes here, is looked at beforehand."""

    def elsewhere(self, action: Action) -> Elsewhere:
        real = super().elsewhere(action)
        return _Elsewhere(real.hosts, real.with_template, surely=real.surely)

    async def source(self, action: Action, origin: DatabaseSpec) -> TemplateSource:
        template = _Database(origin.server, TEMPLATE, f"admin_password of template/{origin.code}")
        bears = Origin(TEMPLATE_UUID, origin.digest())
        return TemplateSource(cast("Database", template), bears, FILES, frozenset({"admin"}), frozenset(origin.modules))


def ports(servers: Iterable[str], letter: str, notes: Notes) -> Ports:
    """Make the ports of a run that reaches nobody."""
    world = SimpleNamespace(
        hosts={server: _Host(server) for server in servers},
        secrets=_Secrets(),
        clock=_Clock(),
        nonces=_Nonces(letter),
        memory=notes,
        note=lambda write: write(),
        distrust=_distrust(notes),
        inventory=_inventory,
    )
    return cast("Ports", world)


async def _inventory() -> Inventory:
    return NOTHING_REMEMBERED


def _distrust(notes: Notes) -> Callable[[str, str, str], Awaitable[None]]:
    async def distrust(kind: str, code: str, server: str) -> None:
        notes.clear(kind, code, server)

    return distrust


class Failed(NamedTuple):
    """An answer that is an exception."""

    error: HostError


class Answer(NamedTuple):
    """An answer whose value is told from others by its key (what it was made from)."""

    key: Any
    value: Any


class Standing(NamedTuple):
    """Where a run stands: the request that it waits with or, at its end, whether it succeeded; and what it noted just now."""

    request: Request | None
    done: bool
    noted: tuple[Remembered, ...]
    error: str = ""


class Ways:
    """All places at which runs can stand, each with how it goes on at each answer. A place is a number."""

    def __init__(self, texts: tuple[Desired, ...]) -> None:
        self._texts = texts
        self._ways: dict[Any, int] = {}
        self._begun: dict[Any, int] = {}
        self._next: dict[tuple[int, Any], int] = {}
        self._histories: list[tuple[int, Action, str, tuple[Any, ...]]] = []
        self.places: list[Standing] = []

    def begin(self, text: int, action: Action, letter: str) -> int:
        """Begin an action: nothing was asked yet."""
        key = (text, action, letter)
        if key not in self._begun:
            self._begun[key] = self._add((*key, ()))
        return self._begun[key]

    def letter(self, place: int) -> str:
        """Name the letter of the names that a run makes."""
        return self._histories[place][2]

    def begins(self, place: int) -> bool:
        """Tell whether nothing was asked yet."""
        return not self._histories[place][3]

    def answer(self, place: int, key: Any, value: Any) -> int:
        """Go on with an answer; `key` stands for its value."""
        found = self._next.get((place, key))
        if found is None:
            text, action, letter, history = self._histories[place]
            found = self._next[place, key] = self._add((text, action, letter, (*history, value)), (place, key))
        return found

    def _add(self, run: tuple[int, Action, str, tuple[Any, ...]], came: Any = None) -> int:
        text, action, letter, history = run
        desired, notes = self._texts[text], Notes()
        performer = _Performer(desired, ports(desired.servers, letter, notes), lambda _, __: None)
        standing, frames = _run(performer.perform(action), history, notes)
        key = (text, action if standing.request else "", letter, standing, frames)
        if came is not None and standing.request is not None and standing.request.what in READS:
            key = came  # what a comprehension has found so far is in no variable
        if key not in self._ways:
            self._ways[key] = len(self.places)
            self.places.append(standing)
            self._histories.append(run)
        return self._ways[key]


def _run(coroutine: Any, history: tuple[Any, ...], notes: Notes) -> tuple[Standing, Any]:
    try:
        request: Request = coroutine.send(None)
        for answer in history:
            notes.written.clear()
            failed = isinstance(answer, Failed)
            request = coroutine.throw(answer.error) if failed else coroutine.send(answer)
    except StopIteration:
        return Standing(None, done=True, noted=tuple(notes.written)), ()
    except HostError as error:
        return Standing(None, done=False, noted=tuple(notes.written), error=str(error)), ()
    frames = tuple(_stand(frame) for frame in _frames(coroutine))
    coroutine.close()
    return Standing(request, done=False, noted=tuple(notes.written)), frames


def _frames(awaited: Any) -> Iterable[FrameType]:
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)


def _stand(frame: FrameType) -> Any:
    held = {name: _plain(value) for name, value in frame.f_locals.items() if name != "self"}
    return (frame.f_code.co_qualname, frame.f_lasti, tuple(sorted(held.items(), key=lambda item: item[0])))


def _plain(value: Any) -> Any:
    """Make of a variable what tells it from others: data as it is, of anything else only what it is."""
    if isinstance(value, (str, int, float, type(None), datetime, _Database, _Host, Request)):
        return value
    if isinstance(value, Answer):
        return value.key
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), _plain(v)) for k, v in value.items()))
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(map(repr, value)))
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    if isinstance(value, (DatabaseLook, Mark)):
        return repr(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return getattr(value, "attempt_number", type(value).__name__)
