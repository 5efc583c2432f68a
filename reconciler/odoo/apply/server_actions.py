"""Runs a piece of code inside a database, in one transaction: what no call of Odoo's own does, or what costs a row of them.

The code is carried by a server action that is made for it, may be run by administrators alone (without a group any user who
can log in may run an action on 19, also one that lives a second) and deletes itself in its last run: what that did and its end
are one transaction. A process that dies between making and running leaves an action behind, known by the beginning of its
name; a deep look finds it and the next configuration removes it.

Values, secrets too, go in the call's context, which neither version logs. Never in the code, which both repeat in errors, and
never on into an SQL statement, which is logged with its values when it fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.model.failures import ProofFailed
from reconciler.core.model.observed import SERVER_ACTION_PREFIX
from reconciler.odoo import versions
from reconciler.odoo.connection import DatabaseSession

_MODEL = "ir.actions.server"
ADMINISTRATORS = "base.group_system"
PLACE = "base.model_ir_config_parameter"
"""A server action belongs to some model: one that is in every database, and that administrators alone may write to."""

_END = """
if env.context.get('odoo_fleet_ends'):
    env['ir.actions.server'].search([('name', '=like', env.context['odoo_fleet_ends'])]).unlink()
action = {'type': 'ir.actions.act_window_close', 'odoo_fleet': answer}
"""


@dataclass(frozen=True, slots=True)
class ServerAction:
    """Code that is carried by one action of a database, as often as it is run."""

    session: DatabaseSession
    name: str
    record: int

    @classmethod
    async def make(cls, session: DatabaseSession, name: str, code: str) -> ServerAction:
        """Make an action.

        Args:
            session: of an account with all rights.
            name: what it is for.
            code: as Odoo's `safe_eval` takes it, on 14 as well: no import, no f-string. It fills the dictionary `answer`, with no
                None in it, which 14 cannot send.
        """
        references = await session.xmlids([ADMINISTRATORS, PLACE])
        if missing := [
            r for r in (ADMINISTRATORS, PLACE) if r not in references
        ]:  # without the group it is not made at all
            raise ProofFailed(f"it has no {' and no '.join(missing)}", database=session.database)
        groups = versions.groups_field(await session.connection.known_series())
        made = {
            "name": SERVER_ACTION_PREFIX + name,
            "model_id": references[PLACE][1],
            "state": "code",
            "code": f"answer = {{}}\n{code}{_END}",
            groups: [[6, 0, [references[ADMINISTRATORS][1]]]],
        }
        # With `mail` 19 posts a message that it was created, which would look like somebody's work in a template.
        context = {"tracking_disable": True}
        return cls(session, name, await session.create(_MODEL, made, context=context))

    async def run(
        self, values: Mapping[str, object], *, ends: str = "", timeout: float | None = None
    ) -> Mapping[str, Any]:
        """Run the code: all of it is committed when it answers, or nothing is.

        Args:
            values: what the code finds in `env.context['odoo_fleet']`.
            ends: which actions of this tool end with this run, by their name after the prefix, `%` standing for anything.
            timeout: seconds that it may take.

        Raises:
            ProofFailed: it answered something else, so that nothing can be said of what it did.
        """
        context: dict[str, object] = {"odoo_fleet": dict(values)}
        if ends:
            context["odoo_fleet_ends"] = SERVER_ACTION_PREFIX + ends
        result = await self.session.change_call(_MODEL, "run", [self.record], context=context, timeout=timeout)
        answer = result.get("odoo_fleet") if isinstance(result, Mapping) else None
        if not isinstance(answer, Mapping):
            what = f"a server action ({self.name}) did not come to its end"
            raise ProofFailed(what, database=self.session.database)
        return answer


async def run_once(
    session: DatabaseSession,
    name: str,
    code: str,
    values: Mapping[str, object] | None = None,
    *,
    timeout: float | None = None,
) -> Mapping[str, Any]:
    """Make an action, run it, and let it remove itself with those of its name that lost calls left behind; return its answer."""
    action = await ServerAction.make(session, name, code)
    return await action.run(values or {}, ends=name, timeout=timeout)


async def remove_left(session: DatabaseSession) -> None:
    """Remove the actions that runs cut short left behind."""
    if left := await session.search(_MODEL, [["name", "=like", SERVER_ACTION_PREFIX + "%"]]):
        await session.change_call(_MODEL, "unlink", left)
