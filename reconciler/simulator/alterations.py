"""What the code does that finds out who has written in a template since it was built: rows say themselves when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .seed import utc_text

if TYPE_CHECKING:
    from .environment import Env

LOOKS = "written = env.context['odoo_fleet']"
_PARAMETERS = "ir.config_parameter"
_WIZARDS = frozenset({"base.language.install", "base.module.upgrade", "res.config.settings"})
_TABLES = {"ir.actions.server": "ir_act_server"}
_NEVER = "9999"


def look(env: Env) -> dict[str, Any]:
    """Count by table the rows that were written between two parameters; where there are none, move the first one."""
    asked, database = env.context["odoo_fleet"], env.database
    since, until = (_moment(env, asked[key]) for key in ("since", "until"))
    found: dict[str, Any] = {}
    for model in database.tables if since else ():
        table = _TABLES.get(model) or model.replace(".", "_")
        if table in asked["passed_over"] or model in _WIZARDS:
            continue
        rows = [row for row in database.rows(model).values() if since < row.get("write_date", "") < (until or _NEVER)]
        if table == "res_users":
            rows = [row for row in rows if row["id"] != database.reference("base.user_admin")]
        if table == "ir_attachment":
            rows = [row for row in rows if row.get("res_model") not in (None, False, "ir.ui.view")]
        if rows:
            found[table] = len(rows)
    if since > utc_text(env.world.now()):
        found[asked["ahead"]] = 1
    if asked["settles"] and not found:
        for row in list(database.matching(_PARAMETERS, key=asked["since"])):
            database.update(_PARAMETERS, row["id"], {"write_date": utc_text(env.world.now())})
    return found


def _moment(env: Env, key: str) -> str:
    return next((str(row.get("write_date", "")) for row in env.database.matching(_PARAMETERS, key=key)), "")
