"""What the engine needs of the world, as Protocols: time, chance, secrets, hosts, memory. Adapters are chosen in `wiring`.

Tests pass a virtual clock, a seeded nonce source and simulated hosts, so that a run is exact and a failure is a seed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol, TypeVar

from reconciler.core.model.checks import Check
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.furnishing import Furnishing, Sizes
from reconciler.core.model.inventory import Inventory, Usage
from reconciler.core.model.observed import DatabaseLook, Files, Inside, Mark, ObservedHost, Survey
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.database_parts import Neutralizable, Rebuildable, Supportable, Upgradable
from reconciler.health.login_pages import PageAnswer
from reconciler.health.verdicts import Vitals
from schemas.references import KeyReference, SecretReference
from schemas.secrets import Secret

T = TypeVar("T")


class Clock(Protocol):
    """Time as the engine sees it."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Nonces(Protocol):
    """Chance as the engine sees it."""

    def token(self, length: int) -> str:
        """Return so many lowercase letters and digits that were never returned before."""
        ...

    def number(self, low: int, high: int) -> int:
        """Draw a number between both, inclusive."""
        ...


class Secrets(Protocol):
    """Values of secrets, resolved where they are used.

    Raises of both methods: `reconciler.fleet.secrets.SecretUnavailable`.
    """

    def resolve(self, reference: SecretReference | KeyReference, kind: str, code: str, field: str) -> Secret:
        """Return the value in force."""
        ...

    def former(self, reference: SecretReference, kind: str, code: str, field: str) -> tuple[Secret, ...]:
        """Return the values of earlier generations and keys, newest first."""
        ...


