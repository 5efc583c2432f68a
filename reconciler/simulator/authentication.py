"""Who may log in: passwords, API keys, two-factor users, and the cooldown of Odoo 14.

`login` is never cached; `check` keeps every password that it accepted in the worker's memory, under the name of
the database. A wrong password is never remembered. No password leaves this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import new_code, shipped
from .errors import ACCESS_DENIED, Failure, access_denied, missing_error
from .seed import utc_text

if TYPE_CHECKING:
    from .databases import Row, SimulatedDatabase
    from .environment import SimulatedWorld
    from .memory import Remembered


def login(
    world: SimulatedWorld,
    database: SimulatedDatabase,
    remembered: Remembered,
    login_name: str,
    password: str,
    peer: str,
) -> int:
    """Return the user's id, or 0 for wrong credentials; a cooldown on 14 makes right ones wrong."""
    new_code.check_login(world, database)
    _check_models(database, remembered)
    if _cooling_down(world, database, remembered, peer):
        return 0
    user = database.user(login_name)
    if user is None or not _right(database, user, password):
        _failed(world, remembered, peer)
        return 0
    remembered.failures.pop(peer, None)
    database.note_login(user["id"], utc_text(world.now()))
    return int(user["id"])


def check(
    world: SimulatedWorld, database: SimulatedDatabase, remembered: Remembered, uid: int, password: str, peer: str
) -> None:
    """Accept a password for `execute_kw`, from memory when this worker has seen it, or raise AccessDenied."""
    if not password:
        raise access_denied()
    new_code.check_login(world, database)
    if (uid, password) in remembered.passwords:
        return
    _check_models(database, remembered)
    if _cooling_down(world, database, remembered, peer):
        raise Failure(ACCESS_DENIED, "Too many login failures, please wait a bit before trying again.")
    user = database.rows("res.users").get(uid)
    if user is None:
        raise missing_error("res.users", [uid], uid)
    if not user["active"] or not _right(database, user, password):
        _failed(world, remembered, peer)
        raise access_denied()
    remembered.failures.pop(peer, None)
    remembered.passwords.add((uid, password))


def _check_models(database: SimulatedDatabase, remembered: Remembered) -> None:
    """Raise what a worker does that was not told yet that modules are gone: users may have had a column of any of them."""
    if gone := sorted(remembered.modules & database.taken_away - database.installed()):
        raise new_code.undefined(f"res_users.of_{gone[0]}")


def web_login(world: SimulatedWorld, database: SimulatedDatabase, login_name: str, password: str) -> Row | None:
    """Return the user of a web session; a two-factor user is returned too (its session then has no uid)."""
    user = database.user(login_name)
    if user is None or not password or user.get("password") != password:
        return None
    database.note_login(user["id"], utc_text(world.now()))
    return user


def _right(database: SimulatedDatabase, user: Row, password: str) -> bool:
    if not password:
        return False
    if user.get("password") == password and not user.get("totp_enabled"):
        return True
    keys = database.matching("res.users.apikeys", user_id=user["id"])
    return any(key.get("key") == password for key in keys)


def _cooling_down(world: SimulatedWorld, database: SimulatedDatabase, remembered: Remembered, peer: str) -> bool:
    if shipped.since(world.version, 16):
        return False
    count, last = remembered.failures.get(peer, (0, 0.0))
    limit = int(database.parameter("base.login_cooldown_after") or 5)
    length = float(database.parameter("base.login_cooldown_duration") or 60)
    return limit > 0 and count >= limit and world.now() - last < length


def _failed(world: SimulatedWorld, remembered: Remembered, peer: str) -> None:
    count, _last = remembered.failures.get(peer, (0, 0.0))
    remembered.failures[peer] = (count + 1, world.now())
