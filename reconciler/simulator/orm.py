"""The little ORM of the practice host: what every model can do.

Each function takes the environment of one call and the model, as Odoo's methods take `self`. A call either does all
of its writes or none (the service rolls back), and a record that is gone, a field or a model that does not exist
raise what Odoo raises. Rights are checked here, once, for every model alike.
"""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Any

from . import new_code, orm_schema
from .domains import compile_domain, leaf_fields
from .environment import Env, as_ids, require
from .errors import Failure, builtin, missing_error, validation_error
from .seed import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .databases import Row

# -- reading ------------------------------------------------------------------------------------------------------


def display_name(env: Env, model: str, record: int) -> str:
    """Return what a many2one shows for a record."""
    row = env.database.rows(model).get(record, {})
    if model == "res.users":
        row = env.database.rows("res.partner").get(row.get("partner_id", 0), {})
    return str(row.get("name") or row.get("key") or f"{model},{record}")


def _computed(env: Env, model: str, row: Row, name: str) -> Any:
    """Return the value of a field that has no column; NotImplemented when it has one."""
    if name == "display_name":
        return display_name(env, model, row["id"])
    compute = COMPUTED.get((model, name))
    if compute is not None:
        return compute(env, row)
    if model == "res.users" and name in orm_schema.PARTNER_FIELDS:
        return env.database.rows("res.partner").get(row["partner_id"], {}).get(name)
    return NotImplemented


def _users_in(env: Env, row: Row) -> list[int]:
    column = orm_schema.groups_field(env.world.version)
    return [user["id"] for user in env.database.rows("res.users").values() if row["id"] in user.get(column, [])]


def _all_groups(env: Env, row: Row) -> list[int]:
    implied = orm_schema.implied_ids(env.world.version)
    own = row.get("group_ids", [])
    return sorted(frozenset(own).union(*(implied.get(group, frozenset()) for group in own)))


def _related(model: str, column: str) -> Callable[[Env, Row], Any]:
    return lambda env, row: [other["id"] for other in env.database.matching(model, **{column: row["id"]})]


COMPUTED: dict[tuple[str, str], Callable[[Env, Row], Any]] = {
    ("res.users", "password"): lambda _env, _row: "",
    ("res.users", "new_password"): lambda _env, _row: "",
    ("res.users", "all_group_ids"): _all_groups,
    ("res.users", "api_key_ids"): _related("res.users.apikeys", "user_id"),
    ("res.users", "share"): lambda env, row: (
        orm_schema.group_ids(env.world.version)["user"] not in row.get(orm_schema.groups_field(env.world.version), [])
        and orm_schema.group_ids(env.world.version)["system"]
        not in row.get(orm_schema.groups_field(env.world.version), [])
    ),
    ("res.groups", "users"): _users_in,
    ("res.groups", "user_ids"): _users_in,
    ("res.groups", "full_name"): lambda _env, row: row["name"],
    ("res.company", "user_ids"): lambda env, row: [
        user["id"] for user in env.database.rows("res.users").values() if row["id"] in user.get("company_ids", [])
    ],
    ("ir.model.data", "complete_name"): lambda _env, row: f"{row['module']}.{row['name']}",
    ("ir.module.module", "dependencies_id"): _related("ir.module.module.dependency", "module_id"),
    ("ir.module.module", "installed_version"): lambda env, row: new_code.version_shown(env.world, row["name"]),
}
"""Fields without a column. Other modules of the simulator add theirs."""


def raw_value(env: Env, model: str, record: int, path: str) -> Any:
    """Return the value of a field path as the database has it (ids of related records)."""
    first, _, rest = path.partition(".")
    row = env.database.rows(model).get(record)
    if row is None:
        return False
    value = _computed(env, model, row, first)
    if value is NotImplemented:
        value = row.get(first)
    if not rest:
        return value
    relation = orm_schema.models(env.world.version)[model].fields[first].relation or ""
    if isinstance(value, list):
        return [raw_value(env, relation, other, rest) for other in value]
    return raw_value(env, relation, int(value or 0), rest)


