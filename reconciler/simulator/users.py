"""What `res.users` and its groups do beyond the ORM: partners, defaults, checks, and the mails they send.

Making a user with an e-mail address sends an invitation, and changing a user's password, login or address sends a
security notice on 19, whether or not scheduled actions are stopped. A test finds them in the host's outbox.
"""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import environment, orm, orm_schema
from .errors import access_denied, access_error, builtin, user_error, validation_error

if TYPE_CHECKING:
    from .environment import Env

_OWN_FIELDS = frozenset(
    {"signature", "action_id", "company_id", "email", "name", "image_1920", "lang", "tz", "notification_type", "phone"}
)
_CLEARS_CACHE = frozenset(
    {"password", "login", "active", "groups_id", "group_ids", "lang", "tz", "company_id", "company_ids"}
)


@lru_cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _checked(env: Env, values: dict[str, Any]) -> dict[str, Any]:
    """Refuse a language or a timezone that the version refuses, and make a password a text."""
    lang, timezone = values.get("lang"), values.get("tz")
    if lang and not env.since(16) and not any(env.database.matching("res.lang", code=lang, active=True)):
        raise builtin("ValueError", f"Wrong value for res.users.lang: {lang!r}")
    if timezone and timezone not in _timezones():
        raise builtin("ValueError", f"Wrong value for res.users.tz: {timezone!r}")
    if "password" in values:
        return {**values, "password": str(values["password"] or "")}
    return values


def _with_implied(env: Env, row: dict[str, Any]) -> dict[str, Any]:
    """Store the implied groups too, as Odoo up to 18 does."""
    if env.is_19 or "groups_id" not in row:
        return row
    implied = orm_schema.implied_ids(env.world.version)
    own = frozenset(row["groups_id"])
    return {**row, "groups_id": sorted(own.union(*(implied.get(group, frozenset()) for group in own)))}


def _check_login(env: Env, login: Any, but: int = 0) -> None:
    if not login:
        raise validation_error(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n\n"
            "Model: User (res.users)\nField: Login (login)\n"
        )
    if any(row["id"] != but for row in env.database.matching("res.users", login=login)):
        raise validation_error("The operation cannot be completed: You can not have two users with the same login!")


def create(env: Env, values: dict[str, Any]) -> int:
    """Make a user and its partner."""
    model = env.model("res.users")
    environment.require(env, model, model.write_group)
    values = _checked(env, values)
    orm.check_fields(env, model, values)
    _check_login(env, values.get("login"))
    company = values.get("company_id") or 1
    groups = orm_schema.groups_field(env.world.version)
    ids = orm_schema.group_ids(env.world.version)
    if "partner_id" not in values:
        if not values.get("name"):
            raise validation_error("The operation cannot be completed:\n- Create/update: a mandatory field is not set.")
        partner = {name: value for name, value in values.items() if name in orm_schema.PARTNER_FIELDS}
        partner = {"lang": env.context.get("lang") or "en_US", "type": "contact", **partner}
        values = {**values, "partner_id": orm.create_one(env, "res.partner", partner)}
    row = {name: value for name, value in values.items() if name not in orm_schema.PARTNER_FIELDS}
    row = {"company_id": company, "company_ids": [(6, 0, [company])], groups: [(6, 0, [ids["user"]])], **row}
    user = orm.create_one(env, "res.users", row)
    env.database.update("res.users", user, _with_implied(env, dict(env.database.rows("res.users")[user])))
    address = values.get("email")
    if address and not env.context.get("no_reset_password") and "auth_signup" in env.remembered.modules:
        env.world.send(env.name, env.database, f"mail: invitation to {address}")
    return user


