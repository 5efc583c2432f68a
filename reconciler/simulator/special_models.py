"""What single models do beyond the ORM: parameters, attachments, scheduled actions, languages.

Every write to `ir.config_parameter` makes all workers' caches stale, once per call. The size of an attachment is
that of its file in the filestore, whatever its columns say. Scheduled actions cannot be written while one runs.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from . import environment, orm, shipped
from .domains import leaf_fields
from .errors import access_error, builtin, postgres, user_error, validation_error
from .seed import file_name

if TYPE_CHECKING:
    from .databases import Row
    from .environment import Env

CRON_RUNNING = (
    "Record cannot be modified right now: This cron task is currently being executed and may not be modified "
    "Please try again in a few minutes"
)


# -- ir.config_parameter -----------------------------------------------------------------------------------------


def get_param(env: Env, model: str, key: str, default: Any = False) -> Any:  # noqa: FBT002 -- as in Odoo
    """Return a parameter, from this worker's cache when it is there."""
    environment.require(env, env.model(model), "system")
    if key not in env.remembered.parameters:
        stored = env.database.parameter(key)
        env.remembered.parameters[key] = False if stored is None else stored
    value = env.remembered.parameters[key]
    return default if value is False else value


def set_param(env: Env, model: str, key: str, value: Any) -> Any:
    """Set or, with an empty value, delete a parameter; returns the old value."""
    environment.require(env, env.model(model), "system")
    old = next(env.database.matching(model, key=key), None)
    if value is not False and value is not None and value != "":
        if old is None:
            create_parameter(env, {"key": key, "value": str(value)})
        else:
            write_parameter(env, [old["id"]], {"value": str(value)})
    elif old is not None:
        unlink_parameter(env, [old["id"]])
    return old["value"] if old else False


def create_parameter(env: Env, values: dict[str, Any]) -> int:
    """Make a parameter; its key is unique."""
    _check_parameter(env, values, required=("key", "value"))
    if any(env.database.matching("ir.config_parameter", key=values["key"])):
        raise validation_error("The operation cannot be completed: Key must be unique.")
    env.clear_cache("stable")
    return orm.create_one(env, "ir.config_parameter", {**values, "value": str(values["value"])})


