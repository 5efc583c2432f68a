"""Makes a copy of a customer's database harmless, and finds out afresh whether it is.

A host from 17.0 on does this by itself while it restores (`apply.databases.restore`): each of its modules knows what in it
reaches the outside, and only that host says by a parameter of the database that it was done. What is written here goes
beyond it on every version (a mail that waits is its source's, and a password of a mail server is the customer's), and is all
that there is on an older one: there it also leaves the parameter, and a mail server that leads nowhere, without which Odoo
would send by that of its configuration file.

Nothing here wakes: what a restore held back is forgotten, but for Odoo's own tidying up. While modules come into what is
neutralized, a trigger of its table keeps each new scheduled action off: a host runs those as soon as they are there, whatever
the database is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.model.observed import ASLEEP, HELD_MAIL_SERVERS, MARK_PREFIX, NEUTRALIZED
from reconciler.odoo import versions
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession

NAME = "neutralize"
_HELD = MARK_PREFIX + "quiesced"


@dataclass(frozen=True, slots=True)
class Point:
    """Something in a table that may reach the outside.

    Args:
        what: it is, for people.
        table: where, if the database has it with these columns.
        columns: what the conditions name.
        live: which rows may reach it, as SQL.
        change: what makes them harmless.
        secrets: columns with one of these words in their names hold what opens a way, and are emptied.
    """

    what: str
    table: str
    columns: tuple[str, ...] = ()
    live: str = ""
    change: str = ""
    secrets: tuple[str, ...] = ()


_OF_MAIL = ("user", "pass", "token", "secret", "certificate", "private_key", "authorization_code")
_OF_CALENDARS = ("calendar_token", "calendar_rtoken")
POINTS = (
    Point("active scheduled actions", "ir_cron", ("active",), "active", "active = false"),
    # Up to 16 a mail that names its server goes by it, active or not.
    Point(
        "mail servers that lead somewhere",
        "ir_mail_server",
        ("active", "smtp_host"),
        "smtp_host IS DISTINCT FROM 'invalid'",
        "active = false, smtp_host = 'invalid'",
        _OF_MAIL,
    ),
    Point(
        "servers of incoming mail",
        "fetchmail_server",
        ("active", "state"),
        "active OR state = 'done'",
        "active = false, state = 'draft'",
        _OF_MAIL,
    ),
    Point("mails that wait", "mail_mail", ("state",), "state = 'outgoing'", "state = 'cancel'"),
    Point("text messages that wait", "sms_sms", ("state",), "state = 'outgoing'", "state = 'canceled'"),
    *(
        Point("payment providers", table, ("state",), "state NOT IN ('test', 'disabled')", "state = 'disabled'")
        for table in ("payment_provider", "payment_acquirer")
    ),
    Point(
        "accounts of paid services",
        "iap_account",
        ("account_token",),
        "account_token NOT LIKE '%+disabled'",
        "account_token = 'neutralized+disabled'",
    ),
    Point(
        "carriers in earnest", "delivery_carrier", ("prod_environment",), "prod_environment", "prod_environment = false"
    ),
    # Up to 16, where it is a column; a later one is signed with the database's secret, which a copy draws anew.
    Point(
        "links that set a password", "res_partner", ("signup_token",), "signup_token IS NOT NULL", "signup_token = NULL"
    ),
    Point("domains of websites", "website", ("domain",), "domain <> ''", "domain = NULL"),
    *(
        Point("calendars that are kept elsewhere too", table, secrets=_OF_CALENDARS)
        for table in ("res_users", "res_users_settings", "google_calendar_credentials")
    ),
)

# Tables differ from version to version and from module to module, so it is looked up what there is.
_CODE = f"""\
neutral = env.context['odoo_fleet']
points = {[(p.what, p.table, list(p.columns), p.live, p.change, list(p.secrets)) for p in POINTS]!r}
env.cr.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()")
tables = {{}}
for table, column in env.cr.fetchall():
    tables.setdefault(table, []).append(column)
found = []
for what, table, columns, live, change, words in points:
    there = tables.get(table, [])
    if not there or [column for column in columns if column not in there]:
        continue
    rows, changes = [], []
    if live:
        rows.append(live)
        changes.append(change)
    for column in there:
        secret = False
        for word in words:
            secret = secret or (word in column and column[-3:] != '_id')
        if secret:
            rows.append('"' + column + '" IS NOT NULL')
            changes.append('"' + column + '" = NULL')
    if rows:
        found.append([what, table, ' OR '.join(rows), ', '.join(changes)])
