"""Makes a new database unlike any former one of its name, in the eyes of the host's workers.

A worker remembers a database by *name*: its models, checked passwords and parameters. That another database has got the name
it notices only by sequence numbers inside the database, which clones take over from their template, so that two databases
built by the same steps have equal numbers: measured on 14 and 19, other workers then go on taking the former one's passwords
and serving its models, without end. Here all these numbers are set to one drawn at random, in a single transaction;
doing it again changes nothing.

By one of these numbers workers also notice that models were added, which before 19 an install tells them too late. 19 tells them
before it answers, which is too late as well where its answer was lost: modules count as installed a while before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from reconciler.core.model.failures import HostError, LacksColumn, ProofFailed, UnknownOutcome
from reconciler.odoo import versions
from reconciler.odoo.apply.server_actions import ServerAction, run_once
from reconciler.odoo.connection import DatabaseSession

_NAME = "set the signalling sequences apart"
_TELLS = "tell the workers of new models"

# 14 to 17 keep sequences named base_…signaling…; 19 keeps tables named orm_signaling_… with a serial id (orm/registry.py).
SET_APART = """\
number = env.context['odoo_fleet']['number']
env.cr.execute(\"\"\"SELECT relname, relkind FROM pg_class WHERE (relkind = 'S' AND relname LIKE 'base%signaling%')
                  OR (relkind = 'r' AND relname LIKE 'orm_signaling_%')\"\"\")
for relation, kind in env.cr.fetchall():
    if kind == 'S':
        env.cr.execute("SELECT setval(%s, %s)", [relation, number])
    else:
        env.cr.execute('SELECT COALESCE(max(id), 0) FROM "' + relation + '"')
        if env.cr.fetchone()[0] < number:
            env.cr.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [relation, number])
            env.cr.execute('INSERT INTO "' + relation + '" DEFAULT VALUES')
"""


async def set_apart(session: DatabaseSession, number: int) -> None:
    """Set the sequences; call it before the database gets its name."""
    await run_once(session, _NAME, SET_APART, {"number": number})


# Of the worker that runs it nothing is asked: it may not know the new models itself.
TELL = """\
env.cr.execute("SELECT nextval(oid::regclass) FROM pg_class WHERE relkind = 'S' AND relname = 'base_registry_signaling'")
env.cr.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname = 'orm_signaling_registry'")
for [relation] in env.cr.fetchall():
    env.cr.execute('INSERT INTO "' + relation + '" DEFAULT VALUES')
"""


@dataclass(slots=True)
class Telling:
    """What goes on while workers are not told yet; `lost` once its answer was."""

    lost: bool = False


@asynccontextmanager
async def told_to_workers(
    session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[Telling]:
    """Let all workers know the models that are added inside, before anything else is asked of them.

    A worker that does not know them writes rows without their columns. Where one may not be empty, the call is refused (a user
    and a server action, once mail is there, so this one is made before); else what the module would have written is missing.

    Args:
        session: the database.
        sleep: waits.
    """
    telling = Telling()
    if versions.tells_workers_of_modules(await session.connection.known_series()):
        yield telling
        if telling.lost:
            await tell_once_they_know(session, sleep)
        return
    action = await ServerAction.make(session, _TELLS, TELL)
    async with _told_if_refused(action):
        yield telling
    await action.run({}, ends=_TELLS)


@asynccontextmanager
async def _told_if_refused(action: ServerAction) -> AsyncIterator[None]:
    try:
        yield
    except UnknownOutcome:
        raise
    except HostError:
        with suppress(HostError):  # what went wrong first is what is told
            await action.run({}, ends=_TELLS)
        raise


_POLL_SECONDS = 2.0


async def tell_once_they_know(session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Wait until a worker can make and run a server action, as the one that installs has told them by then; then tell them again.

    Where mail is among the modules none can before; where it is not, telling them is enough.
    """
    waited = 0.0
    while True:
        try:
            await run_once(session, _TELLS, TELL)
        except HostError:
            if waited >= session.connection.timeouts.modules_seconds:
                raise
            await sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        else:
            return


_SOON = 0.5
_TRIES = 60
_OFTEN = 3
_AT_ONCE = 8
"""So many questions at once meet all workers of most hosts."""


@asynccontextmanager
async def told_of_removal(
    session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[Telling]:
    """Let all workers forget the models that are taken away inside, before anything else is asked of them.

    A worker that was not told asks for a column of users that is gone. Up to 18 it does so to check a password, before it looks
    whether it was told; what it remembers of the password lets one in all the same, so it is made to remember before, and nothing
    that empties its memory is done until all have forgotten the models.

    Args:
        session: the database.
        sleep: waits.

    Raises:
        ProofFailed: a worker goes on asking.
    """
    telling = Telling()
    if versions.tells_workers_of_modules(await session.connection.known_series()):
        yield telling
        if telling.lost:
            await tell_once_they_know(session, sleep)
        await until_nobody_asks_for_what_is_gone(session, sleep)
        return
    action = await ServerAction.make(session, _TELLS, TELL)
    for _ in range(_OFTEN):  # the first time a worker may find that what it remembers is out of date
        await asyncio.gather(*_questions(session))
    async with _told_if_refused(action):
        yield telling
    await _run_where_it_can(action, sleep)
    await until_nobody_asks_for_what_is_gone(session, sleep)
    await action.run({}, ends=_TELLS)


async def _run_where_it_can(action: ServerAction, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Tell it by whichever worker can; the action does not end with that, which would empty the memory of that worker."""
    for _ in range(_TRIES):
        try:
            await action.run({})
        except LacksColumn:
            await sleep(_SOON)
        else:
            return
    await action.run({})


async def until_nobody_asks_for_what_is_gone(
    session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Have all workers load the models anew, once some are gone and they were told.

    Whom a password is not remembered for is reached by a request for a page of the database: people's do that anyway.

    Raises:
        ProofFailed: some go on asking, as those may that no page of this database can be had from.
    """
    for _ in range(_TRIES):
        answers = await asyncio.gather(*_questions(session), return_exceptions=True)
        failures = [each for each in answers if isinstance(each, BaseException)]
        if other := [each for each in failures if not isinstance(each, LacksColumn)]:
            raise other[0]
        if not failures:
            return
        site = session.database if "." in session.database else f"{session.database}.localhost"
        await asyncio.gather(*(session.connection.served_databases(site) for _ in range(_AT_ONCE)))
        await sleep(_SOON)
    what = "a worker of its host still asks for what has gone with the modules"
    advice = "restart Odoo there, or open a page of this database some times"
    raise ProofFailed(what, server=session.connection.server, database=session.database, advice=advice)


def _questions(session: DatabaseSession) -> list[Awaitable[object]]:
    return [session.search("res.users", [], limit=1) for _ in range(_AT_ONCE)]
