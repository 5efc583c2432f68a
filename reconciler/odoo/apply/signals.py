"""Makes a new database unlike any former one of its name, in the eyes of the host's workers.

A worker remembers a database by *name*: its models, checked passwords and parameters. That another database has got the name
it notices only by sequence numbers inside the database, which clones take over from their template, so that two databases
built by the same steps have equal numbers: measured on 14 and 19, other workers then go on taking the former one's passwords
and serving its models, without end. Here all these numbers are set to one drawn at random, in a single transaction;
doing it again changes nothing.
"""

from __future__ import annotations

from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession

_NAME = "set the signalling sequences apart"

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
