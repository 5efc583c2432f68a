"""Finds out whether anybody but this tool has written in a template since it was built: what is in it may be somebody's work.

Rows say themselves when they were written; the last that a build writes is its mark. Rows that were deleted leave no trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.model.observed import MADE_OF, NOTED_UPGRADE, REBUILDING
from reconciler.core.policies.template_versions import CLOCK_AHEAD, Rebuilding
from reconciler.odoo.apply.marks import write_parameters
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession

PASSED_OVER = (
    "bus_bus",
    "bus_presence",
    "ir_act_server",
    "ir_actions_server_history",
    "ir_config_parameter",
    "ir_cron",
    "ir_cron_progress",
    "ir_cron_trigger",
    "ir_logging",
    "mail_mail",
    "mail_presence",
    "mail_tracking_value",
    "res_device_log",
    "res_lang",
    "res_users_log",
)
"""What this tool writes in place, and what every login leaves behind. Of attachments, those of no record are passed over too:
bundles of pages, made when one is looked at; of users the admin account; of messages all that nobody wrote, as the one by which
19 tells that account of its new password."""

# Rows of a child table are its own: ONLY. What a wizard holds is nobody's work.
_CODE = """\
written = env.context['odoo_fleet']
passed = set(written['passed_over'])
passed.update([name.replace('.', '_') for name in env['ir.model'].search([('transient', '=', True)]).mapped('model')])
moments = dict([(key, None) for key in [written['since'], written['until']]])
env.cr.execute("SELECT key, write_date FROM ir_config_parameter WHERE key IN %s", [tuple(moments)])
moments.update(dict(env.cr.fetchall()))
since, until = moments[written['since']], moments[written['until']] or 'infinity'
env.cr.execute('''SELECT tables.table_name FROM information_schema.tables AS tables
    JOIN information_schema.columns AS columns USING (table_schema, table_name)
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND column_name = 'write_date' ORDER BY 1''')
for table in [row[0] for row in env.cr.fetchall() if since and row[0] not in passed]:
    others = {'ir_attachment': " AND res_model IS NOT NULL AND res_model <> 'ir.ui.view'",
              'mail_message': " AND message_type IN ('comment', 'email')",
              'res_users': ' AND id <> %s' % env.ref('base.user_admin').id}.get(table, '')
    asked = 'SELECT count(*) FROM ONLY "' + table + '" WHERE write_date > %s AND write_date < %s' + others
    env.cr.execute(asked, [since, until])
    found = env.cr.fetchone()[0]
    if found:
        answer[table] = found
env.cr.execute("SELECT %s > now() AT TIME ZONE 'UTC'", [since])
if env.cr.fetchone()[0]:
    answer[written['ahead']] = 1
if written['settles'] and not answer:
    env.cr.execute("UPDATE ir_config_parameter SET write_date = now() AT TIME ZONE 'UTC' WHERE key = %s", [written['since']])
"""


async def altered(session: DatabaseSession) -> Mapping[str, int]:
    """Count by table the rows that were written since the database was built; `CLOCK_AHEAD` where that is still to come."""
    return await _look(session, "")


async def note_upgraded(session: DatabaseSession) -> None:
    """Have what an upgrade that was noted has written count as part of its making, unless somebody had written before that."""
    await _look(session, NOTED_UPGRADE)


async def _look(session: DatabaseSession, until: str) -> Mapping[str, int]:
    given = {
        "passed_over": list(PASSED_OVER),
        "since": MADE_OF,
        "until": until,
        "ahead": CLOCK_AHEAD,
        "settles": bool(until),
    }
    answer = await run_once(session, "altered", _CODE, given)
    return {str(table): int(number) for table, number in answer.items()}


async def note_rebuilding(session: DatabaseSession, note: Rebuilding) -> None:
    """Note why no new version took its place."""
    await write_parameters(session, {REBUILDING: str(note)})