def check_fields(env: Env, model: orm_schema.Model, names: Iterable[str]) -> None:
    """Raise Odoo's `ValueError` for a field path that the model does not have."""
    for path in names:
        here: orm_schema.Model | None = model
        for name in path.split("."):
            known = here.fields.get(name) if here else None
            if known is None:
                raise builtin("ValueError", f"Invalid field {path!r} on model {model.name!r}")
            here = orm_schema.models(env.world.version).get(known.relation or "")


def _presented(env: Env, known: orm_schema.Field, value: Any, *, classic: bool) -> Any:
    if known.type == "many2one":
        if not value:
            return False
        return [value, display_name(env, known.relation or "", value)] if classic else value
    if value is None or (value == "" and known.type != "binary" and known.name != "password"):
        return known.empty
    return value


def read(env: Env, model: str, ids: Any, fields: list[str] | None = None, load: str | None = "_classic_read") -> Any:
    """Return the records as dictionaries."""
    known = env.model(model)
    require(env, known, known.read_group)
    wanted = list(known.fields) if not fields else ["id", *(name for name in fields if name != "id")]
    check_fields(env, known, wanted)
    rows = env.database.rows(model)
    # Odoo skips records that are gone when it reads columns; only writing to them raises.
    records = [record for record in as_ids(ids) if record in rows]
    return [
        {
            name: _presented(env, known.fields[name], raw_value(env, model, record, name), classic=bool(load))
            for name in wanted
        }
        for record in records
    ]


def find(
    env: Env,
    model: str,
    domain: list[Any] | None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    *,
    hidden: bool = True,
) -> list[int]:
    """Return the ids that a domain selects, in order; without `hidden` also what the model hides from searches."""
    known = env.model(model)
    require(env, known, known.read_group)
    terms = list(domain or [])
    named = leaf_fields(terms)
    _check_domain(env, known, terms)
    if "active" in known.fields and "active" not in named and env.context.get("active_test", True):
        terms.append(["active", "=", True])
    if hidden and model in HIDDEN:
        terms += HIDDEN[model](env, named)
    rows = list(env.database.rows(model).values())
    for test in compile_domain(terms, lambda path: _reader(env, model, path)):
        rows = [row for row in rows if test(row)]
    found = _sorted(env, model, [row["id"] for row in rows], order or DEFAULT_ORDER.get(model, "id"))
    return found[offset : None if not limit else offset + limit]


def _reader(env: Env, model: str, path: str) -> Callable[[Row], Any]:
    """Return what reads a field path from a row: the column itself wherever there is one."""
    computed = path == "display_name" or (model, path) in COMPUTED
    inherited = model == "res.users" and path in orm_schema.PARTNER_FIELDS
    if "." in path or computed or inherited:
        return lambda row: raw_value(env, model, row["id"], path)
    return methodcaller("get", path)


def _check_domain(env: Env, model: orm_schema.Model, terms: list[Any]) -> None:
    """Raise Odoo's `ValueError` for a condition on a field that the model does not have."""
    for leaf in terms:
        if isinstance(leaf, (list, tuple)) and leaf and leaf[0] not in (0, 1):
            try:
                check_fields(env, model, [str(leaf[0])])
            except Failure:
                named = f"condition {tuple(leaf)!r}" if env.is_19 else f'leaf "{tuple(leaf)!r}"'
                raise builtin("ValueError", f"Invalid field {model.name}.{leaf[0]} in {named}") from None


HIDDEN: dict[str, Callable[[Env, set[str]], list[Any]]] = {}
"""Terms that a model adds to every search that does not name certain fields."""

DEFAULT_ORDER = {"res.country": "name, id", "res.lang": "active desc, name, id", "ir.config_parameter": "key, id"}


def _sorted(env: Env, model: str, found: list[int], order: str) -> list[int]:
    if order == "id":
        return sorted(found)
    for part in reversed(order.split(",")):
        name, _, direction = part.strip().partition(" ")
        check_fields(env, env.model(model), [name])

        def key(record: int, name: str = name) -> tuple[bool, Any]:
            value = raw_value(env, model, record, name)
            return (value is None or value is False, value or (0 if isinstance(value, (int, float)) else ""))

        try:
            found.sort(key=key, reverse=direction.strip().lower().startswith("desc"))
        except TypeError:
            found.sort(key=lambda record: str(key(record)))
    return found


