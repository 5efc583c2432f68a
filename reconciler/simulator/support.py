"""What the code does that lets the operator into a database for a while, and out again: no Python is run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import orm, orm_schema, signup, users

if TYPE_CHECKING:
    from .environment import Env

_ROW = "odoo_fleet.support"


def play(env: Env) -> dict[str, Any]:
    """Make the account that the values in the call's context ask for, or archive those that they name."""
    given = env.context["odoo_fleet"]
    return _end(env, given) if "accounts" in given else _open(env, given)


def _noted(env: Env) -> list[str]:
    return [each for each in (env.database.parameter(_ROW) or "").split(",") if each]


def _open(env: Env, given: dict[str, Any]) -> dict[str, Any]:
    if "auth_signup" not in env.remembered.modules:
        return {"lacks": "auth_signup"}
    database = env.database
    admin = database.rows("res.users")[database.reference("base.user_admin") or 0]
    groups = orm_schema.groups_field(env.world.version)
    made = {
        "name": given["name"],
        "login": given["login"],
        "company_id": admin["company_id"],
        "company_ids": [(6, 0, list(admin["company_ids"]))],
        groups: [(6, 0, list(admin[groups]))],
    }
    quiet = replace(env, context={"no_reset_password": True})
    user = users.create(quiet, made)
    database.set_parameter(_ROW, ",".join([*_noted(env), f"{user}:{given['login']}"]))
    env.clear_cache("stable")
    return {"token": signup.sign(env, database.rows("res.users")[user], given)}


def _end(env: Env, given: dict[str, Any]) -> dict[str, Any]:
    database = env.database
    rows = database.rows("res.users").values()
    found = [row["id"] for row in rows if row["id"] in given["ids"] or row["login"] in given["logins"]]
    keys = database.rows("res.users.apikeys").values()
    orm.delete_rows(env, "res.users.apikeys", [key["id"] for key in keys if key["user_id"] in found])
    for user in found:
        database.update("res.users", user, {"password": False, "active": False})
        signup.cancel(env, database.rows("res.users")[user])
    env.clear_cache("default")
    left = [each for each in _noted(env) if each not in given["accounts"]]
    for row in database.matching("ir.config_parameter", key=_ROW):
        if left:
            database.update("ir.config_parameter", row["id"], {"value": ",".join(left)})
        else:
            orm.delete_rows(env, "ir.config_parameter", [row["id"]])
    return {"left": 0}
