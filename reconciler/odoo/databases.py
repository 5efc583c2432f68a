"""One database as the engine sees it: the reads of `observe` and the writes of `apply` behind the engine's port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import ProofFailed, Rejected
from reconciler.core.model.furnishing import Furnishing, Sizes
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.observed import (
    RESTORED_FROM,
    Access,
    DatabaseLook,
    Files,
    Inside,
    Mark,
    Survey,
    mark_of,
)
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies.template_versions import Rebuilding
from reconciler.odoo import module_states, versions
from reconciler.odoo.apply import (
    adopting,
    alterations,
    first_passwords,
    furnishing,
    insides,
    marks,
    modules,
    neutralizing,
    schedule,
    server_actions,
    settings,
    signals,
    support,
    uninstalling,
    upgrading,
)
from reconciler.odoo.apply import databases as apply_databases
from reconciler.odoo.apply.server_actions import ServerAction
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.observe import databases as observe_databases
from schemas.secrets import Secret

Now = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]


class OdooDatabase:
    """One database, opened as its admin account (`engine.ports.Database`).

    While it is built, it is worked on by one server action (`apply.furnishing`), which is gone before it is published.
    """

    def __init__(
        self, session: DatabaseSession, login: str, now: Now, sleep: Sleep, action: ServerAction | None = None
    ) -> None:
        self.name = session.database
        self._session, self._login = session, login
        self._now, self._sleep = now, sleep
        self._action = action
        self._began = False

    def renamed(self, name: str) -> OdooDatabase:
        """Return the same account under another name: that which the database bears now, or that of a clone of it."""
        return self._as(self._session.renamed(name), self._login)

    def _as(self, session: DatabaseSession, login: str) -> OdooDatabase:
        action = None if self._action is None else replace(self._action, session=session)
        return OdooDatabase(session, login, self._now, self._sleep, action)

    async def identity(self) -> tuple[str, Mark | None]:
        """Return the database's uuid and the mark that it bears."""
        parameters = await observe_databases.read_parameters(self._session)
        return parameters.get("database.uuid", ""), mark_of(parameters)

    async def look(self, modules_asked: Collection[str] = ()) -> DatabaseLook:
        """Look at everything that a spec declares, afresh; while it is built, in one call."""
        if self._action is not None:
            return observe_databases.look_of(self.name, await furnishing.look(self._action))
        found = await observe_databases.look(self._session, self._login, Access.CURRENT, modules_asked)
        if found.mark is not None and found.mark.moving_from:
            sizes = await observe_databases.file_sizes(self._session)
            found = replace(found, missing_files=sum(not size for size in sizes.values()))
        return found

    async def contents(self) -> Survey:
        """Read what an import writes down beside a look."""
        return await observe_databases.contents(self._session)

    async def module_versions(self) -> Mapping[str, tuple[str, str]]:
        """Return all modules that it has or could install, with their versions."""
        return await module_states.read_versions(self._session)

    async def file_sizes(self, *, newest: int | None = None, ids: Collection[str] | None = None) -> Mapping[str, str]:
        """Return the real sizes of attached files by attachment and content."""
        return await observe_databases.file_sizes(self._session, newest=newest, ids=ids)

    async def read_files(self, ids: Collection[str]) -> Files:
        """Return the contents of files."""
        return await observe_databases.read_files(self._session, ids)

    async def read_stored(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Return the contents of stored files by their names."""
        return await observe_databases.read_stored(self._session, names)

    async def write_files(self, files: Files) -> None:
        """Store contents again where their files are missing."""
        await settings.write_files(self._session, files)

    async def logins(self) -> frozenset[str]:
        """Return the logins of all users, active or not."""
        return await observe_databases.logins(self._session)

    async def set_credentials(self, login: str, password: Secret) -> OdooDatabase:
        """Change the admin account's login and password; return the database opened anew with them."""
        await settings.set_credentials(self._session, login, password)
        return self._as(self._session.renamed(self.name, password), login)

    async def open_support(self, visit: Visit) -> Secret:
        """Let the operator in for a while; see `apply.support`."""
        return await support.open_support(self._session, visit, (visit.until - self._now()).total_seconds())

    async def link_to_first_password(self, visit: Visit, passwords: Collection[Secret], nonce: str) -> Secret:
        """Let an owner choose the first password of his own; see `apply.first_passwords`."""
        rest = (visit.until - self._now()).total_seconds()
        return await first_passwords.link_to_first_password(self._session, visit, passwords, rest, nonce)

    async def end_support(self, accounts: Collection[str]) -> None:
        """Take accounts of the operator's out of use."""
        await support.end_support(self._session, accounts)

    async def adopt(self, spec: DatabaseSpec, mark: Mark, password: Secret | None, *, quiet: bool) -> OdooDatabase:
        """Take it over in one transaction; return the database as the admin account that it has now."""
        await adopting.adopt(self._session, spec, mark, password, quiet=quiet)
        return self._as(self._session.renamed(self.name, password), spec.admin_login)

    async def furnish(self, what: Furnishing) -> tuple[OdooDatabase, Sizes]:
        """Write all of it in one transaction; return the database as the account that it has now, and the sizes of files."""
        if self._action is None:
            self._action = await furnishing.make(self._session)
        sizes = await furnishing.furnish(self._action, what)
        if what.password is None:
            return self, sizes
        login, connection = what.spec.admin_login, self._session.connection
        asks_first = versions.logs_refused_passwords(await connection.known_series())
        if asks_first and await connection.login(self.name, login, what.password) is None:
            raise ProofFailed("it does not take its own password", server=connection.server, database=self.name)
        return self._as(self._session.renamed(self.name, what.password), login), sizes

    async def begin_service(self, before: Sizes, *, note: bool, wake: bool) -> tuple[str, ...]:
        """Let a build begin its service, unless files are missing; name those.

        The action ends in the same transaction: where none is left after an answer was lost, all was done.
        """
        if self._began and not await observe_databases.count_server_actions(self._session):
            return ()
        self._began = True
        action = self._action or await furnishing.make(self._session)
        try:
            return await furnishing.begin_service(action, before, note=note, wake=wake)
        except Rejected:
            if await observe_databases.count_server_actions(self._session):
                raise
            return ()  # the run whose answer was lost ended it just now

    async def apply_settings(self, spec: DatabaseSpec) -> None:
        """Write languages, settings and parameters where they differ."""
        await settings.apply_settings(self._session, spec)

    async def require_nobody_at_work(self) -> None:
        """Refuse while a module operation is under way that this fleet did not begin."""
        await modules.require_nobody_else(self._session, self._now())

    async def remove_server_actions(self) -> None:
        """Remove the server actions that runs cut short left behind."""
        await server_actions.remove_left(self._session)

    async def install(self, wanted: Sequence[str]) -> bool:
        """Install what is missing and finish what was left half-way; tell whether anything was."""
        return await modules.install(self._session, wanted, self._now, self._sleep)

    async def code(self) -> Mapping[str, str]:
        """Return the versions of the host's code."""
        return await module_states.read_code(self._session)

    async def upgrade(self, to: Mapping[str, str]) -> None:
        """Upgrade modules to the versions of the host's code."""
        await upgrading.upgrade(self._session, to, self._now, self._sleep)

    async def prepare_upgrade(self, modules: Collection[str]) -> Mapping[str, str]:
        """Find out that nothing is in the way of an upgrade, and what belongs to it."""
        return await upgrading.prepare(self._session, modules, self._now())

    async def dependants(self, modules: Collection[str]) -> Mapping[str, str]:
        """Return all modules that depend on these."""
        return await module_states.read_dependants(self._session, modules)

    async def uninstall(self, modules: Collection[str], note: UpgradeNote) -> None:
        """Uninstall modules and all that depends on them."""
        await uninstalling.uninstall(self._session, modules, note, self._now, self._sleep)

    async def note_upgrade(self, note: UpgradeNote, *, proven: bool = False) -> None:
        """Note an upgrade that begins, that did not succeed, or that is proven."""
        await upgrading.note(self._session, note, proven=proven)

    async def altered(self) -> Mapping[str, int]:
        """Count by table what somebody has written since it was built."""
        return await alterations.altered(self._session)

    async def note_upgraded(self) -> None:
        """Count what an upgrade has written as part of its making."""
        await alterations.note_upgraded(self._session)

    async def note_rebuilding(self, note: Rebuilding) -> None:
        """Note why no new version took its place."""
        await alterations.note_rebuilding(self._session, note)

    async def quiesce(self) -> None:
        """Hold scheduled actions back."""
        await schedule.quiesce(self._session)

    async def wake(self) -> None:
        """Let the scheduled actions that were held back go again."""
        await schedule.wake(self._session)

    async def neutralize(self) -> None:
        """Make it harmless, beyond what its host did."""
        await neutralizing.neutralize(self._session)

    async def still_live(self) -> Sequence[str]:
        """Say what of it is not neutralized."""
        return await neutralizing.still_live(self._session)

    async def keep_asleep(self) -> None:
        """Let no scheduled action be switched on."""
        await neutralizing.keep_asleep(self._session)

    async def let_go(self) -> None:
        """Let scheduled actions be switched on again."""
        await neutralizing.let_go(self._session)

    async def write_mark(self, mark: Mark) -> None:
        """Write the ownership mark."""
        await marks.write_mark(self._session, mark)

    async def clear_digest(self) -> None:
        """Note in the mark that a change is under way."""
        await marks.clear_digest(self._session)

    async def note_move(self, origin: str) -> None:
        """Note in the mark the name that the database leaves; empty when the move is proven."""
        await marks.note_move(self._session, origin)

    async def note_in_service(self) -> None:
        """Note in the mark that the database is in service from now on."""
        await marks.note_in_service(self._session)

    async def note_restored(self, told: str) -> None:
        """Note of what it was restored, and when."""
        await marks.write_parameters(self._session, {RESTORED_FROM: told})

    async def note_ended(self, trash: str, *, replaced: bool = False) -> None:
        """Note in the mark that its text ended the database or another replaces it, with the trash name that it gets."""
        await marks.note_ended(self._session, trash, replaced=replaced)

    async def note_leaving(self, build: str) -> None:
        """Note into which build on another server it is packed."""
        await marks.note_leaving(self._session, build)

    async def note_moved(self, name: str, server: str) -> None:
        """Note under which name it stays behind, and where it goes on."""
        await marks.note_moved(self._session, name, server)

    async def leave(self, new: str) -> None:
        """Stay behind as what goes on elsewhere."""
        await apply_databases.leave(self._session, new)

    async def take_identity(self, uuid: str) -> None:
        """Give a marked build the uuid of the database that goes on in it."""
        await marks.take_identity(self._session, uuid)

    async def end(self, new: str) -> None:
        """Turn to trash what its text ended."""
        await apply_databases.end(self._session, new)

    async def bring_back(self, new: str) -> None:
        """Take what its text ended out of the trash again."""
        await apply_databases.bring_back(self._session, new)

    async def inside(self, tables: Sequence[str] = (), waking: Sequence[str] = ()) -> Inside:
        """Say by SQL how large it is with its files, how many rows these tables have, and how many active ones those."""
        return await insides.look(self._session, tables, waking)

    async def discard(self, new: str) -> None:
        """Turn a build that was never in service to trash."""
        await apply_databases.discard(self._session, new)

    async def drop_expired(self, now: datetime, limit: timedelta) -> None:
        """Drop it if it is an expired build that was never in service."""
        await apply_databases.drop_expired_build(self._session.connection, self.name, self._session, now, limit)

    async def drop_trash(
        self, fleet: str, wanted: Container[str], now: datetime, limit: timedelta, *, succeeded: bool
    ) -> None:
        """Drop it if it is trash past its limit that is nobody's any more."""
        await apply_databases.drop_trash(self._session, fleet, wanted, now, limit, succeeded=succeeded)

    async def set_apart(self, number: int) -> None:
        """Set the sequences by which workers tell databases of one name apart."""
        await signals.set_apart(self._session, number)
