"""Makes a new database unlike any former one of its name, in the eyes of the host's workers.

A worker remembers a database by *name*: its models, checked passwords and parameters. That another database has got the name
it notices only by sequence numbers inside the database, which clones take over from their template, so that two databases
built by the same steps have equal numbers: measured on 14 and 19, other workers then go on taking the former one's passwords
and serving its models, without end. Here all these numbers are set to one drawn at random, in a single transaction;
doing it again changes nothing.

By one of these numbers workers also notice that models were added, which before 19 an install tells them too late.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

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
"""


@asynccontextmanager
async def told_to_workers(session: DatabaseSession) -> AsyncIterator[None]:
    """Let all workers know the models that are added inside, before anything else is asked of them.

    A worker that does not know them writes rows without their columns. Where one may not be empty, the call is refused (a user
    and a server action, once mail is there, so this one is made before); else what the module would have written is missing.
    """
    if versions.tells_workers_of_modules(await session.connection.known_series()):
        yield
        return
    action = await ServerAction.make(session, _TELLS, TELL)
    try:
        yield
    except UnknownOutcome:
        raise
    except HostError:
        with suppress(HostError):  # what went wrong first is what is told
            await action.run({}, ends=_TELLS)
        raise
    await action.run({}, ends=_TELLS)
