"""The methods that may be called on models, and how: on the model or on records, reading or writing.

A method that is not in these tables does not exist. Calls are bound like Python calls, so that too many arguments
or a misspelt one raise `TypeError`, and missing ids `IndexError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import (
    arguments,
    environment,
    module_service,
    new_code,
    orm,
    server_actions,
    signup,
    special_models,
    upgrading,
    users,
)
from .errors import access_error, builtin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .environment import Env


@dataclass(frozen=True, slots=True)
class Method:
    """One method: `on_records` takes ids first; `group` is needed besides the model's own rights."""

    run: Callable[..., Any]
    on_records: bool = False
    writes: bool = False
    group: str | None = None


# -- generic methods ---------------------------------------------------------------------------------------------


def search(
    env: Env, model: str, domain: list[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    """Return ids."""
    return orm.find(env, model, domain, offset, limit, order)


def search_count(env: Env, model: str, domain: list[Any], limit: int | None = None) -> int:
    """Count records."""
    return len(orm.find(env, model, domain, limit=limit))


def search_read(
    env: Env,
    model: str,
    domain: list[Any] | None = None,
    fields: list[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    load: str | None = "_classic_read",
) -> Any:
    """Search and read at once."""
    return orm.read(env, model, orm.find(env, model, domain, offset, limit, order), fields, load)


def exists(env: Env, model: str, ids: Any) -> list[int]:
    """Return those ids whose records exist."""
    rows = env.database.rows(env.model(model).name)
    return [record for record in environment.as_ids(ids) if record in rows]


def fields_get(
    env: Env, model: str, allfields: list[str] | None = None, attributes: list[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Describe the fields of a model."""
    found = {}
    for name, known in env.model(model).fields.items():
        if allfields and name not in allfields:
            continue
        described: dict[str, Any] = {
            "type": known.type,
            "string": name.replace("_", " ").capitalize(),
            "name": name,
            "readonly": name in {"id", "display_name", "create_date", "create_uid", "write_date", "write_uid"},
            "required": name in {"login", "key"},
            "store": (model, name) not in orm.COMPUTED,
            "searchable": True,
            "sortable": True,
        }
        if known.relation:
            described |= {"relation": known.relation, "domain": [], "context": {}}
        if known.type == "selection":
            described["selection"] = []
        found[name] = {key: value for key, value in described.items() if not attributes or key in attributes}
    return found


def name_search(
    env: Env, model: str, name: str = "", args: list[Any] | None = None, operator: str = "ilike", limit: int = 100
) -> list[list[Any]]:
    """Return pairs of id and name."""
    key = "key" if model == "ir.config_parameter" else "name"
    terms = [*(args or []), *([[key, operator, name]] if name else [])]
    return [[record, orm.display_name(env, model, record)] for record in orm.find(env, model, terms, limit=limit)]


def name_search_19(
    env: Env, model: str, name: str = "", domain: list[Any] | None = None, operator: str = "ilike", limit: int = 100
) -> list[list[Any]]:
    """Do the same under the parameter's name of 19."""
    return name_search(env, model, name, domain, operator, limit)


def name_get(env: Env, model: str, ids: Any) -> list[list[Any]]:
    """Return pairs of id and name (14 to 16)."""
    return [[record, orm.display_name(env, model, record)] for record in environment.as_ids(ids)]


def default_get(env: Env, model: str, fields_list: list[str]) -> dict[str, Any]:
    """Return default values: that new records are active."""
    orm.check_fields(env, env.model(model), fields_list)
    return {"active": True} if "active" in fields_list else {}


def check_access_rights(env: Env, model: str, operation: str, raise_exception: bool = True) -> bool:  # noqa: FBT001, FBT002
    """Tell whether the user may do something with a model."""
    known = env.model(model)
    group = known.read_group if operation == "read" else known.write_group
    if raise_exception:
        environment.require(env, known, group)
    return env.has_group(group)


def create(env: Env, model: str, vals_list: Any) -> int | list[int]:
    """Make one record or several."""
    known = env.model(model)
    one = isinstance(vals_list, dict)
    made = []
    for values in [vals_list] if one else vals_list:
        if model != "res.users":
            environment.require(env, known, known.write_group)
        maker = CREATE.get(model)
        made.append(maker(env, values) if maker else orm.create_one(env, model, values))
    return made[0] if one else made


def write(env: Env, model: str, ids: Any, vals: dict[str, Any]) -> bool:
    """Change records."""
    known = env.model(model)
    if model == "res.users":
        return users.write(env, environment.as_ids(ids), vals)
    environment.require(env, known, known.write_group)
    writer = WRITE.get(model)
    return writer(env, environment.as_ids(ids), vals) if writer else orm.write_rows(env, model, ids, vals)


def unlink(env: Env, model: str, ids: Any) -> bool:
    """Remove records."""
    known = env.model(model)
    environment.require(env, known, known.write_group)
    remover = UNLINK.get(model)
    return remover(env, environment.as_ids(ids)) if remover else orm.delete_rows(env, model, ids)


def action_archive(env: Env, model: str, ids: Any) -> bool:
    """Set `active` to false."""
    return write(env, model, ids, {"active": False})


def action_unarchive(env: Env, model: str, ids: Any) -> bool:
    """Set `active` to true."""
    return write(env, model, ids, {"active": True})


CREATE: dict[str, Callable[[Env, dict[str, Any]], int]] = {
    "res.users": users.create,
    "ir.config_parameter": special_models.create_parameter,
    "ir.model": special_models.create_model,
    "ir.attachment": special_models.create_attachment,
    "ir.actions.server": server_actions.create,
    "base.language.install": special_models.create_language_wizard,
}
WRITE: dict[str, Callable[[Env, list[int], dict[str, Any]], bool]] = {
    "ir.config_parameter": special_models.write_parameter,
    "ir.attachment": special_models.write_attachment,
    "ir.cron": special_models.write_cron,
    "ir.actions.server": server_actions.write,
    "res.company": special_models.write_company,
    "res.lang": special_models.write_language,
}
UNLINK: dict[str, Callable[[Env, list[int]], bool]] = {
    "res.users": users.unlink,
    "res.users.apikeys": users.own_keys_only,
    "ir.config_parameter": special_models.unlink_parameter,
    "ir.model": special_models.unlink_model,
    "ir.actions.server": server_actions.unlink,
    "ir.cron": special_models.unlink_cron,
}

_GENERIC = {
    "search": Method(search),
    "search_count": Method(search_count),
    "search_read": Method(search_read),
    "read": Method(orm.read, on_records=True),
    "exists": Method(exists, on_records=True),
    "fields_get": Method(fields_get),
    "name_search": Method(name_search),
    "default_get": Method(default_get),
    "check_access_rights": Method(check_access_rights),
    "create": Method(create, writes=True),
    "write": Method(write, on_records=True, writes=True),
    "unlink": Method(unlink, on_records=True, writes=True),
    "action_archive": Method(action_archive, on_records=True, writes=True),
    "action_unarchive": Method(action_unarchive, on_records=True, writes=True),
}
_SPECIFIC = {
    "res.users": {
        "context_get": Method(users.context_get),
        "change_password": Method(users.change_password, writes=True),
        "action_reset_password": Method(users.action_reset_password, on_records=True, writes=True),
        "signup": Method(signup.signup, writes=True),
    },
    "ir.config_parameter": {
        "get_param": Method(special_models.get_param),
        "set_param": Method(special_models.set_param, writes=True),
    },
    "ir.model.access": {"call_cache_clearing_methods": Method(special_models.clear_access_caches, writes=True)},
    "ir.actions.server": {"run": Method(server_actions.run, on_records=True, writes=True)},
    "ir.cron": {"method_direct_trigger": Method(special_models.run_cron, on_records=True, writes=True)},
    "base.language.install": {"lang_install": Method(special_models.lang_install, on_records=True, writes=True)},
    "base.module.upgrade": {"upgrade_module": Method(upgrading.upgrade_module, on_records=True, group="system")},
    "ir.module.module": {
        name: Method(run, on_records=True, group="system")
        for name, run in {
            "button_immediate_install": module_service.button_immediate_install,
            "button_immediate_upgrade": module_service.button_immediate_upgrade,
            "button_immediate_uninstall": module_service.button_immediate_uninstall,
        }.items()
    }
    | {
        "button_install": Method(module_service.button_install, on_records=True, writes=True, group="system"),
        "update_list": Method(module_service.update_list, writes=True),
    },
}
_CANCEL = Method(module_service.button_cancel, on_records=True, writes=True, group="system")
_RESET = Method(module_service.button_reset_state, writes=True, group="system")
_CANCELLING = {"button_install_cancel", "button_upgrade_cancel", "button_uninstall_cancel"}


def _of_version(env: Env, model: str, name: str) -> Method | None:
    """Return the methods that came or went between 14 and 19."""
    if name == "name_get" and not env.since(17):
        return Method(name_get, on_records=True)
    if name == "name_search" and env.since(19):
        return Method(name_search_19)
    if (model, name) == ("ir.attachment", "read_group") and not env.since(16):
        return Method(special_models.group_attachments)
    if model == "res.users" and name == "has_group":
        return Method(users.has_group_of, on_records=True) if env.since(18) else Method(users.has_group)
    if model == "ir.module.module":
        if name == "button_reset_state" and env.since(19):
            return _RESET
        if name in _CANCELLING and not env.since(19):
            return _CANCEL
    return None


def find_method(env: Env, model: str, name: str) -> Method:
    """Return a public method of a model that exists."""
    env.model(model)
    if name.startswith("_"):
        raise access_error(f"Private methods (such as '{model}.{name}') cannot be called remotely.")
    found = _of_version(env, model, name) or _SPECIFIC.get(model, {}).get(name) or _GENERIC.get(name)
    if found is None:
        raise builtin("AttributeError", f"The method '{model}.{name}' does not exist")
    return found


def bind(
    env: Env, model: str, name: str, args: list[Any], kwargs: dict[str, Any]
) -> Callable[[], Any | Awaitable[Any]]:
    """Return the call, ready to run, or raise what Python raises for wrong arguments."""
    method = find_method(env, model, name)
    if method.group:
        environment.require(env, env.model(model), method.group)
    new_code.check(env, model, name, writes=method.writes)
    if method.on_records:
        if not args:
            raise builtin("IndexError", "list index out of range")
        args = [environment.as_ids(args[0]), *args[1:]]
    arguments.check(f"{model}.{name}", arguments.parameters(method.run, 2), args, kwargs)
    return lambda: method.run(env, model, *args, **kwargs)
