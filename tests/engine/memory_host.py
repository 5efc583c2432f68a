"""A host in memory for the builder, the mover and the performer: it does all that it is asked, but for what a test spoils.

It is quicker than the simulated host and can be made to answer anything, one call at a time; what real hosts answer, the
tests on simulated and real ones show.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from reconciler.core.model.failures import PasswordRefused, ProofFailed, Rejected, UnknownOutcome
from reconciler.core.model.furnishing import Furnishing, Sizes
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.observed import DatabaseLook, Mark
from reconciler.core.model.settings import SETTINGS
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.building import newest
from reconciler.engine.ports import Database, Host
from schemas.references import SecretReference
from schemas.secrets import Secret
from tests.core.scenes import as_declared, mark_for, seen_as

WORKS: Any = object()
"""In a list of answers: this call does what it always does."""


class Passwords:
    """The values of secrets: each is named by what it is for."""

    def __init__(self, *former: str) -> None:
        self._former = former

    def resolve(self, reference: SecretReference, kind: str, code: str, field: str) -> Secret:
        return Secret(f"{field} of {kind}/{code}")

    def former(self, reference: SecretReference, kind: str, code: str, field: str) -> tuple[Secret, ...]:
        return tuple(map(Secret, self._former))


class Counting:
    """No chance at all: tokens that differ, and one number."""

    def __init__(self) -> None:
        self._given = 0

    def token(self, length: int) -> str:
        self._given += 1
        return f"{self._given:0{length}}"

    def number(self, low: int, high: int) -> int:
        return low


@dataclass
class Kept:
    """A database that a host holds.

    `files` are those in the folder of its name, `rows` the attachments if there are other ones; `seen` is what a look
    shows besides what its spec declares.
    """

    spec: DatabaseSpec
    uuid: str
    mark: Mark | None
    login: str
    password: str
    files: dict[str, str] = field(default_factory=lambda: {"1/logo": "10"})
    rows: tuple[str, ...] | None = None
    logins: set[str] = field(default_factory=set)
    quiet: bool = True
    seen: dict[str, Any] = field(default_factory=dict)


class MemoryHost:
    """`answers` holds by call what is answered in its place: a value, a failure, or a list of such in turn.

    `folders` are those of names that no database bears: as on real hosts, a rename leaves the files behind where one is in
    the way.
    """

    def __init__(self, server: str = "one") -> None:
        self.server = server
        self.databases: dict[str, Kept] = {}
        self.answers: dict[str, Any] = {}
        self.folders: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[Any, ...]] = []

    @property
    def port(self) -> Host:
        return cast("Host", self)

    def hold(self, spec: DatabaseSpec, name: str = "", **mark: Any) -> Kept:
        """Let it hold a database that is as its spec says, with its password."""
        name = name or spec.target
        uuid = f"uuid of {name}"
        kept = Kept(
            spec,
            uuid,
            replace(mark_for(spec, uuid), **mark),
            spec.admin_login,
            f"admin_password of {spec.kind}/{spec.code}",
            logins={spec.admin_login},
            quiet=spec.kind == "template" or parse(name).state is not NameState.PUBLISHED,
        )
        self.databases[name] = kept
        return kept

    async def answer(self, what: str, *about: Any) -> Any:
        self.asked.append((what, *about))
        answer = self.answers.get(what, WORKS)
        if isinstance(answer, list):  # which a test's parameters share: it is not changed
            answer, self.answers[what] = answer[0] if answer else WORKS, answer[1:]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def done(self, *what: str) -> list[tuple[Any, ...]]:
        """List the calls of these names, in order."""
        return [call for call in self.asked if call[0] in what]

    async def listed(self, *, hurry: bool = False) -> frozenset[str]:
        answer = await self.answer("listed", *(["hurry"] if hurry else []))
        return frozenset(self.databases) if answer is WORKS else frozenset(answer)

    async def exists(self, name: str) -> bool:
        answer = await self.answer("exists", name)
        return name in self.databases if answer is WORKS else name in answer

    async def taken(self, names: Sequence[str]) -> tuple[str, ...]:
        answer = await self.answer("taken", *names)
        return tuple(n for n in names if n in (self.databases if answer is WORKS else answer))

    async def check(self) -> Any:
        answer = await self.answer("check")
        return () if answer is WORKS else answer

    async def open(self, database: str, login: str, password: Secret) -> Database | None:
        answer = await self.answer("open", database, login)
        if answer is not WORKS:
            return cast("Database | None", answer)
        kept = self.databases.get(database)
        if kept is None or (kept.login, kept.password) != (login, password.reveal()):
            return None
        return cast("Database", MemoryDatabase(self, database, kept.password))

    async def locks_out(self) -> bool:
        return False

    async def accepts(self, database: str, login: str, password: Secret) -> bool:
        answer = await self.answer("accepts", database, login)
        kept = self.databases[database]
        return (kept.login, kept.password) == (login, password.reveal()) if answer is WORKS else bool(answer)

    async def create(self, name: str, spec: DatabaseSpec, password: Secret) -> None:
        try:
            await self.answer("create", name)
        finally:
            kept = self.hold(spec, name)
            kept.mark, kept.password, kept.quiet = None, password.reveal(), False

    async def clone(self, source: str, name: str, *, neutralize: bool) -> None:
        try:
            await self.answer("clone", source, name, neutralize)
        finally:
            of = self.databases[source]
            self.databases[name] = replace(
                of, uuid=f"uuid of {name}", files=dict(of.files), logins=set(of.logins), seen=dict(of.seen)
            )

    async def rename(self, old: str, new: str) -> None:
        await self.answer("rename", old, new)
        kept = self.databases.pop(old)
        if new in self.folders:
            self.folders[old], kept.files = kept.files, self.folders.pop(new)
        self.databases[new] = kept

    async def forget_name(self, name: str) -> None:
        await self.answer("forget_name", name)

    async def end_half_made(self, old: str, new: str) -> None:
        await self.rename(old, new)

    async def is_half_made(self, name: str) -> bool:
        return await self.answer("is_half_made", name) is True

    async def drop_own_build(self, name: str) -> None:
        await self.answer("drop_own_build", name)
        self.databases.pop(name)

    async def drop_half_made(self, name: str) -> None:
        await self.answer("drop_half_made", name)
        self.databases.pop(name)


class MemoryDatabase:
    """A database of a host in memory, opened under one name; without a password as whoever may be asked for there."""

    def __init__(self, host: MemoryHost, name: str, password: str = "") -> None:
        self.host, self.name, self.password = host, name, password

    @property
    def kept(self) -> Kept:
        return self.host.databases[self.name]

    def renamed(self, name: str) -> MemoryDatabase:
        return MemoryDatabase(self.host, name, self.password)

    async def identity(self) -> Any:
        answer = await self.host.answer("identity", self.name)
        return (self.kept.uuid, self.kept.mark) if answer is WORKS else answer

    async def look(self, modules_asked: Collection[str] = ()) -> DatabaseLook:
        answer = await self.host.answer("look", self.name)
        if answer is not WORKS:
            return cast("DatabaseLook", answer)
        kept = self.kept
        fields: dict[str, Any] = {"uuid": kept.uuid, "mark": kept.mark, "login": kept.login}
        crons = (
            {"active_crons": (), "quiesced_crons": (1,)}
            if kept.quiet
            else {"active_crons": (1,), "quiesced_crons": None}
        )
        return seen_as(as_declared(kept.spec, self.name), **{**fields, **crons, **kept.seen})

    async def file_sizes(self, *, newest: int | None = None, ids: Collection[str] | None = None) -> Mapping[str, str]:
        answer = await self.host.answer("file_sizes", self.name, newest, ids if ids is None else sorted(ids))
        rows = self.kept.files if self.kept.rows is None else self.kept.rows
        files = {row: self.kept.files.get(row, "") for row in rows}
        return files if answer is WORKS else cast("Mapping[str, str]", answer)

    async def read_files(self, ids: Collection[str]) -> Any:
        await self.host.answer("read_files", self.name, sorted(ids))
        return {key: {"name": key} for key in ids}

    async def write_files(self, files: Any) -> None:
        await self.host.answer("write_files", self.name, sorted(files))
        self.kept.files.update(dict.fromkeys(files, "10"))

    async def logins(self) -> frozenset[str]:
        answer = await self.host.answer("logins", self.name)
        return frozenset(self.kept.logins if answer is WORKS else answer)

    async def set_credentials(self, login: str, password: Secret) -> MemoryDatabase:
        try:
            await self.host.answer("set_credentials", self.name, login)
        except UnknownOutcome:  # only the answer was lost
            self.kept.login, self.kept.password = login, password.reveal()
            raise
        self.kept.login, self.kept.password = login, password.reveal()
        return MemoryDatabase(self.host, self.name, password.reveal())

    async def adopt(self, spec: DatabaseSpec, mark: Mark, password: Secret | None, *, quiet: bool) -> MemoryDatabase:
        lost = None
        try:
            await self.host.answer("adopt", self.name, quiet, password is not None)
        except UnknownOutcome as error:  # only the answer was lost
            lost = error
        kept = self.kept
        kept.mark, kept.login, kept.quiet = replace(mark, uuid=kept.uuid), spec.admin_login, kept.quiet or quiet
        kept.password = kept.password if password is None else password.reveal()
        if lost is not None:
            raise lost
        return MemoryDatabase(self.host, self.name, kept.password)

    async def furnish(self, what: Furnishing) -> tuple[MemoryDatabase, Sizes]:
        """Do it, once; what is answered in its place are sizes of files."""
        if self.password not in ("", self.kept.password):
            raise PasswordRefused("its password is another now", server=self.host.server, database=self.name)
        sizes = newest(self.kept.files, what.files)
        try:
            answer = await self.host.answer("furnish", self.name, what)
        except UnknownOutcome:  # only the answer was lost
            self._furnish(what)
            raise
        self._furnish(what)
        return MemoryDatabase(self.host, self.name, self.kept.password), sizes if answer is WORKS else answer

    def _furnish(self, what: Furnishing) -> None:
        kept, spec, at = self.kept, what.spec, {"server": self.host.server, "database": self.name}
        if kept.mark is not None and kept.mark.uuid == kept.uuid:
            return
        if what.origin and (kept.mark is None or (kept.mark.uuid, kept.mark.digest) != astuple(what.origin)):
            raise ProofFailed("the template was changed while it was cloned", **at)
        owners = {spec.owner.login} if what.owner_password and spec.owner else set()
        if owners & kept.logins - {kept.login}:
            raise Rejected("there is a user of the owner's login already", **at)
        self.host.asked.append(("furnished", self.name))
        if kept.spec.modules != spec.modules:
            kept.seen.setdefault("modules", dict.fromkeys(kept.spec.modules, "installed"))
        kept.spec = spec
        if what.password:
            kept.logins = kept.logins - {kept.login} | {spec.admin_login}
            kept.login, kept.password = spec.admin_login, what.password.reveal()
        kept.logins |= owners
        if what.mark:
            kept.mark = replace(what.mark, uuid=kept.uuid)
        kept.quiet = kept.quiet or what.quiet
        self._mend("languages", "parameters", *SETTINGS)

    async def begin_service(self, before: Sizes, *, note: bool, wake: bool) -> Sequence[str]:
        answer = await self.host.answer("begin_service", self.name, note, wake)
        lost = [key for key, size in before.items() if size and not self.kept.files.get(key, size)]
        if answer is not WORKS or lost:
            return lost if answer is WORKS else cast("Sequence[str]", answer)
        if note:
            self._note(in_service=True)
        self.kept.quiet = self.kept.quiet and not wake
        return ()

    async def apply_settings(self, spec: DatabaseSpec) -> None:
        await self.host.answer("apply_settings", self.name, spec.code)
        self.kept.spec = spec
        self._mend("languages", "parameters", *SETTINGS)

    async def require_nobody_at_work(self) -> None:
        await self.host.answer("require_nobody_at_work", self.name)

    async def remove_server_actions(self) -> None:
        await self.host.answer("remove_server_actions", self.name)
        self._mend("server_actions")

    async def install(self, modules: Sequence[str]) -> bool:
        """Do it; what is answered in its place are logins that the modules bring. They bring active scheduled actions, too."""
        answer = await self.host.answer("install", self.name, *modules)
        self.kept.logins |= set() if answer is WORKS else answer
        self.kept.quiet = False
        self._mend("modules")
        return True

    async def quiesce(self) -> None:
        await self.host.answer("quiesce", self.name)
        self.kept.quiet = True

    async def wake(self) -> None:
        await self.host.answer("wake", self.name)
        self.kept.quiet = False

    async def write_mark(self, mark: Mark) -> None:
        await self.host.answer("write_mark", self.name)
        self.kept.mark = mark

    async def take_identity(self, uuid: str) -> None:
        await self.host.answer("take_identity", self.name, uuid)
        self.kept.uuid = uuid
        self._note(uuid=uuid)

    async def neutralize(self) -> None:
        await self.host.answer("neutralize", self.name)
        self.kept.quiet = True

    async def still_live(self) -> Sequence[str]:
        answer = await self.host.answer("still_live", self.name)
        return () if answer is WORKS else cast("Sequence[str]", answer)

    async def keep_asleep(self) -> None:
        await self.host.answer("keep_asleep", self.name)
        self.kept.seen["asleep"] = True

    async def let_go(self) -> None:
        await self.host.answer("let_go", self.name)
        self._mend("asleep")

    async def end_support(self, accounts: Collection[str]) -> None:
        await self.host.answer("end_support", self.name, *accounts)
        self._mend("support")

    async def clear_digest(self) -> None:
        await self.host.answer("clear_digest", self.name)
        self._note(digest="")

    async def note_move(self, origin: str) -> None:
        await self.host.answer("note_move", self.name, origin)
        self._note(moving_from=origin)

    async def note_in_service(self) -> None:
        await self.host.answer("note_in_service", self.name)
        self._note(in_service=True)

    async def note_restored(self, told: str) -> None:
        await self.host.answer("note_restored", self.name, told)

    async def note_ended(self, trash: str, *, replaced: bool = False) -> None:
        await self.host.answer("note_ended", self.name, trash, replaced)
        self._note(ended=trash, replaced=trash if replaced else "")

    async def end(self, new: str) -> None:
        await self.host.rename(self.name, new)

    async def bring_back(self, new: str) -> None:
        await self.host.rename(self.name, new)

    async def note_moved(self, name: str, server: str) -> None:
        await self.host.answer("note_moved", self.name, name, server)
        self._note(moved=name, moved_to=server)

    async def leave(self, new: str) -> None:
        await self.host.rename(self.name, new)

    async def discard(self, new: str) -> None:
        await self.host.answer("discard", self.name, new)
        self.host.databases[new] = self.host.databases.pop(self.name)

    async def drop_expired(self, now: datetime, limit: timedelta) -> None:
        await self.host.answer("drop_expired", self.name, limit)
        self.host.databases.pop(self.name)

    async def prepare_upgrade(self, modules: Collection[str]) -> Any:
        await self.host.answer("prepare_upgrade", self.name, *modules)
        return dict.fromkeys(modules, "19.0.1.1")

    async def note_upgrade(self, what: UpgradeNote, *, proven: bool = False) -> None:
        await self.host.answer("note_upgrade", self.name, what, proven)

    async def note_upgraded(self) -> None:
        await self.host.answer("note_upgraded", self.name)

    async def upgrade(self, to: Mapping[str, str]) -> None:
        """Do it; what is answered in its place is what a look shows from then on."""
        answer = await self.host.answer("upgrade", self.name, *to)
        self._mend("behind", "broken", "modules")
        self.kept.seen.update({} if answer is WORKS else answer)

    async def uninstall(self, modules: Collection[str], note: UpgradeNote) -> None:
        """Do it; what is answered in its place is what a look shows from then on. It brings active scheduled actions, too."""
        answer = await self.host.answer("uninstall", self.name, *modules, note)
        self.kept.quiet = False
        self._mend("modules")
        self.kept.seen.update({} if answer is WORKS else answer)

    async def drop_trash(self, *_judged_by: Any, succeeded: bool) -> None:
        await self.host.answer("drop_trash", self.name, succeeded)
        self.host.databases.pop(self.name)

    async def set_apart(self, number: int) -> None:
        await self.host.answer("set_apart", self.name, number)

    def _note(self, **fields: Any) -> None:
        assert self.kept.mark is not None
        self.kept.mark = replace(self.kept.mark, **fields)

    def _mend(self, *fields: str) -> None:
        for each in fields:
            self.kept.seen.pop(each, None)
