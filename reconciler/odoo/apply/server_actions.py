"""Runs a piece of code inside a database, once and in one transaction: what no call of Odoo's own does.

The code is carried by a server action that is made for it, may be run by administrators alone (without a group any user who
can log in may run an action on 19, also one that lives a second) and deletes itself in the run: what it did and its end are
one transaction. A process that dies between making and running leaves an action behind, known by the beginning of its name;
a deep look finds it and the next configuration removes it. No secret may stand in code or values: Odoo repeats both in errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.failures import ProofFailed
from reconciler.core.observed import SERVER_ACTION_PREFIX
from reconciler.odoo import versions
from reconciler.odoo.connection import DatabaseSession

_MODEL = "ir.actions.server"
_ADMINISTRATORS = "base.group_system"

_END = """
env['ir.actions.server'].browse(env.context['odoo_fleet_actions']).exists().unlink()
action = {'type': 'ir.actions.act_window_close', 'odoo_fleet': answer}
"""


async def run_once(
    session: DatabaseSession, name: str, code: str, values: Mapping[str, object] | None = None
) -> Mapping[str, Any]:
    """Run code that sets `answer` to a dictionary (of no None: 14 cannot send it), and return that.

    Args:
        session: of an account with all rights.
        name: what it is for; actions of the same name that a lost call left behind go with it.
        code: as Odoo's `safe_eval` takes it, on 14 as well: no import, no f-string.
        values: what the code finds in `env.context['odoo_fleet']`.

    Raises:
        ProofFailed: a fresh look still finds the action, so that its transaction cannot have been committed.
    """
    full_name = SERVER_ACTION_PREFIX + name
    model = (await session.search("ir.model", [["model", "=", "ir.config_parameter"]]))[0]
    left = await session.search(_MODEL, [["name", "=", full_name]])
    made: dict[str, object] = {"name": full_name, "model_id": model, "state": "code", "code": code + _END}
    action = await session.create(_MODEL, {**made, **await _for_administrators(session)})
    actions = [*left, action]
    context = {"odoo_fleet": dict(values or {}), "odoo_fleet_actions": actions}
    result = await session.change_call(_MODEL, "run", [action], context=context)
    answer = result.get("odoo_fleet") if isinstance(result, Mapping) else None
    if not isinstance(answer, Mapping) or await session.search(_MODEL, [["id", "in", actions]]):
        raise ProofFailed(f"a server action ({name}) did not come to its end", database=session.database)
    return answer


async def remove_left(session: DatabaseSession) -> None:
    """Remove the actions that runs cut short left behind."""
    if left := await session.search(_MODEL, [["name", "=like", SERVER_ACTION_PREFIX + "%"]]):
        await session.change_call(_MODEL, "unlink", left)


async def _for_administrators(session: DatabaseSession) -> dict[str, object]:
    """Say who may run the action. Without the group it is not made at all."""
    group = await session.xmlid(_ADMINISTRATORS)
    if group is None:
        raise ProofFailed(f"it has no group {_ADMINISTRATORS}", database=session.database)
    return {versions.groups_field(await session.connection.known_series()): [[6, 0, [group[1]]]]}
