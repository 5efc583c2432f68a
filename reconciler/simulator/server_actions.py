"""Server actions: records, and the one kind of code that is understood.

No Python is run here. Code that has a line `number = <int>` and the word `signaling` is taken for what it looks like:
it moves the sequences that workers compare to that number (on 19, where they are the ids of tables, to the next one).
The worker that ran it knows nothing of it, and like all others finds the numbers unlike at its next call. Any other
code fails as code does in Odoo, with a `ValueError` that repeats it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import environment, orm, schema
from .errors import Failure, builtin, missing_error, validation_error

if TYPE_CHECKING:
    from .databases import Row
    from .environment import Env

_MODEL = "ir.actions.server"
_NUMBER = re.compile(r"^number = (\d+)\s*$", re.MULTILINE)
_TITLES = {"name": "Action Name", "model_id": "Model", "state": "Type"}


def _model_name(env: Env, row: Row) -> Any:
    return env.database.rows("ir.model").get(row["model_id"], {}).get("model", False)


orm.COMPUTED[_MODEL, "model_name"] = _model_name


def create(env: Env, values: dict[str, Any]) -> int:
    """Make an action; what it is missing or garbled code is refused."""
    defaults = {"type": _MODEL, "usage": "ir_actions_server"}
    if not env.is_19:
        defaults["state"] = "object_write"
    values = {**defaults, **values}
    _check(env, values, required=tuple(_TITLES))
    env.clear_cache("default")
    return orm.create_one(env, _MODEL, values)


def write(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change actions."""
    _check(env, values, required=tuple(name for name in _TITLES if name in values))
    env.clear_cache("default")
    return orm.write_rows(env, _MODEL, ids, values)


def unlink(env: Env, ids: list[int]) -> bool:
    """Remove actions."""
    env.clear_cache("default")
    return orm.delete_rows(env, _MODEL, ids)


def _check(env: Env, values: dict[str, Any], required: tuple[str, ...]) -> None:
    orm.check_fields(env, env.model(_MODEL), values)
    for name in required:
        if not values.get(name):
            raise validation_error(_missing(env, name))
    try:
        compile(str(values.get("code") or "").strip(), "", "exec")
    except SyntaxError as problem:
        message = f"{type(problem).__name__} : {problem.msg} at line {problem.lineno}\n{problem.text or ''}"
        raise validation_error(message) from None


def _missing(env: Env, name: str) -> str:
    """Return the words of each version for a field that must be set."""
    if env.is_19:
        return (
            f"The operation cannot be completed: Missing required value for the field '{_TITLES[name]}' ({name}).\n"
            f"Model: 'Server Actions' ({_MODEL})\n- create/update: a mandatory field is not set\n"
            "- delete: another model requires the record being deleted, you can archive it instead\n"
        )
    return (
        "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"
        "- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"
        f"Model: Server Actions ({_MODEL}), Field: {_TITLES[name]} ({name})"
    )


def run(env: Env, _model: str, ids: list[int]) -> bool:
    """Run actions one after the other: false, by both doors.

    Up to 18 it takes the right to write to the action's model. 19 looks at that as the superuser, so anybody may.
    """
    rows = env.database.rows(_MODEL)
    for action in ids:
        if action not in rows:
            raise missing_error(_MODEL, [action], env.uid)
        target = schema.models(env.world.version).get(_model_name(env, rows[action]))
        if target is not None and not env.is_19:
            environment.require(env, target, target.write_group)
    numbers = [_number(env, rows[action]) for action in ids if rows[action]["state"] == "code"]
    if numbers:
        env.database.move_sequences(numbers[-1])
    return False


def _number(env: Env, row: Row) -> int:
    """Return the number to which the code of an action moves the sequences."""
    code = str(row.get("code") or "").strip()
    found = _NUMBER.search(code)
    if found is None or "signaling" not in code:
        raise _failed(env, code)
    return int(found[1]) + (1 if env.is_19 else 0)


def _failed(env: Env, code: str) -> Failure:
    why = "the practice host runs no Python"
    shown = f"NotImplementedError({why!r})" if env.is_19 else f"<class 'NotImplementedError'>: \"{why}\""
    return builtin("ValueError", f"{shown} while evaluating\n{code!r}")
