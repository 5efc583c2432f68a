"""One database as the engine sees it: the reads of `observe` and the writes of `apply` behind the engine's port."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection, Container, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import ProofFailed, Rejected
from reconciler.core.model.furnishing import Furnishing, Sizes
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.observed import RESTORED_FROM, Access, DatabaseLook, Mark, mark_of
from reconciler.core.model.specs import DatabaseSpec
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

P = ParamSpec("P")
T = TypeVar("T")
Now = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]


def _of(
    told: Callable[Concatenate[DatabaseSession, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[OdooDatabase, P], Coroutine[Any, Any, T]]:
    """Make a method of what takes a session and else the same: the port says of it what it does."""

    @functools.wraps(told)
    def method(self: OdooDatabase, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return told(self._session, *args, **kwargs)

    return method


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

    contents = _of(observe_databases.contents)
    module_versions = _of(module_states.read_versions)
    file_sizes = _of(observe_databases.file_sizes)
    read_files = _of(observe_databases.read_files)
    read_stored = _of(observe_databases.read_stored)
    write_files = _of(settings.write_files)
    logins = _of(observe_databases.logins)

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

    end_support = _of(support.end_support)

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

    apply_settings = _of(settings.apply_settings)

    async def require_nobody_at_work(self) -> None:
        """Refuse while a module operation is under way that this fleet did not begin."""
        await modules.require_nobody_else(self._session, self._now())

    remove_server_actions = _of(server_actions.remove_left)

    async def install(self, wanted: Sequence[str]) -> bool:
        """Install what is missing and finish what was left half-way; tell whether anything was."""
        return await modules.install(self._session, wanted, self._now, self._sleep)

    code = _of(module_states.read_code)

    async def upgrade(self, to: Mapping[str, str]) -> None:
        """Upgrade modules to the versions of the host's code."""
        await upgrading.upgrade(self._session, to, self._now, self._sleep)

    async def prepare_upgrade(self, modules: Collection[str]) -> Mapping[str, str]:
        """Find out that nothing is in the way of an upgrade, and what belongs to it."""
        return await upgrading.prepare(self._session, modules, self._now())

    dependants = _of(module_states.read_dependants)

    async def uninstall(self, modules: Collection[str], note: UpgradeNote) -> None:
        """Uninstall modules and all that depends on them."""
        await uninstalling.uninstall(self._session, modules, note, self._now, self._sleep)

    async def note_upgrade(self, note: UpgradeNote, *, proven: bool = False) -> None:
        """Note an upgrade that begins, that did not succeed, or that is proven."""
        await upgrading.note(self._session, note, proven=proven)

    altered = _of(alterations.altered)
    note_upgraded = _of(alterations.note_upgraded)
    note_rebuilding = _of(alterations.note_rebuilding)
    quiesce = _of(schedule.quiesce)
    wake = _of(schedule.wake)
    neutralize = _of(neutralizing.neutralize)
    still_live = _of(neutralizing.still_live)
    keep_asleep = _of(neutralizing.keep_asleep)
    let_go = _of(neutralizing.let_go)
    write_mark = _of(marks.write_mark)
    clear_digest = _of(marks.clear_digest)
    note_move = _of(marks.note_move)
    note_in_service = _of(marks.note_in_service)

    async def note_restored(self, told: str) -> None:
        """Note of what it was restored, and when."""
        await marks.write_parameters(self._session, {RESTORED_FROM: told})

    note_ended = _of(marks.note_ended)
    note_leaving = _of(marks.note_leaving)
    note_moved = _of(marks.note_moved)
    leave = _of(apply_databases.leave)
    take_identity = _of(marks.take_identity)
    end = _of(apply_databases.end)
    bring_back = _of(apply_databases.bring_back)
    inside = _of(insides.look)
    discard = _of(apply_databases.discard)

    async def drop_expired(self, now: datetime, limit: timedelta) -> None:
        """Drop it if it is an expired build that was never in service."""
        await apply_databases.drop_expired_build(self._session.connection, self.name, self._session, now, limit)

    async def drop_trash(
        self, fleet: str, wanted: Container[str], now: datetime, limit: timedelta, *, succeeded: bool
    ) -> None:
        """Drop it if it is trash past its limit that is nobody's any more."""
        await apply_databases.drop_trash(self._session, fleet, wanted, now, limit, succeeded=succeeded)

    set_apart = _of(signals.set_apart)
