"""Lets the operator into a database for a while, and out again: an account of its own, each way in one transaction.

Its first password is chosen by whoever has the token that Odoo itself signs for it: nobody else ever knows one, and none is
sent. It stays afterwards, archived, so that what was done by it says so.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from datetime import datetime

from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import LastingError, ProofFailed
from reconciler.core.model.observed import SUPPORT
from reconciler.odoo import versions
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret

# On 14 the token is a column, which its use empties. On 19 it is signed, with the last log-in and the `signup_type`, which its
# use empties as well.
SIGN = """\
signed = env.context['odoo_fleet']
partner = user.partner_id.sudo()
if 'signup_token' in partner._fields:
    partner.signup_prepare(signup_type='reset', expiration=signed['until'])
    answer['token'] = partner.signup_token
else:
    partner.signup_prepare(signup_type=signed['type'])
    answer['token'] = partner._generate_signup_token(expiration=signed['hours'])
"""
"""Makes Odoo's token by which the password of `user` is chosen."""

LACKS_SIGNUP = "it has no module auth_signup, which lets a password be chosen by a link; it comes with `mail`"

# Neither mail nor invitation goes out: it has no address.
_OPEN = f"""\
support = env.context['odoo_fleet']
if 'signup_type' not in env['res.partner']._fields:
    answer['lacks'] = 'auth_signup'
else:
    kept = env.ref('base.user_admin')
    groups = support['groups']
    user = env['res.users'].with_context(no_reset_password=True, tracking_disable=True).create({{
        'name': support['name'], 'login': support['login'], 'lang': kept.lang, 'tz': kept.tz,
        'company_id': kept.company_id.id, 'company_ids': [(6, 0, kept.company_ids.ids)],
        groups: [(6, 0, kept[groups].ids)]}})
{textwrap.indent(SIGN, "    ")}\
    parameters = env['ir.config_parameter'].sudo()
    noted = [each for each in (parameters.get_param(support['row']) or '').split(',') if each]
    parameters.set_param(support['row'], ','.join(noted + ['%d:%s' % (user.id, user.login)]))
"""

# Whoever was let in may have changed its login: its id is what counts. What is archived loses its sessions, on all workers,
# and no key of it is taken.
_END = """\
support = env.context['odoo_fleet']
users = env['res.users'].with_context(active_test=False, tracking_disable=True)
found = users.search(['|', ('id', 'in', support['ids']), ('login', 'in', support['logins'])])
if found:
    env.cr.execute("SELECT table_name FROM information_schema.columns "
                   "WHERE table_schema = current_schema() AND column_name = 'user_id'")
    there = [row[0] for row in env.cr.fetchall()]
    for table in ['res_users_apikeys', 'auth_totp_device']:
        if table in there:
            env.cr.execute("DELETE FROM " + table + " WHERE user_id IN %s", [tuple(found.ids)])
    env.cr.execute("UPDATE res_users SET password = NULL WHERE id IN %s", [tuple(found.ids)])
    if 'signup_type' in env['res.partner']._fields:
        found.mapped('partner_id').sudo().signup_cancel()
    found.write({'active': False})
parameters = env['ir.config_parameter'].sudo()
noted = [each for each in (parameters.get_param(support['row']) or '').split(',') if each and each not in support['accounts']]
parameters.set_param(support['row'], ','.join(noted) or False)
answer['left'] = users.search_count([('id', 'in', found.ids), ('active', '=', True)])
"""


def signing(until: datetime, now_to_end: float, signup_type: str) -> dict[str, object]:
    """Return what `SIGN` is given.

    Args:
        until: the end of the token.
        now_to_end: seconds until then.
        signup_type: what Odoo 17 and later note of the token: one of another type, or a used one, is void.
    """
    return {"until": f"{until:%Y-%m-%d %H:%M:%S}", "hours": max(now_to_end, 1.0) / 3600, "type": signup_type}


async def open_support(session: DatabaseSession, visit: Visit, now_to_end: float) -> Secret:
    """Make the account; see `engine.database_parts.Supportable`.

    Args:
        session: of the admin account.
        visit: the account.
        now_to_end: seconds until its end.
    """
    values = {
        "row": SUPPORT,
        "name": visit.name,
        "login": visit.login,
        "groups": versions.groups_field(await session.connection.known_series()),
        **signing(visit.until, now_to_end, "reset"),
    }
    answer = await run_once(session, "support", _OPEN, values)
    if "lacks" in answer:
        raise LastingError(LACKS_SIGNUP, database=session.database)
    return Secret(str(answer["token"]))


async def end_support(session: DatabaseSession, accounts: Collection[str]) -> None:
    """Archive accounts; see `engine.database_parts.Supportable`."""
    numbers = [each.partition(":")[0] for each in accounts]
    values = {
        "row": SUPPORT,
        "accounts": [*accounts],
        "ids": [int(number) for number in numbers if number.isascii() and number.isdigit()],
        "logins": [each.partition(":")[2] for each in accounts],
    }
    answer = await run_once(session, "end support", _END, values)
    if answer["left"]:
        raise ProofFailed("an account for support is still in use", database=session.database)
