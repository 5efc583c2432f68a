"""Installing and removing modules: many commits, each of which may be the last that a dying host makes.

The wanted modules and all that come with them are scheduled in one commit, then each becomes `installed` in one of
its own. On 19 leftovers of a killed installation block every later one until `button_reset_state()`; on 14 asking
again goes on with them. An installation whose connections are ended dies, and its leftovers are reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import environment, new_code, seed, shipped
from .errors import Failure, connection_ended, postgres, user_error
from .memory import signal_cache, signal_registry

if TYPE_CHECKING:
    from .environment import Env

STEPS = ("install.scheduled", "install.module", "install.finished")
UNINSTALL_STEPS = ("uninstall.scheduled", "uninstall.removed", "uninstall.finished")

BUSY_MODULES = (
    "Odoo is currently processing another module operation.\n"
    "Please try again later or contact your system administrator."
)
BUSY_CRON = (
    "Odoo is currently processing a scheduled action.\nModule operations are not possible at this time, "
    "please try again later or contact your system administrator."
)
_PENDING = frozenset({"to install", "to upgrade", "to remove"})


async def button_immediate_install(env: Env, _model: str, ids: list[int]) -> dict[str, Any]:
    """Install modules with all that they need and all that come with them; an empty selection is a success."""
    await _exclusive(env)
    database, epoch = env.database, env.database.connection_epoch
    database.installing = True
    try:
        scheduled = _schedule(env, ids)
        await env.world.pause(0.4 if env.is_19 else 0.2)
        env.world.reached("install.scheduled")
        for name, state in env.database.modules().items():
            if state == "to upgrade":  # whoever left it so (up to 18): the registry that is loaded now goes on with it
                _set_state(env, name, "installed")
        for name in scheduled:
            await env.world.pause(0.4 if env.is_19 else 0.17)
            if database.connection_epoch != epoch:
                raise connection_ended()
            _set_state(env, name, "installed")
            _bring_records(env, name)
            env.world.reached("install.module")
        tell_workers(env)
        env.world.reached("install.finished")
    except Failure:
        reset_states(env)
        raise
    finally:
        database.installing = False
    return _done(env)


def tell_workers(env: Env) -> None:
    """Let the other workers know: at once on 19; on 14 only the next call that this worker answers does it."""
    env.remembered.modules = env.database.installed()
    if env.is_19:
        signal_registry(env.remembered, env.database)
    else:
        env.remembered.forget()
        env.remembered.unsignalled = True


def _done(env: Env) -> dict[str, Any]:
    return {"type": "ir.actions.act_url", "target": "self", "url": "/odoo" if env.since(18) else "/web"}


async def _exclusive(env: Env) -> None:
    """Wait for, or refuse beside, what else goes on in the database."""
    database = env.database
    if env.is_19 and (database.installing or not _PENDING.isdisjoint(database.modules().values())):
        raise user_error(BUSY_MODULES)
    while database.installing:
        await env.world.pause(0.1)
    if env.world.now() < database.cron_busy_until:
        if env.world.random.random() < 0.5:  # noqa: PLR2004 -- either answer, as seen on real hosts
            raise user_error(BUSY_CRON)
        raise postgres(
            "InFailedSqlTransaction",
            "current transaction is aborted, commands ignored until end of transaction block\n",
        )


def _schedule(env: Env, ids: list[int]) -> list[str]:
    """Mark what has to be installed; leftovers of an earlier attempt (14) are taken along."""
    rows = env.database.rows("ir.module.module")
    leftovers = {row["name"] for row in rows.values() if row["state"] == "to install"}
    wanted = {rows[record]["name"] for record in ids if record in rows}
    present = env.database.installed()
    scheduled = shipped.closure(env.world.version, (wanted | leftovers) - present, present)
    scheduled += sorted(((wanted | leftovers) - present) & new_code.own_modules(env.world).keys())
    for name in scheduled:
        _set_state(env, name, "to install")
    return scheduled


def _bring_records(env: Env, name: str) -> None:
    """Add a module's records and the files of its attachments."""
    before = set(env.database.rows("ir.attachment"))
    seed.install_records(env.database, env.world.version, [name], now=env.world.now())
    rows = env.database.rows("ir.attachment")
    for stored, size in seed.files_of(rows[new] for new in rows.keys() - before).items():
        env.world.files(env.name).setdefault(stored, size)