# -- writing ------------------------------------------------------------------------------------------------------


def _converted(known: orm_schema.Field, value: Any, current: Any) -> Any:
    if known.type == "many2many":
        return _apply_commands(list(current or []), value)
    if known.type == "many2one":
        return value[0] if isinstance(value, (list, tuple)) else (value or False)
    if known.type == "boolean":
        return bool(value)
    return value


def _apply_commands(current: list[int], commands: Any) -> list[int]:
    """Apply x2many commands: link, unlink, clear, set; a bare list of ids replaces."""
    for command in commands or []:
        if isinstance(command, int):
            return list(commands)
        code, *rest = command
        if code == 6:  # noqa: PLR2004 -- Command.SET
            current = list(rest[1])
        elif code == 5:  # noqa: PLR2004 -- Command.CLEAR
            current = []
        elif code == 4:  # noqa: PLR2004 -- Command.LINK
            current = [*current, rest[0]] if rest[0] not in current else current
        elif code in (2, 3):
            current = [record for record in current if record != rest[0]]
        else:
            raise builtin("ValueError", f"Wrong value for a relation: {command!r}")
    return current


def converted(env: Env, model: str, values: dict[str, Any], record: int | None) -> Row:
    """Return the columns that values become, checking that the fields exist."""
    known = env.model(model)
    check_fields(env, known, values)
    current = env.database.rows(model).get(record or 0, {})
    return {name: _converted(known.fields[name], value, current.get(name)) for name, value in values.items()}


def create_one(env: Env, model: str, values: dict[str, Any]) -> int:
    """Insert one record with its defaults; constraints of the model are the caller's."""
    known = env.model(model)
    _require_columns_of_modules(env, model)
    row: Row = {"create_date": utc_text(env.world.now()), "create_uid": env.uid}
    if "active" in known.fields:
        row["active"] = True
    row["write_date"], row["write_uid"] = row["create_date"], env.uid
    row |= converted(env, model, values, None)
    if not row.get("name") and model in REQUIRES_NAME:
        raise validation_error(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n\n"
            f"Model: {model} ({model})\nField: name (name)\n"
        )
    return env.database.insert(model, row)


_REQUIRED_BY_MODULES = {"res.users": ("mail", "notification_type"), "ir.actions.server": ("mail", "activity_user_type")}


def _require_columns_of_modules(env: Env, model: str) -> None:
    """Refuse a row from a worker that does not know a module that is installed, for a column that the module requires."""
    module, column = _REQUIRED_BY_MODULES.get(model, ("", ""))
    if module and module not in env.remembered.modules and module in env.database.installed():
        raise validation_error(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n\n"
            f"Model: {model} ({model})\nField: {column} ({column})\n"
        )


REQUIRES_NAME = frozenset({"res.company", "res.groups", "ir.attachment", "crm.lead", "project.project"})


def write_rows(env: Env, model: str, ids: Any, values: dict[str, Any]) -> bool:
    """Change records of a model that has no behaviour of its own."""
    rows = env.database.rows(model)
    gone = [record for record in as_ids(ids) if record not in rows]
    if gone:
        raise missing_error(model, gone, env.uid)
    stamp = {"write_date": utc_text(env.world.now()), "write_uid": env.uid}
    for record in as_ids(ids):
        env.database.update(model, record, {**converted(env, model, values, record), **stamp})
    return True


def delete_rows(env: Env, model: str, ids: Any) -> bool:
    """Remove records and the external ids that point to them."""
    rows = env.database.rows(model)
    gone = [record for record in as_ids(ids) if record not in rows]
    if gone:
        raise missing_error(model, gone, env.uid)
    for record in as_ids(ids):
        env.database.delete(model, record)
        for entry in list(env.database.matching("ir.model.data", model=model, res_id=record)):
            env.database.delete("ir.model.data", entry["id"])
    return True
