"""Databases made harmless: what Odoo does itself from 17.0 on, and the server action that goes beyond it or stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import orm, special_models
from .databases import ASLEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .databases import Row, SimulatedDatabase
    from .environment import Env

_SAYS = "database.is_neutralized"
_HELD, _HELD_SERVERS = "odoo_fleet.quiesced", "odoo_fleet.quiesced_mail_servers"
NOWHERE = {
    "name": "neutralization - disable emails",
    "smtp_host": "invalid",
    "smtp_port": 1025,
    "smtp_encryption": "none",
    "active": True,
}
_SECRETS: dict[str, tuple[str, ...]] = {
    "ir.mail_server": ("smtp_user", "smtp_pass"),
    "fetchmail.server": ("user", "password"),
}


def neutralize(database: SimulatedDatabase) -> None:
    """Do what the hosts of 17.0 and later do: no mail server but one that leads nowhere, nothing scheduled but tidying up."""
    keep = database.reference("base.autovacuum_job")
    for model in ("ir.cron", "ir.mail_server", "fetchmail.server"):
        for row in list(database.rows(model).values()):
            if row["id"] != keep or model != "ir.cron":
                database.update(model, row["id"], {"active": False})
    database.insert("ir.mail_server", dict(NOWHERE))
    for row in list(database.rows("payment.provider").values()):
        if row["state"] not in ("test", "disabled"):
            database.update("payment.provider", row["id"], {"state": "disabled"})
    database.set_parameter(_SAYS, "true")


def play(env: Env) -> dict[str, Any]:
    """Do what the server action does: make it harmless, or tell what is not."""
    given, database = env.context["odoo_fleet"], env.database
    tidying = database.reference("base.autovacuum_job")
    held = str(tidying) if tidying else ""
    found = list(_live(database))
    if not given["write"]:
        live: dict[str, int] = {}
        for what, _, _, _ in found:
            live[what] = live.get(what, 0) + 1
        nowhere = orm.find(env, "ir.mail_server", [["active", "=", True], ["smtp_host", "=", "invalid"]])
        wakes = database.parameter(_HELD_SERVERS) is not None or (database.parameter(_HELD) or "") not in ("", held)
        said = (database.parameter(_SAYS) or "").lower() in ("true", "t", "1")
        return {"live": live, "said": said, "nowhere": len(nowhere), "held": wakes}
    for _, model, row, change in found:
        database.update(model, row["id"], change)
    env.clear_cache("stable")
    if given["alone"]:
        database.set_parameter(_SAYS, "true")
        if not orm.find(env, "ir.mail_server", [["active", "=", True]]):
            database.insert("ir.mail_server", dict(NOWHERE))
    special_models.unlink_parameter(env, [r["id"] for r in database.matching("ir.config_parameter", key=_HELD_SERVERS)])
    database.set_parameter(_HELD, held)
    return {}


def guard(env: Env) -> dict[str, Any]:
    """Have the table of scheduled actions keep each of them off that is added or switched on, or let it go again."""
    noted = [row["id"] for row in env.database.matching("ir.config_parameter", key=ASLEEP)]
    if env.context["odoo_fleet"]["asleep"]:
        env.database.set_parameter(ASLEEP, "yes")
    elif noted:
        special_models.unlink_parameter(env, noted)
    return {}


def _live(database: SimulatedDatabase) -> Iterator[tuple[str, str, Row, dict[str, Any]]]:
    """Yield what may reach the outside: what it is, where, the row, and what makes it harmless."""
    for row in database.matching("ir.cron", active=True):
        yield "active scheduled actions", "ir.cron", row, {"active": False}
    for row in database.rows("ir.mail_server").values():
        empty = dict.fromkeys(_SECRETS["ir.mail_server"], False)
        if row.get("smtp_host") != "invalid" or _has(row, empty):
            yield (
                "mail servers that lead somewhere",
                "ir.mail_server",
                row,
                {"active": False, "smtp_host": "invalid", **empty},
            )
    for row in database.rows("fetchmail.server").values():
        empty = dict.fromkeys(_SECRETS["fetchmail.server"], False)
        if row.get("active") or row.get("state") == "done" or _has(row, empty):
            yield ("servers of incoming mail", "fetchmail.server", row, {"active": False, "state": "draft", **empty})
    yield from _links(database)
    for row in database.matching("mail.mail", state="outgoing"):
        yield "mails that wait", "mail.mail", row, {"state": "cancel"}
    for model in ("payment.provider", "payment.acquirer"):
        for row in database.rows(model).values():
            if row["state"] not in ("test", "disabled"):
                yield "payment providers", model, row, {"state": "disabled"}


def _links(database: SimulatedDatabase) -> Iterator[tuple[str, str, Row, dict[str, Any]]]:
    for row in database.rows("res.partner").values():
        if row.get("signup_token"):
            yield "links that set a password", "res.partner", row, {"signup_token": False}


def _has(row: Row, fields: dict[str, Any]) -> bool:
    return any(row.get(field) for field in fields)