def write(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change users and, for the fields that they have from it, their partners."""
    model = env.model("res.users")
    if not (ids == [env.uid] and _OWN_FIELDS.issuperset(values)):
        environment.require(env, model, model.write_group)
    values = _checked(env, values)
    orm.check_fields(env, model, values)
    if values.get("active") is False and env.uid in ids:
        raise user_error("You cannot deactivate the user you're currently logged in as.")
    if "login" in values:
        for user in ids:
            _check_login(env, values["login"], but=user)
    addresses = {user: orm.raw_value(env, "res.users", user, "email") for user in ids}
    own = {name: value for name, value in values.items() if name not in orm_schema.PARTNER_FIELDS}
    orm.write_rows(env, "res.users", ids, own)
    for user in ids:
        row = env.database.rows("res.users")[user]
        env.database.update("res.users", user, _with_implied(env, dict(row)))
        partner = {name: value for name, value in values.items() if name in orm_schema.PARTNER_FIELDS}
        if partner:
            orm.write_rows(env, "res.partner", [row["partner_id"]], partner)
    if not _CLEARS_CACHE.isdisjoint(values):
        env.clear_cache("default")
    _notify(env, addresses, values)
    return True


def _notify(env: Env, addresses: dict[int, Any], values: dict[str, Any]) -> None:
    """Send the security notices of 19's mail module."""
    if not env.is_19 or "mail" not in env.remembered.modules:
        return
    for user, old in addresses.items():
        current = orm.raw_value(env, "res.users", user, "email")
        for what in ("login", "password"):
            if what in values and current:
                env.world.send(env.name, env.database, f"mail: security update ({what}) to {current}")
        if "email" in values and old and old != values["email"]:
            env.world.send(env.name, env.database, f"mail: security update (email) to {old}")


def unlink(env: Env, ids: list[int]) -> bool:
    """Remove users; the technical ones cannot be removed."""
    model = env.model("res.users")
    environment.require(env, model, model.write_group)
    if environment.SUPERUSER in ids:
        raise user_error("You can not remove the admin user as it is used internally for resources created by Odoo")
    env.clear_cache("default")
    return orm.delete_rows(env, "res.users", ids)


def context_get(env: Env, _model: str) -> dict[str, Any]:
    """Return the user's own context."""
    lang = orm.raw_value(env, "res.users", env.uid, "lang") or "en_US"
    return {"lang": lang, "tz": orm.raw_value(env, "res.users", env.uid, "tz") or False, "uid": env.uid}


def has_group(env: Env, _model: str, group_ext_id: str) -> bool:
    """Tell whether the current user is in a group (14 to 17)."""
    return env.database.reference(group_ext_id) in env.groups()


def has_group_of(env: Env, _model: str, _ids: list[int], group_ext_id: str) -> bool:
    """Tell whether the user is in a group (18 and later: a method of records)."""
    return env.database.reference(group_ext_id) in env.groups()


def change_password(env: Env, _model: str, old_passwd: str, new_passwd: str) -> bool:
    """Change one's own password, knowing the old one."""
    if env.database.rows("res.users")[env.uid].get("password") != old_passwd or not old_passwd:
        raise access_denied()
    if not new_passwd:
        raise user_error("Setting empty passwords is not allowed for security reasons!")
    env.superuser = True
    return write(env, [env.uid], {"password": new_passwd})


def action_reset_password(env: Env, _model: str, ids: list[int]) -> bool:
    """Send password reset mails."""
    if "auth_signup" not in env.remembered.modules:
        raise builtin("AttributeError", "The method 'res.users.action_reset_password' does not exist")
    for user in ids:
        address = orm.raw_value(env, "res.users", user, "email")
        if not address:
            raise user_error("Cannot send email: user has no email address.")
        env.world.send(env.name, env.database, f"mail: password reset to {address}")
    return True


def own_keys_only(env: Env, ids: list[int]) -> bool:
    """Revoke API keys; no cache is told (a worker may go on accepting one)."""
    rows = env.database.rows("res.users.apikeys")
    if not env.has_group("system") and any(rows[key]["user_id"] != env.uid for key in ids if key in rows):
        raise access_error("You can not remove API keys unless they're yours or you are a system user")
    return orm.delete_rows(env, "res.users.apikeys", ids)
