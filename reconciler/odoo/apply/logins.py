"""Takes away what users of a template could log in with: a clone keeps all of it, and demonstration data bring known passwords.

No value of a password is involved, so none can be in a log. Users stay, with all that they own; whoever holds the admin
account can give them a new password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.model.failures import ProofFailed
from reconciler.fleet.counting import count

# A password that is NULL is refused by `common.login` as a wrong one is (14 and 19: COALESCE(password, '')). Besides passwords:
# API keys, and OAuth tokens, which both pass for a password by RPC; links that set a password (up to 16 a column, later
# signed with the database's secret, which a clone draws anew); second factors, and what spares one the second factor.
STRIP = """\
kept = env.ref('base.user_admin').id
env.cr.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()")
there = set(env.cr.fetchall())
env.cr.execute("UPDATE res_users SET password = NULL WHERE id <> %s", [kept])
if ('res_users', 'totp_secret') in there:
    env.cr.execute("UPDATE res_users SET totp_secret = NULL WHERE id <> %s", [kept])
for table, column in [('res_users', 'oauth_access_token'), ('res_partner', 'signup_token')]:
    if (table, column) in there:
        env.cr.execute("UPDATE " + table + " SET " + column + " = NULL WHERE " + column + " IS NOT NULL")
for table in ['res_users_apikeys', 'auth_totp_device', 'auth_passkey_key']:
    if (table, 'id') in there:
        env.cr.execute("DELETE FROM " + table)
env.cr.execute("SELECT count(*) FROM res_users WHERE password <> '' AND id <> %s", [kept])
answer.update(passwords=env.cr.fetchone()[0], keys=0)
if ('res_users_apikeys', 'id') in there:
    env.cr.execute("SELECT count(*) FROM res_users_apikeys")
    answer.update(keys=env.cr.fetchone()[0])
"""
"""Leaves no password to any user but the admin account, and no API key to anyone; answers how many are left."""


def require_stripped(answer: Mapping[str, Any], database: str) -> None:
    """Demand of what the code answered that nothing was left.

    Raises:
        ProofFailed: some are left.
    """
    if answer["passwords"] or answer["keys"]:
        what = (
            f"{count(answer['passwords'], 'password')} of other users and {count(answer['keys'], 'API key')} are left"
        )
        raise ProofFailed(what, database=database)
