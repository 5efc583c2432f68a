"""Takes away what users of a template could log in with: a clone keeps all of it, and demonstration data bring known passwords.

No value of a password is involved, so none can be in a log. Users stay, with all that they own; whoever holds the admin
account can give them a new password.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.failures import ProofFailed
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession

_NAME = "take away what others could log in with"

# A password that is NULL is refused by `common.login` as a wrong one is (14 and 19: COALESCE(password, '')). Besides passwords:
# API keys, and OAuth tokens, which both pass for a password by RPC; links that set a password (up to 16 a column, later
# signed with the database's secret, which a clone draws anew); second factors, and what spares one the second factor.
_CODE = """\
kept = [env.ref('base.user_admin').id]
kept += env['res.users'].with_context(active_test=False).search([('login', 'in', env.context['odoo_fleet']['keep'])]).ids
env.cr.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()")
there = set(env.cr.fetchall())
env.cr.execute("UPDATE res_users SET password = NULL WHERE id NOT IN %s", [tuple(kept)])
if ('res_users', 'totp_secret') in there:
    env.cr.execute("UPDATE res_users SET totp_secret = NULL WHERE id NOT IN %s", [tuple(kept)])
for table, column in [('res_users', 'oauth_access_token'), ('res_partner', 'signup_token')]:
    if (table, column) in there:
        env.cr.execute("UPDATE " + table + " SET " + column + " = NULL WHERE " + column + " IS NOT NULL")
for table in ['res_users_apikeys', 'auth_totp_device', 'auth_passkey_key']:
    if (table, 'id') in there:
        env.cr.execute("DELETE FROM " + table)
env.cr.execute("SELECT count(*) FROM res_users WHERE password <> '' AND id NOT IN %s", [tuple(kept)])
answer = {'passwords': env.cr.fetchone()[0], 'keys': 0}
if ('res_users_apikeys', 'id') in there:
    env.cr.execute("SELECT count(*) FROM res_users_apikeys")
    answer['keys'] = env.cr.fetchone()[0]
"""


async def strip(session: DatabaseSession, keep: Sequence[str]) -> None:
    """Leave no password to any user but the admin account and the logins named, and no API key to anyone.

    Raises:
        ProofFailed: some are left.
    """
    left = await run_once(session, _NAME, _CODE, {"keep": list(keep)})
    if left["passwords"] or left["keys"]:
        what = f"{left['passwords']} passwords of other users and {left['keys']} API keys are left"
        raise ProofFailed(what, database=session.database)
