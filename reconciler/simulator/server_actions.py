"""Server actions: records, and the few kinds of code that are understood.

No Python is run here. Code that names its number (`number = <int>`, or where in the call's context it is) and the word
`signaling` is taken for what it looks like: it moves the sequences that workers compare to that number (on 19, where they are
the ids of tables, to the next one). The worker that ran it knows nothing of it, and like all others finds the numbers unlike at
its next call. Code that takes the next number of the registry does so, and code that asks for the rows of tables counts them.
Code that takes its values from the call's context is played by `furnishing`, `neutralizing`, `signup` and `support`. All may end
with the lines that remove actions and answer with a dictionary. Any other code fails as code does in Odoo, with a `ValueError`
with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import alterations, environment, furnishing, neutralizing, orm, orm_schema, signup, support
from .dumping import model_of
from .errors import Failure, access_error, builtin, missing_error, validation_error

if TYPE_CHECKING:
    from .databases import Row
    from .environment import Env

_MODEL = "ir.actions.server"
_NUMBER = re.compile(r"^number = (?:(\d+)|env\.context\['(\w+)'\]\['(\w+)'\])\s*$", re.MULTILINE)
_FURNISHES = "given = env.context['odoo_fleet']"
_NEUTRALIZES = "neutral = env.context['odoo_fleet']"
_GUARDS = "asleep = env.context['odoo_fleet']['asleep']"
_SUPPORTS = "support = env.context['odoo_fleet']"
_TELLS = "SELECT nextval(oid::regclass)"
_COUNTS = "asked = env.context['odoo_fleet']"
_BYTES_OF_ROWS = 30_000_000
_REMOVES = re.compile(r"^if env\.context\.get\('(\w+)'\):\n    env\['ir\.actions\.server'\]\.search\(", re.MULTILINE)
_ANSWERS = re.compile(r"^action = \{'type': '([\w.]+)', '(\w+)': answer\}$", re.MULTILINE)
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


def run(env: Env, _model: str, ids: list[int]) -> Any:
    """Run actions one after the other: what the last one answers, false where it does not, by both doors.

    An action with groups takes one of them. Without groups it takes up to 18 the right to write to the action's model; 19
    looks at that as the superuser, so anybody may.
    """
    answer: Any = False
    for action in ids:
        row = env.database.rows(_MODEL).get(action)
        if row is None:
            raise missing_error(_MODEL, [action], env.uid)
        _may_run(env, row)
        answer = _run(env, row) if row["state"] == "code" else False
    return answer


def _may_run(env: Env, row: Row) -> None:
    groups = row.get(orm_schema.groups_field(env.world.version))
    if groups:
        if env.groups().isdisjoint(groups):
            raise access_error("You don't have enough access rights to run this action.")
        return
    target = orm_schema.models(env.world.version).get(_model_name(env, row))
    if target is not None and not env.is_19:
        environment.require(env, target, target.write_group)


def _run(env: Env, row: Row) -> Any:
    """Do what the code looks like, then what its last lines say."""
    code = str(row.get("code") or "").strip()
    if _FURNISHES in code:
        answer = furnishing.play(env, code)
    elif _COUNTS in code:
        answer = _count(env)
    elif _SUPPORTS in code:
        answer = support.play(env)
    elif signup.is_link(code):
        answer = signup.play(env)
    elif _NEUTRALIZES in code:
        answer = neutralizing.play(env)
    elif _GUARDS in code:
        answer = neutralizing.guard(env)
    elif alterations.LOOKS in code:
        answer = alterations.look(env)
    elif _TELLS in code:
        env.database.registry_sequence += 1
        answer = {}
    else:
        answer = _move_sequences(env, code)
    removes = _REMOVES.search(code)
    if removes and env.context.get(removes[1]):
        unlink(env, orm.find(env, _MODEL, [["name", "=like", env.context[removes[1]]]]))
    answers = _ANSWERS.search(code)
    return {"type": answers[1], answers[2]: answer} if answers else False


def _count(env: Env) -> dict[str, Any]:
    """Count what SQL would: the bytes of the database and its files, and rows of tables."""
    sizes = {
        row["store_fname"]: row["file_size"]
        for row in env.database.rows("ir.attachment").values()
        if row["store_fname"]
    }
    own = {env.database.reference("base.user_root"), env.database.reference("base.user_admin")}
    is_shared = orm.COMPUTED["res.users", "share"]
    own |= {r["id"] for r in env.database.rows("res.users").values() if r["login"].startswith("odoo-fleet-support-")}
    people = [r for r in env.database.rows("res.users").values() if r["active"] and not is_shared(env, r)]
    asked = env.context["odoo_fleet"]
    tables = {table: env.database.rows(model_of(table)).values() for table in {*asked["tables"], *asked["waking"]}}
    return {
        "bytes": str(_BYTES_OF_ROWS + sum(sizes.values())),
        "users": str(len({row["id"] for row in people} - own)),
        "rows": {table: str(len(tables[table])) for table in asked["tables"]},
        "active": {table: str(sum(bool(row["active"]) for row in tables[table])) for table in asked["waking"]},
    }


def _move_sequences(env: Env, code: str) -> dict[str, int]:
    found = _NUMBER.search(code)
    if found is None or "signaling" not in code:
        raise _failed(env, code)
    number = int(found[1] or env.context[found[2]][found[3]])
    env.database.move_sequences(number + (1 if env.is_19 else 0))
    return {}


def _failed(env: Env, code: str) -> Failure:
    why = "the practice host runs no Python"
    shown = f"NotImplementedError({why!r})" if env.is_19 else f"<class 'NotImplementedError'>: \"{why}\""
    return builtin("ValueError", f"{shown} while evaluating\n{code!r}")