class Database(Upgradable, Rebuildable, Supportable, Neutralizable, Protocol):
    """One database, opened as its admin account. Every method may raise a `HostError`."""

    name: str

    def renamed(self, name: str) -> Database:
        """Return the same account under another name: the database's new one, or a clone's of it; asks the host nothing."""
        ...

    async def identity(self) -> tuple[str, Mark | None]:
        """Return the database's uuid and the mark that it bears."""
        ...

    async def look(self, modules_asked: Collection[str] = ()) -> DatabaseLook:
        """Look at everything that a spec declares, afresh, and whether it knows the modules that are asked for."""
        ...

    async def contents(self) -> Survey:
        """Read what an import writes down beside a look."""
        ...

    async def module_versions(self) -> Mapping[str, tuple[str, str]]:
        """Return of all modules that it has or could install the version that it has, and that of the host's code."""
        ...

    async def file_sizes(self, *, newest: int | None = None, ids: Collection[str] | None = None) -> Mapping[str, str]:
        """Return the real sizes of attached files, empty where one is missing, by a key that survives cloning.

        All, or those of the newest attachments, or of the attachments that `ids` are keys of. A key names the content as
        well, so that another content of the same attachment has another key.
        """
        ...

    async def read_files(self, ids: Collection[str]) -> Files:
        """Return the contents of files by their keys, to be given to `write_files`."""
        ...

    async def read_stored(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Return the contents of stored files by their names (`ab/ab12…`); of those that are not there, nothing."""
        ...

    async def write_files(self, files: Files) -> None:
        """Store contents again where their files are missing; harmless where they are not."""
        ...

    async def logins(self) -> frozenset[str]:
        """Return the logins of all users, active or not."""
        ...

    async def set_credentials(self, login: str, password: Secret) -> Database:
        """Change the admin account's login and password; return the database opened anew with them."""
        ...

    async def adopt(self, spec: DatabaseSpec, mark: Mark, password: Secret | None, *, quiet: bool) -> Database:
        """Take over a database that bears no mark: password, settings, parameters and mark in one transaction, or nothing.

        Refused, with nothing changed, where a mark is there by now, or where the account cannot be kept by its password.

        Args:
            spec: what it is to be; its modules are left as they are.
            mark: whose it is from now on.
            password: the admin account's from now on; None where it has it already.
            quiet: its scheduled actions are held back; they are left as they are otherwise.

        Returns:
            The database, opened anew.
        """
        ...

    async def furnish(self, what: Furnishing) -> tuple[Database, Sizes]:
        """Leave nobody but the admin account a way in, and write what a build is given: all in one transaction, or nothing.

        What bears a mark of its own was furnished before, and is left as it is: doing it twice is harmless. From here to
        `begin_service` a look is one call.

        Returns:
            The database, opened anew where its credentials were set, and the sizes of its files as they were found.
        """
        ...

    async def begin_service(self, before: Sizes, *, note: bool, wake: bool) -> Sequence[str]:
        """Note that a build is its customer's from now on, and wake what was held back: in one transaction, or nothing.

        Args:
            before: the files that were there; of these only is told which are missing.
            note: whether it is noted; a template serves nobody.
            wake: whether its scheduled actions begin.

        Returns:
            The files that are missing; where any is, nothing was written.
        """
        ...

    async def apply_settings(self, spec: DatabaseSpec) -> None:
        """Write languages, settings and parameters where they differ: in one transaction, or nothing of it."""
        ...

    async def require_nobody_at_work(self) -> None:
        """Raise `Refused` while an operation on its modules is under way that this fleet did not begin."""
        ...

    async def remove_server_actions(self) -> None:
        """Remove the server actions of this tool that runs cut short left behind."""
        ...

    async def install(self, modules: Sequence[str]) -> bool:
        """Install what is missing and finish what was left half-way, until nothing is pending; tell whether anything was.

        Refused, with nothing changed, while somebody else is at work in it.
        """
        ...

    async def quiesce(self) -> None:
        """Switch active scheduled actions off, remembering which; harmless when done twice."""
        ...

    async def wake(self) -> None:
        """Switch exactly the remembered scheduled actions on and forget them; harmless when done twice."""
        ...

    async def write_mark(self, mark: Mark) -> None:
        """Write the ownership mark."""
        ...

    async def clear_digest(self) -> None:
        """Note in the mark that a change is under way."""
        ...

    async def note_move(self, origin: str) -> None:
        """Note in the mark the name that the database leaves; empty when the move is proven."""
        ...

    async def note_in_service(self) -> None:
        """Note in the mark that the database is in service from now on: it is its customers', whatever name it bears."""
        ...

    async def note_restored(self, told: str) -> None:
        """Note of what it was restored, and when: what `copies.noted` writes."""
        ...

    async def note_ended(self, trash: str, *, replaced: bool = False) -> None:
        """Note in the mark that its text ended it, with the trash name that it gets; struck out when it is in service again.

        With `replaced`, that another database takes its place.
        """
        ...

    async def note_leaving(self, build: str) -> None:
        """Note the build on another server into which it is packed from now on; struck out when it is in service again."""
        ...

    async def note_moved(self, name: str, server: str) -> None:
        """Note the name under which it stays behind and the server where it goes on; struck out when it is in service again."""
        ...

    async def leave(self, new: str) -> None:
        """Stay behind: refused unless it bears the lock and its mark says, read now, that it does so as this name."""
        ...

    async def take_identity(self, uuid: str) -> None:
        """Give a marked build the uuid of the database that goes on in it."""
        ...

    async def end(self, new: str) -> None:
        """Turn to trash what bears the lock: refused unless its mark says, read now, that its text ended it as this name."""
        ...

    async def bring_back(self, new: str) -> None:
        """Take it out of the trash: refused unless its mark says, read now, that its text ended it as the name that it bears.

        Or back from a move: refused if its mark says that it went on elsewhere.
        """
        ...

    async def inside(self, tables: Sequence[str] = (), waking: Sequence[str] = ()) -> Inside:
        """Say by SQL how large it is with its files, how many rows these tables have, and how many active ones those."""
        ...

    async def discard(self, new: str) -> None:
        """Turn a build to trash: refused unless its mark says, read now, that it was never in service."""
        ...

    async def drop_expired(self, now: datetime, limit: timedelta) -> None:
        """Drop it: refused unless it bears a building name past its limit, and was never in service by its mark, read now."""
        ...

    async def drop_trash(
        self, fleet: str, wanted: Container[str], now: datetime, limit: timedelta, *, succeeded: bool
    ) -> None:
        """Drop it: refused unless it is trash past its limit, of this fleet, that was never in service or that its text ended.

        By its mark, read now, and unless the host's clock denies it; and refused where its name is `wanted`, but for what its
        mark says was replaced, beside the database that `succeeded` it.
        """
        ...

    async def set_apart(self, number: int) -> None:
        """Set to this number what workers tell databases of one name apart by, so that none takes it for a former namesake."""
        ...


class Host(Protocol):
    """One Odoo host. Every method may raise a `HostError`; changing ones send their call once."""

    server: str

    async def look(self) -> ObservedHost:
        """Ask for version and databases; a host that does not answer is an observation, not an exception."""
        ...

    async def vitals(self) -> Vitals:
        """Ask how the host is, without effect; what it does not answer is an observation, not an exception."""
        ...

    async def listed(self, *, hurry: bool = False) -> frozenset[str]:
        """Return the names of the databases that the host lists now; in a hurry, asked once and for seconds."""
        ...

    async def exists(self, name: str) -> bool:
        """Tell whether a name is taken, also by a database that the host does not list."""
        ...

    async def taken(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of these names are taken. Each is asked for once and for seconds: a host that hangs holds nobody back."""
        ...

    async def check(self) -> tuple[Check, ...]:
        """Run the activation tests."""
        ...

    async def open(self, database: str, login: str, password: Secret) -> Database | None:
        """Log in; None if the database refuses this account and password."""
        ...

    async def locks_out(self) -> bool:
        """Tell whether the host refuses right logins for a minute after ten wrong ones."""
        ...

    async def accepts(self, database: str, login: str, password: Secret) -> bool:
        """Tell whether the database takes this login, by the one call that no worker answers from memory."""
        ...

    async def check_backups(self) -> Check:
        """Say by which way databases can be backed up; that there is none is an observation, not an exception."""
        ...

    async def require_way_to_suspended(self, name: str, size: int) -> None:
        """Refuse if it is known that a database of so many bytes could not be fetched once it is suspended."""
        ...

    async def fetch_backup(
        self, name: str, sites: Sequence[str], into: BinaryIO, size: Callable[[], Awaitable[int]]
    ) -> str:
        """Write a backup of a database into a file, by whichever way is open; return which it was.

        Args:
            name: the database.
            sites: host names under which its pages may answer for it, the likeliest first.
            into: an empty file.
            size: tells how many bytes the database and its files have; asked only where that matters.
        """
        ...

    async def create(self, name: str, spec: DatabaseSpec, password: Secret) -> None:
        """Create a database under a building name."""
        ...

    async def clone(self, source: str, name: str, *, neutralize: bool) -> None:
        """Clone a database to a building name."""
        ...

    async def restore(self, name: str, archive: BinaryIO, *, neutralize: bool = False, is_copy: bool = True) -> None:
        """Restore an archive that was prepared to a building name; neutralize it where this Odoo can, which no answer tells.

        What is no copy keeps its `database.secret`.
        """
        ...

    async def rename(self, old: str, new: str) -> None:
        """Rename a database where `names.forbidden_rename` has nothing against it."""
        ...

    async def forget_name(self, name: str) -> None:
        """Make workers forget what they remember under a name that no database bears, where the version needs that."""
        ...

    async def end_half_made(self, old: str, new: str) -> None:
        """Turn to trash what bears the lock: refused unless nobody can log in to it, because its initialisation never ended."""
        ...

    async def is_half_made(self, name: str) -> bool:
        """Tell whether nobody can log in to a database because its initialisation never ended."""
        ...

    async def drop_own_build(self, name: str) -> None:
        """Drop a building name that this very run made up."""
        ...

    async def drop_half_made(self, name: str) -> None:
        """Drop a building name past its limit that nobody can log in to, because its initialisation never ended."""
        ...


class Pages(Protocol):
    """The public pages of the instances on one server, asked as a visitor does: no cookie, no credential."""

    async def fetch(self, url: str) -> PageAnswer:
        """Get a page; that none comes is part of the answer, not an exception."""
        ...


class Aside(Protocol):
    """Where calls of the memory are made, for they block: one after another, in the order in which they come."""

    async def ask(self, call: Callable[[], T]) -> T:
        """Make a call and give what it gives."""
        ...

    def tell(
        self, call: Callable[[], T], failed: Callable[[MemoryFailure], None], then: Callable[[T], None] = lambda _: None
    ) -> None:
        """Make a call without waiting for it; `then` is told what it gave, or `failed` why it gave nothing."""
        ...


class InLine:
    """Makes each call where it stands: for memories that never wait."""

    async def ask(self, call: Callable[[], T]) -> T:
        """Make it and give what it gives."""
        return call()

    def tell(
        self, call: Callable[[], T], failed: Callable[[MemoryFailure], None], then: Callable[[T], None] = lambda _: None
    ) -> None:
        """Make it now."""
        try:
            value = call()
        except MemoryFailure as failure:
            failed(failure)
        else:
            then(value)


class Memory(Protocol):
    """What is remembered between passes; see `reconciler.core.model.inventory`. Its methods may block: see `Aside`."""

    def inventory(self) -> Inventory:
        """Read all."""
        ...

    def clear(self, kind: str, code: str, server: str) -> None:
        """Before the first write to a database: it no longer counts as verified."""
        ...

    def verified(self, kind: str, code: str, server: str, target: str, digest: str, at: datetime) -> None:
        """After a look found a database to match its spec."""
        ...

    def server_state(self, server: str, state: str) -> None:
        """The declared state that is now in force."""
        ...

    def used(self, code: str, used: Usage) -> None:
        """After an instance was measured: what it uses."""
        ...

    def listing(self, server: str, names: Sequence[str], at: datetime) -> None:
        """What the host listed at the end of a pass."""
        ...
