"""Has Odoo sign a token by which an owner chooses the first password of his own, unless he may have one already.

The checks and the token are one transaction. No password changes by it, and no mail goes out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import LastingError
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.apply.support import LACKS_SIGNUP, SIGN, signing
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret

# Odoo gives a token to a partner and sets the password of the first of its users: there must be no other. On 19 a password is
# chosen by a link without a log-in: it is known by that it is not the first one.
_LINK = f"""\
first = env.context['odoo_fleet']
users = env['res.users'].with_context(active_test=False).sudo()
user = users.search([('login', '=', first['login'])])
own = [env.ref(name).id for name in ['base.user_admin', 'base.user_root']]
if 'signup_type' not in env['res.partner']._fields:
    answer['refused'] = 'signup'
elif len(user) != 1:
    answer['refused'] = 'missing'
elif not user.active:
    answer['refused'] = 'archived'
elif user.id in own:
    answer['refused'] = 'own'
elif user.partner_id.user_ids != user:
    answer['refused'] = 'shared'
elif user.login_date:
    answer['refused'] = 'in'
else:
    env.cr.execute("SELECT password FROM res_users WHERE id = %s", [user.id])
    kept = env.cr.fetchone()[0]
    checks = user._crypt_context()
    if not kept or not [each for each in first['passwords'] if checks.verify(each, kept)]:
        answer['refused'] = 'chosen'
    else:
{textwrap.indent(SIGN, " " * 8)}\
"""  # noqa: S608 -- no value is in it

_BY_ODOO = "use Odoo's own 'Reset password'"
_WHY = {
    "signup": (LACKS_SIGNUP, "add `mail` to the modules of the template, the plan or the instance"),
    "missing": ("no user has the login {!r}", "correct owner.login, or " + _BY_ODOO),
    "archived": ("the user {!r} is archived", "whoever archived it can take that back in Odoo"),
    "own": ("{!r} is the login of an account of Odoo's own there", "correct owner.login"),
    "shared": ("the contact of {!r} has other users too, and a link might set the password of one of them", _BY_ODOO),
    "in": ("{!r} has logged in already, and nobody's own password is taken over by a link", _BY_ODOO),
    "chosen": (
        "the password of {!r} is not the first one of the text: it was chosen, or the text says another by now",
        _BY_ODOO,
    ),
}

# Another one for each link makes former ones void. It is the end of an address, since Odoo makes some of its own links out of it.
_TYPE = "reset_password?link={}&"


async def link_to_first_password(
    session: DatabaseSession, visit: Visit, passwords: Collection[Secret], now_to_end: float, nonce: str
) -> Secret:
    """Have the token signed; see `engine.database_parts.Supportable`.

    Args:
        session: of the admin account.
        visit: the owner's account.
        passwords: that it may have from its build.
        now_to_end: seconds until its end.
        nonce: tells this link from all former ones.
    """
    values = {"login": visit.login, "passwords": [*passwords], **signing(visit.until, now_to_end, _TYPE.format(nonce))}
    answer = await run_once(session, "first password", _LINK, values)
    if refused := answer.get("refused"):
        why, advice = _WHY[refused]
        raise LastingError(why.format(visit.login), database=session.database, advice=advice)
    return Secret(str(answer["token"]))