def write_parameter(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change parameters."""
    _check_parameter(env, values, required=tuple(values))
    if any(row["id"] not in ids for row in env.database.matching("ir.config_parameter", key=values.get("key"))):
        raise validation_error("The operation cannot be completed: Key must be unique.")
    env.clear_cache("stable")
    return orm.write_rows(env, "ir.config_parameter", ids, values)


_MADE_BY_ODOO = frozenset(
    {
        *("database.secret", "database.uuid", "database.create_date", "web.base.url"),
        *("base.login_cooldown_after", "base.login_cooldown_duration"),
    }
)


def unlink_parameter(env: Env, ids: list[int]) -> bool:
    """Remove parameters; 19 refuses those that Odoo makes itself."""
    rows = env.database.rows("ir.config_parameter")
    own = [rows[record]["key"] for record in ids if record in rows and rows[record]["key"] in _MADE_BY_ODOO]
    if env.is_19 and own:
        raise validation_error(f"You cannot delete the {own[0]} record.")
    env.clear_cache("stable")
    return orm.delete_rows(env, "ir.config_parameter", ids)


def _check_parameter(env: Env, values: dict[str, Any], required: tuple[str, ...]) -> None:
    orm.check_fields(env, env.model("ir.config_parameter"), values)
    for name in required:
        if values.get(name) in (None, False, ""):
            raise validation_error(
                "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n\n"
                f"Model: System Parameter (ir.config_parameter)\nField: {name.capitalize()} ({name})\n"
            )


def clear_access_caches(env: Env, _model: str) -> None:
    """Clear the caches of access rights, and return nothing."""
    env.clear_cache("stable")


# -- ir.model ----------------------------------------------------------------------------------------------------


def create_model(env: Env, values: dict[str, Any]) -> int:
    """Make a manual model. It cannot be worked with here, but the workers are told that the models have changed."""
    if not str(values.get("model") or "").startswith("x_"):
        raise validation_error("The model name must start with 'x_'.")
    env.models_changed = True
    return orm.create_one(env, "ir.model", {**values, "state": "manual"})


def unlink_model(env: Env, ids: list[int]) -> bool:
    """Remove manual models; those of modules stay."""
    rows = env.database.rows("ir.model")
    for record in ids:
        if record in rows and rows[record]["state"] != "manual":
            raise user_error(f"Model “{rows[record]['name']}” contains module data and cannot be removed.")
    env.models_changed = True
    return orm.delete_rows(env, "ir.model", ids)


# -- ir.attachment -----------------------------------------------------------------------------------------------


def human_size(size: int) -> str | bool:
    """Return a size as Odoo writes it, False for nothing."""
    if not size:
        return False
    units, amount, unit = ("bytes", "Kb", "Mb", "Gb", "Tb"), float(size), 0
    while amount >= 1024 and unit < len(units) - 1:  # noqa: PLR2004 -- Odoo's own step
        amount, unit = amount / 1024, unit + 1
    return f"{amount:0.2f} {units[unit]}"


def _datas(env: Env, row: Row) -> str | bool:
    size = env.world.filestore.get(env.name, {}).get(row.get("store_fname") or "", 0)
    if env.context.get("bin_size"):
        return human_size(size)
    return base64.b64encode(bytes(size)).decode()


def _hide_field_images(env: Env, named: set[str]) -> list[Any]:
    """Add what hides field images: up to 15 from every search, whatever it asks for."""
    shown = env.since(16) and named & {"id", "res_field"}
    return [] if shown else [["res_field", "=", False]]


def group_attachments(
    env: Env, model: str, domain: list[Any], fields: list[str], groupby: list[str]
) -> list[dict[str, Any]]:
    """Give the ids of all attachments of a domain, as one group (14 and 15): of field images too if the domain says so."""
    if any("(" in field for field in fields):
        raise access_error("Sorry, the syntax 'name:agg(field)' is not available for attachments")
    if fields != ["id:array_agg"] or groupby:
        raise builtin("NotImplementedError", f"the simulator does not group {fields} by {groupby}")
    found = orm.find(env, model, domain, hidden=not leaf_fields(domain) & {"id", "res_field"})
    return [{"id": found or None, "__count": len(found)}]


orm.COMPUTED["ir.attachment", "datas"] = _datas
orm.COMPUTED["ir.attachment", "raw"] = _datas
orm.HIDDEN["ir.attachment"] = _hide_field_images


def create_attachment(env: Env, values: dict[str, Any]) -> int:
    """Make an attachment and its file. The file's bytes are not kept, only their number."""
    content = values.get("datas")
    plain = {name: value for name, value in values.items() if name not in {"datas", "raw"}}
    if content or values.get("raw"):
        data = base64.b64decode(content) if content else str(values["raw"]).encode()
        name = file_name(data)
        env.world.files(env.name)[name] = len(data)
        plain |= {"store_fname": name, "file_size": len(data), "checksum": name[3:]}
    return orm.create_one(env, "ir.attachment", {"type": "binary", **plain})


def write_attachment(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change attachments; a content of the size that a row names is that row's own, so that its file is there again."""
    plain = {name: value for name, value in values.items() if name not in {"datas", "raw"}}
    if values.get("datas"):
        data = base64.b64decode(values["datas"])
        for row in [env.database.rows("ir.attachment")[record] for record in ids]:
            same = row.get("file_size") == len(data) and row.get("store_fname")
            name = row["store_fname"] if same else file_name(data)
            env.world.files(env.name)[name] = len(data)
            plain |= {"store_fname": name, "file_size": len(data), "checksum": name[3:]}
    return orm.write_rows(env, "ir.attachment", ids, plain)


# -- ir.cron -----------------------------------------------------------------------------------------------------


def refuse_while_running(env: Env, ids: list[int]) -> None:
    """Refuse to touch scheduled actions while one of the database runs; on 14 the lock needs some row."""
    if not ids and not env.is_19:
        raise postgres(
            "SyntaxError", 'syntax error at or near ")"\nLINE 1: ...FROM "ir_cron" WHERE id IN () FOR UPDATE NOWAIT\n'
        )
    if env.world.now() < env.database.cron_busy_until:
        raise user_error(CRON_RUNNING)


def write_cron(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change scheduled actions, all of them or none."""
    refuse_while_running(env, ids)
    return orm.write_rows(env, "ir.cron", ids, values)


def unlink_cron(env: Env, ids: list[int]) -> bool:
    """Remove scheduled actions."""
    refuse_while_running(env, ids)
    return orm.delete_rows(env, "ir.cron", ids)


def run_cron(env: Env, _model: str, ids: list[int]) -> bool:
    """Run scheduled actions by hand."""
    for action in ids:
        env.world.send(env.name, env.database, f"cron: {env.database.rows('ir.cron')[action]['name']}")
    return True


# -- companies ---------------------------------------------------------------------------------------------------


def write_company(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change companies and, for what they have from it, their partners; the currency follows no country."""
    shared = {name: value for name, value in values.items() if name in _OF_THE_PARTNER}
    for company in ids:
        row = env.database.rows("res.company").get(company)
        if shared and row is not None:
            orm.write_rows(env, "res.partner", [row["partner_id"]], shared)
    return orm.write_rows(env, "res.company", ids, values)


_OF_THE_PARTNER = frozenset({"name", "email", "phone", "vat", "website", "street", "city", "zip", "country_id"})


# -- languages ---------------------------------------------------------------------------------------------------


def create_language_wizard(env: Env, values: dict[str, Any]) -> int:
    """Make the wizard that installs languages: one code on 14, ids of `res.lang` later."""
    code = values.get("lang")
    if not env.since(16) and not any(row["code"] == code for row in shipped.languages()):
        raise builtin("ValueError", f"Wrong value for base.language.install.lang: {code!r}")
    return orm.create_one(env, "base.language.install", values)


def lang_install(env: Env, model: str, ids: list[int]) -> dict[str, Any]:
    """Activate the wizard's languages."""
    for wizard in ids:
        row = env.database.rows(model)[wizard]
        wanted = row.get("lang_ids") or [lang["id"] for lang in env.database.matching("res.lang", code=row.get("lang"))]
        for lang in wanted:
            env.database.update("res.lang", lang, {"active": True})
    env.clear_cache("stable")
    return {"type": "ir.actions.act_window_close"}


def write_language(env: Env, ids: list[int], values: dict[str, Any]) -> bool:
    """Change languages; the cache of active ones is cleared."""
    env.clear_cache("stable")
    return orm.write_rows(env, "res.lang", ids, values)