def _set_state(env: Env, name: str, state: str) -> None:
    row = next(env.database.matching("ir.module.module", name=name))
    is_new = row["state"] == "to install" and state == "installed"
    version = new_code.version_run(env.world, name) if is_new else row.get("latest_version")
    values = {"state": state, "latest_version": version, "write_date": seed.utc_text(env.world.now())}
    if is_new and (column := new_code.column_of(env.world, name)):
        values["columns"] = (column,)
    env.database.update("ir.module.module", row["id"], values)


def reset_states(env: Env) -> None:
    """Put every module that an operation left `to …` back to what it was."""
    back = {"to install": "uninstalled", "to upgrade": "installed", "to remove": "installed"}
    for row in list(env.database.rows("ir.module.module").values()):
        if row["state"] in back:
            _set_state(env, row["name"], back[row["state"]])


async def button_immediate_upgrade(env: Env, model: str, ids: list[int]) -> dict[str, Any]:
    """Load the modules again; nothing changes but the time it takes."""
    del ids
    return await button_immediate_install(env, model, [])


async def button_immediate_uninstall(env: Env, _model: str, ids: list[int]) -> dict[str, Any]:
    """Remove modules and what depends on them: scheduled in one commit, gone in another."""
    await _exclusive(env)
    database, epoch, rows = env.database, env.database.connection_epoch, env.database.rows("ir.module.module")
    doomed = {rows[record]["name"] for record in ids if record in rows}
    if doomed & ({"base", "web", "rpc"} if env.is_19 else {"base"}):
        raise user_error("Those modules cannot be uninstalled: base")
    if not doomed <= env.database.installed():
        raise user_error("One or more of the selected modules have already been uninstalled")
    database.installing = True
    try:
        for name, module in shipped.modules(env.world.version).items():
            if name in env.database.installed() and not doomed.isdisjoint(module.depends):
                doomed.add(name)
        for name in sorted(doomed):
            _set_state(env, name, "to remove")
        env.world.reached("uninstall.scheduled")
        await env.world.pause(1.0)
        if database.connection_epoch != epoch:
            raise connection_ended()
        for name in database.modules():
            if database.modules()[name] == "to remove":
                _set_state(env, name, "uninstalled")
                _remove_records(env, name)
        database.taken_away |= doomed
        env.world.reached("uninstall.removed")
        tell_workers(env)
        env.world.reached("uninstall.finished")
    except Failure:
        reset_states(env)
        raise
    finally:
        database.installing = False
    return _done(env)


def _remove_records(env: Env, module: str) -> None:
    for entry in list(env.database.matching("ir.model.data", module=module, model="ir.cron")):
        env.database.delete("ir.cron", entry["res_id"])
        env.database.delete("ir.model.data", entry["id"])
    for row in list(env.database.matching("ir.model", modules=module)):
        env.database.delete("ir.model", row["id"])


def button_install(env: Env, _model: str, ids: list[int]) -> dict[str, Any]:
    """Schedule modules without installing them."""
    _schedule(env, ids)
    return {"type": "ir.actions.act_window_close"}


def button_reset_state(env: Env, _model: str) -> bool:
    """Reset leftovers (19)."""
    reset_states(env)
    signal_cache(env.remembered, env.database)
    return True


def button_cancel(env: Env, _model: str, ids: list[int]) -> bool:
    """Cancel what is scheduled for these modules (up to 18)."""
    for record in ids:
        row = env.database.rows("ir.module.module")[record]
        if row["state"] in _PENDING:
            state = "uninstalled" if row["state"] == "to install" else "installed"
            _set_state(env, row["name"], state)
    return True


def update_list(env: Env, model: str) -> list[int]:
    """List modules that are on the disk and that the database does not know yet."""
    environment.require(env, env.model(model), "system")
    known = env.database.modules()
    there = {**shipped.modules(env.world.version), **new_code.own_modules(env.world)}
    new = [module for name, module in there.items() if name not in known]
    for module in new:
        seed.list_module(env.database, env.world.version, module)
    return [0, len(new)]
