"""Odoo's wizard for scheduled upgrades: each module in a commit of its own; a script that fails undoes what is not committed.

It asks neither for running scheduled actions nor for another operation, and works where newer code has broken the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import module_service, new_code, seed
from .errors import Failure, builtin, connection_ended

if TYPE_CHECKING:
    from .environment import Env

STEPS = ("upgrade.begun", "upgrade.module", "upgrade.finished")


async def upgrade_module(env: Env, _model: str, _ids: list[int]) -> dict[str, Any]:
    """Upgrade what is scheduled."""
    database, epoch = env.database, env.database.connection_epoch
    scheduled = [row for row in database.rows("ir.module.module").values() if row["state"] == "to upgrade"]
    database.installing = True
    try:
        await env.world.pause(0.4 if env.is_19 else 0.2)
        env.world.reached("upgrade.begun")
        for row in scheduled:
            await env.world.pause(0.1)
            if database.connection_epoch != epoch:
                raise connection_ended()
            code = env.world.running.get(row["name"])
            is_older = new_code.is_older(row, env.world)
            if code and is_older and code.failure and (not code.fails_in or env.name in code.fails_in):
                raise builtin("Exception", code.failure)
            values = {"state": "installed", "write_date": seed.utc_text(env.world.now())}
            if is_older:
                values["latest_version"] = new_code.version_run(env.world, row["name"])
            database.update("ir.module.module", row["id"], values)
            if code and code.column:
                new_code.add_column(database, row["id"], code.column)
            env.world.reached("upgrade.module")
        module_service.tell_workers(env)
        env.world.reached("upgrade.finished")
    except Failure:
        module_service.reset_states(env)
        raise
    finally:
        database.installing = False
    return {"type": "ir.actions.act_window_close"}
