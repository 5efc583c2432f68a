"""Tokens by which a password is chosen, as `auth_signup` makes them: a column of the partner on 14, signed on 19.

What is signed is void in another database, whose secret is another, once anybody of the partner's has logged in, and once its
`signup_type` is another one. The column is void with its end and its use alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import users
from .errors import user_error
from .seed import utc_text

if TYPE_CHECKING:
    from .databases import Row
    from .environment import Env

_IN = "first = env.context['odoo_fleet']"


def is_link(code: str) -> bool:
    """Tell whether a server action's code makes a link to an owner's first password."""
    return _IN in code


def play(env: Env) -> dict[str, Any]:
    """Make a token for the user that the values in the call's context name, or say why not."""
    given, database = env.context["odoo_fleet"], env.database
    user = database.user(given["login"]) or next(iter(database.matching("res.users", login=given["login"])), None)
    own = {database.reference(name) for name in ("base.user_admin", "base.user_root")}
    if "auth_signup" not in env.remembered.modules:
        return {"refused": "signup"}
    if user is None:
        return {"refused": "missing"}
    if not user["active"]:
        return {"refused": "archived"}
    if user["id"] in own:
        return {"refused": "own"}
    if len([*database.matching("res.users", partner_id=user["partner_id"])]) > 1:
        return {"refused": "shared"}
    if user.get("login_date"):
        return {"refused": "in"}
    if user.get("password") not in given["passwords"]:
        return {"refused": "chosen"}
    return {"token": sign(env, user, given)}


def sign(env: Env, user: Row, given: dict[str, Any]) -> str:
    """Make a token for a user, until the end that is given."""
    database, partner = env.database, user["partner_id"]
    if not env.is_19:
        token = f"{env.world.random.getrandbits(120):030x}"
        made = {"signup_token": token, "signup_type": "reset", "signup_expiration": given["until"]}
        database.update("res.partner", partner, made)
        return token
    database.update("res.partner", partner, {"signup_type": given["type"]})
    end = int(env.world.now() + given["hours"] * 3600)
    return f"{partner}-{end}-{_signature(env, partner, end)}"


def cancel(env: Env, user: Row) -> None:
    """Make what was given void."""
    env.database.update("res.partner", user["partner_id"], dict.fromkeys(("signup_token", "signup_type"), False))


def signup(env: Env, _model: str, values: dict[str, Any], token: str) -> list[Any]:
    """Give whoever has a token the password that it comes with; once."""
    user = _user_of(env, token)
    if user is None:
        raise user_error(f"Signup token '{token}' is not valid{' or expired' if env.is_19 else ''}")
    cancel(env, user)
    users.write(replace(env, superuser=True), [user["id"]], {"password": values["password"]})
    answer = [user["login"], values["password"]]
    return answer if env.is_19 else [env.name, *answer]


def _user_of(env: Env, token: str) -> Row | None:
    if env.is_19:
        partner, _, rest = token.partition("-")
        end, _, signed = rest.partition("-")
        is_good = partner.isdecimal() and end.isdecimal() and int(end) >= env.world.now()
        if not is_good or not hmac.compare_digest(signed, _signature(env, int(partner), int(end))):
            return None
        return next((u for u in env.database.matching("res.users", partner_id=int(partner)) if u["active"]), None)
    for row in env.database.matching("res.partner", signup_token=token):
        if utc_text(env.world.now()) <= row["signup_expiration"]:
            return next((u for u in env.database.matching("res.users", partner_id=row["id"]) if u["active"]), None)
    return None


def _signature(env: Env, partner: int, end: int) -> str:
    database = env.database
    logins = [row.get("login_date") or "" for row in database.matching("res.users", partner_id=partner)]
    said = [partner, end, max(logins, default=""), database.rows("res.partner")[partner].get("signup_type") or False]
    secret = (database.parameter("database.secret") or "").encode()
    return hmac.new(secret, json.dumps(said).encode(), hashlib.sha256).hexdigest()