clean = env(context={{'active_test': False}})
stored = dict([(row.key, row) for row in clean['ir.config_parameter'].search([])])
tidying = clean.ref('base.autovacuum_job', raise_if_not_found=False)
held = str(tidying.id) if tidying else ''
if neutral['write']:
    for what, table, rows, changes in found:
        env.cr.execute('UPDATE ' + table + ' SET ' + changes + ' WHERE ' + rows)
    kept = {{'{_HELD}': held}}
    if neutral['alone']:
        kept['{NEUTRALIZED}'] = 'true'
        if not clean['ir.mail_server'].search([('active', '=', True)]):
            clean['ir.mail_server'].create({{'name': 'neutralization - disable emails', 'smtp_host': 'invalid',
                                            'smtp_port': 1025, 'smtp_encryption': 'none'}})
    for key in [key for key in ['{_HELD}', '{HELD_MAIL_SERVERS}'] if key in stored]:
        stored.pop(key).unlink()
    for key, value in kept.items():
        if key in stored:
            stored[key].write({{'value': value}})
        elif value:
            clean['ir.config_parameter'].create({{'key': key, 'value': value}})
else:
    live = {{}}
    for what, table, rows, changes in found:
        env.cr.execute('SELECT count(*) FROM ' + table + ' WHERE ' + rows)
        live[what] = live.get(what, 0) + env.cr.fetchone()[0]
    answer.update(
        live=live,
        said='{NEUTRALIZED}' in stored and (stored['{NEUTRALIZED}'].value or '').lower() in ['true', 't', '1'],
        nowhere=len(clean['ir.mail_server'].search([('active', '=', True), ('smtp_host', '=', 'invalid')])),
        held='{HELD_MAIL_SERVERS}' in stored or ('{_HELD}' in stored and stored['{_HELD}'].value or '') not in ['', held])
"""  # noqa: S608 -- names of tables of Odoo's, from above


async def neutralize(session: DatabaseSession) -> None:
    """Write all of it, or nothing."""
    alone = not versions.neutralizes(await session.connection.known_series())
    await run_once(
        session, NAME, _CODE, {"write": True, "alone": alone}, timeout=session.connection.timeouts.modules_seconds
    )


async def still_live(session: DatabaseSession) -> Sequence[str]:
    """Say, after a fresh look, what of a database is not neutralized; nothing if all of it is."""
    answer = await run_once(session, NAME, _CODE, {"write": False})
    found = [f"{number} {what}" for what, number in sorted(answer["live"].items()) if number]
    if not answer["said"]:
        found.append(f"it does not say that it was neutralized ({NEUTRALIZED})")
    if not answer["nowhere"]:
        found.append("no mail server that leads nowhere, so that it sends by the host's own")
    if answer["held"]:
        found.append("scheduled actions or mail servers that would wake")
    return found


_GUARD = "odoo_fleet_asleep"
_GUARDED = f"""\
asleep = env.context['odoo_fleet']['asleep']
env.cr.execute("SELECT count(*) FROM pg_trigger WHERE tgname = '{_GUARD}' AND tgrelid = 'ir_cron'::regclass")
there = env.cr.fetchone()[0]
if asleep and not there:
    env.cr.execute('''CREATE OR REPLACE FUNCTION {_GUARD}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' THEN NEW.active := false;
        ELSIF NOT OLD.active THEN NEW.active := false; END IF;
        RETURN NEW; END $$''')
    env.cr.execute("CREATE TRIGGER {_GUARD} BEFORE INSERT OR UPDATE ON ir_cron FOR EACH ROW EXECUTE PROCEDURE {_GUARD}()")
if there and not asleep:
    env.cr.execute('DROP FUNCTION {_GUARD}() CASCADE')
noted = env['ir.config_parameter'].search([('key', '=', '{ASLEEP}')])
if asleep and not noted:
    env['ir.config_parameter'].create({{'key': '{ASLEEP}', 'value': 'yes'}})
if noted and not asleep:
    noted.unlink()
"""  # noqa: S608 -- names of ours, from above


async def keep_asleep(session: DatabaseSession) -> None:
    """Let no scheduled action be switched on from now on, in whatever way, and note that."""
    await run_once(session, "keep asleep", _GUARDED, {"asleep": True})


async def let_go(session: DatabaseSession) -> None:
    """Let scheduled actions be switched on again."""
    await run_once(session, "let go", _GUARDED, {"asleep": False})
