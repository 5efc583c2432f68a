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

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from reconciler.core.failures import HostError, UnknownOutcome
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
            await _tell_once_they_know(session, sleep)
        return
    action = await ServerAction.make(session, _TELLS, TELL)
    try:
        yield telling
    except UnknownOutcome:
        raise
    except HostError:
        with suppress(HostError):  # what went wrong first is what is told
            await action.run({}, ends=_TELLS)
        raise
    await action.run({}, ends=_TELLS)


_POLL_SECONDS = 2.0


async def _tell_once_they_know(session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Wait until a worker can make and run a server action, as the one that installs has told them by then; then tell them again.

    Where mail is among the modules none can before; where it is not, telling them is enough.
    """
    waited = 0.0
    while True:
        try:
            await run_once(session, _TELLS, TELL)
        except HostError:
            if waited >= session.connection.timeouts.modules:
                raise
            await sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        else:
            return
