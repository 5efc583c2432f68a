"""What only a database's own SQL tells: how large it is, how many rows its tables have, and what in it would wake by itself."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.model.observed import Inside
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession

# Numbers as text: 14 sends none above 2 GiB by XML-RPC.
_CODE = """\
asked = env.context['odoo_fleet']
env.cr.execute('''SELECT pg_database_size(current_database()) + coalesce(sum(file_size), 0) FROM (
    SELECT DISTINCT store_fname, file_size FROM ir_attachment WHERE store_fname IS NOT NULL) AS files''')
answer.update(bytes=str(env.cr.fetchone()[0]), rows={}, active={})
env.cr.execute('''SELECT count(*) FROM res_users WHERE active AND share IS NOT TRUE
    AND left(login, 19) <> 'odoo-fleet-support-' AND id NOT IN (
    SELECT res_id FROM ir_model_data WHERE module = 'base' AND name IN ('user_admin', 'user_root'))''')
answer['users'] = str(env.cr.fetchone()[0])
for table in asked['tables']:
    env.cr.execute('SELECT count(*) FROM "%s"' % table)
    answer['rows'][table] = str(env.cr.fetchone()[0])
for table in asked['waking']:
    env.cr.execute('SELECT count(*) FROM "%s" WHERE active' % table)
    answer['active'][table] = str(env.cr.fetchone()[0])
"""


async def look(session: DatabaseSession, tables: Sequence[str] = (), waking: Sequence[str] = ()) -> Inside:
    """Look into a database by SQL.

    Args:
        session: of an account with all rights.
        tables: whose rows are counted.
        waking: whose active rows are counted.
    """
    for name in (*tables, *waking):
        if not (name.isascii() and name.replace("_", "").isalnum()):
            raise ValueError(f"{name!r} is no name of a table of Odoo's")
    answer = await run_once(session, "inside", _CODE, {"tables": list(tables), "waking": list(waking)})
    return Inside(
        bytes=int(answer["bytes"]),
        users=int(answer["users"]),
        rows={str(table): int(number) for table, number in answer["rows"].items()},
        active={str(table): int(number) for table, number in answer["active"].items()},
    )
