"""The one module that creates, clones, restores, renames or drops a database.

Each function checks its own precondition at the moment that it acts and refuses (`Refused`, nothing sent) where it does not
hold. The law: new databases get building names only; renames follow `core.model.names`; only building names and trash
are dropped, and of what this run did not make only what was never in service, or what its text ended and whose retention is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container
from datetime import datetime, timedelta
from typing import BinaryIO

from reconciler.core.model import names
from reconciler.core.model.failures import DatabaseExists, HalfMadeDatabase, NoSuchDatabase, Refused
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import Mark
from reconciler.core.policies import claims, endings
from reconciler.odoo import versions
from reconciler.odoo.apply import marks
from reconciler.odoo.connection import DatabaseSession, HostConnection
from reconciler.odoo.forms import Form, not_restored
from schemas.secrets import Secret

_WORKERS_REACHED = 16
_NOBODYS = Secret("nobody's")


async def create(
    connection: HostConnection, name: str, *, demo: bool, lang: str, login: str, password: Secret, country_code: str
) -> None:
    """Create a database under a building name.

    The host answers true whatever became of it (14 to 19.0, service/db.py): only a login proves that it is whole.
    """
    _require_building(connection, name)
    arguments: list[object] = [connection.master_password(), name, demo, lang, password, login]
    if country_code:
        arguments.append(country_code.lower())
    await connection.change("db", "create_database", *arguments, timeout=connection.timeouts.create_seconds)


async def clone(connection: HostConnection, source: str, name: str, *, neutralize: bool) -> None:
    """Clone a database to a building name. Neither the answer nor the listing proves the files to be whole."""
    _require_building(connection, name)
    arguments: list[object] = [connection.master_password(), source, name]
    if neutralize:
        if not versions.neutralizes(await connection.known_series()):
            raise Refused("this Odoo cannot neutralize a clone", server=connection.server, database=name)
        arguments.append(True)
    await connection.change("db", "duplicate_database", *arguments, timeout=connection.timeouts.clone_seconds)


async def restore(connection: HostConnection, name: str, archive: BinaryIO, *, neutralize: bool, is_copy: bool) -> None:
    """Restore an archive to a building name. Neither the answer nor a login proves rows and files to be whole.

    A copy gets a `database.secret` of its own; what goes on in the place of its original keeps it, and with it the links that
    were sent to people.

    The archive must have been prepared (`archives.archive.prepare`): a plain one runs its scheduled actions while it comes in,
    neutralized or not. A host that is too old to neutralize passes over that it is asked to.
    """
    _require_building(connection, name)
    # Odoo's pages take the master password that comes for the host's own where that is still `admin`: not before it is known.
    await connection.check_master_password()
    asked = {"copy": is_copy, "neutralize_database": neutralize}
    fields = dict.fromkeys((field for field, is_asked in asked.items() if is_asked), "true")
    form = Form("restore", name, "", connection.master_password(), fields, archive)
    if problem := not_restored(await connection.send_page(form, timeout=connection.timeouts.backup_seconds)):
        what = connection.clean(problem.what)
        raise type(problem)(what, server=connection.server, database=name, advice=problem.advice)


async def rename(connection: HostConnection, old: str, new: str) -> None:
    """Rename a database along its way: see `names.forbidden_rename`."""
    if forbidden := names.forbidden_rename(old, new):
        raise Refused(forbidden, server=connection.server, database=old)
    await _rename(connection, old, new)


async def discard(session: DatabaseSession, new: str) -> None:
    """Turn to trash a build that bears the lock, and whose own mark says now that it was never in service."""
    forbidden = names.forbidden_trash(session.database, new)
    if not forbidden and not claims.is_unused(*await marks.read_mark(session)):
        forbidden = "its mark does not say that it was never in service"
    await _move(session, new, forbidden)


async def end(session: DatabaseSession, new: str) -> None:
    """Turn to trash a database that bears the lock, and in which it is noted now that its text ended it under this very name."""
    forbidden = names.forbidden_trash(session.database, new) or await _why_not_ended(session, new)
    await _move(session, new, forbidden)


async def leave(session: DatabaseSession, new: str) -> None:
    """Have a database that bears the lock stay behind, in which it is noted now that it goes on elsewhere, and this very name."""
    forbidden = names.forbidden_leave(session.database, new)
    if not forbidden:
        uuid, mark = await marks.read_mark(session)
        if mark is None or mark.uuid != uuid or mark.moved != new:
            forbidden = f"nothing in it says that it goes on elsewhere, and stays behind as {new}"
    await _move(session, new, forbidden)


async def end_half_made(connection: HostConnection, old: str, new: str) -> None:
    """Turn to trash what bears the lock and nobody can log in to, since its initialisation never ended: nothing in it runs."""
    forbidden = names.forbidden_trash(old, new)
    if not forbidden:
        forbidden = "its initialisation has ended: what may run is held back before it becomes trash"
        try:
            await connection.login(old, "", _NOBODYS)
        except HalfMadeDatabase:  # without models no scheduled action is found
            forbidden = ""
    if forbidden:
        raise Refused(forbidden, server=connection.server, database=old)
    await _rename(connection, old, new)


async def bring_back(session: DatabaseSession, new: str) -> None:
    """Take a database that its text ended out of the trash again, to a name that nobody reaches; or back from a move.

    From a move only as long as it is not noted that it went on elsewhere: what is here has been overtaken since.
    """
    old = session.database
    forbidden = names.forbidden_return(old, new)
    if not forbidden and names.parse(old).state is NameState.MOVED:
        forbidden = claims.why_not_back(*await marks.read_mark(session))
    elif not forbidden:
        forbidden = await _why_not_ended(session, old)
    await _move(session, new, forbidden)


async def drop_own_build(connection: HostConnection, name: str) -> None:
    """Drop a building name that this very run made up; the caller answers for that, the name for the rest."""
    _require_building(connection, name)
    await _drop(connection, name)


async def drop_expired_build(
    connection: HostConnection, name: str, session: DatabaseSession | None, now: datetime, limit: timedelta
) -> None:
    """Drop a building name that is older than the build limit now, and was never in service by what is in it now.

    Args:
        connection: to its host.
        name: the name.
        session: the database, open; None where nobody can log in because its initialisation never ended.
        now: the time of day, UTC.
        limit: how old it has to be.
    """
    refused = ""
    if not names.is_expired_build(names.parse(name), now, limit):
        refused = f"{name!r} is not a building name older than {limit}"
    elif session is not None and session.database == name:
        refused = claims.why_kept(*await marks.read_mark(session))
    elif session is not None or not await connection.is_half_made(name):
        refused = "whether it was ever in service cannot be told"
    if refused:
        raise Refused(refused, server=connection.server, database=name)
    await _drop(connection, name)


async def drop_trash(
    session: DatabaseSession, fleet: str, wanted: Container[str], now: datetime, limit: timedelta, *, succeeded: bool
) -> None:
    """Drop trash, or what a move left behind, that is older than the retention now, by both clocks and by what is in it now.

    Args:
        session: the database, open.
        fleet: the code of the fleet whose mark it has to bear.
        wanted: declared names that are to have a database: trash of one may be wanted back, whatever bears the name meanwhile.
        now: the time of day, UTC.
        limit: how old it has to be.
        succeeded: whether its document has another database in service, which was opened just now: what that replaced, or what
            moved there, is not wanted back.
    """
    connection, name = session.connection, names.parse(session.database)
    if not names.is_expired_trash(name, now, limit):
        refused = f"{name.text!r} is no trash older than {limit}"
    else:
        refused = _why_kept(*await marks.read_mark(session), name, fleet, wanted, succeeded=succeeded)
    if not refused and (doubt := endings.clock_doubt(now, connection.clock, connection.server)):
        refused = doubt.why
    if refused:
        raise Refused(refused, server=connection.server, database=name.text)
    await _drop(connection, name.text)


async def forget_name(connection: HostConnection, name: str) -> None:
    """Make workers forget what they remember under a name that no database bears, where that is needed (up to 18).

    Before 19 a worker checks a password before it looks at the sequence numbers, so that each takes a former one once. The
    first thing that a rename does is to forget the old name, in the worker that runs it; that it then fails, since there is
    no such database, is what is wanted. The calls are sent at once, so that they meet as many workers as possible.
    """
    if not versions.keeps_former_passwords_cached(await connection.known_series()):
        return
    if await connection.database_exists(name):
        raise Refused(f"a database {name!r} exists", server=connection.server, database=name)
    calls = (_rename(connection, name, name) for _ in range(_WORKERS_REACHED))
    for ended in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(ended, BaseException) and not isinstance(ended, (NoSuchDatabase, DatabaseExists)):
            raise ended


def _require_building(connection: HostConnection, name: str) -> None:
    if names.parse(name).state is not NameState.BUILDING:
        raise Refused(f"{name!r} is not a building name", server=connection.server, database=name)


def _why_kept(
    uuid: str, mark: Mark | None, name: DatabaseName, fleet: str, wanted: Container[str], *, succeeded: bool
) -> str:
    if kept := claims.why_trash_kept(uuid, mark, name.text, fleet, succeeded=succeeded):
        return kept
    if name.target in wanted and not (succeeded and claims.is_replaced(mark, name.text)):
        return f"a document declares {name.target}, and may want it back"
    return ""


async def _why_not_ended(session: DatabaseSession, trash: str) -> str:
    uuid, mark = await marks.read_mark(session)
    is_ended = mark is not None and mark.uuid == uuid and mark.ended == trash
    return "" if is_ended else f"nothing in it says that its text ended it as {trash}"


async def _move(session: DatabaseSession, new: str, forbidden: str) -> None:
    if forbidden:
        raise Refused(forbidden, server=session.connection.server, database=session.database)
    await _rename(session.connection, session.database, new)


async def _rename(connection: HostConnection, old: str, new: str) -> None:
    await connection.change(
        "db", "rename", connection.master_password(), old, new, timeout=connection.timeouts.rename_seconds
    )


async def _drop(connection: HostConnection, name: str) -> None:
    await connection.change(
        "db", "drop", connection.master_password(), name, timeout=connection.timeouts.rename_seconds
    )
