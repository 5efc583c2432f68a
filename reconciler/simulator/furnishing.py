"""What the code does that databases are furnished and configured with: no Python is run, the models play its parts.

A part is known by a line of it, and does what its values in the call's context ask for. The contract tests hold this and real
hosts to the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import orm, special_models, users
from .special_models import human_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from .environment import Env

_CONTEXT = {"lang": "en_US", "active_test": False, "no_reset_password": True}
_WAYS_IN = "UPDATE res_users SET password = NULL"
_NUMBERS = "setval"
_MARK = "odoo_fleet."


def play(env: Env, code: str) -> dict[str, Any]:
    """Do what the code's parts do, in their order, and return the answer."""
    given, clean = env.context["odoo_fleet"], replace(env, context=dict(_CONTEXT))
    answer: dict[str, Any] = {}
    for line, part in _PARTS.items():
        if line in code:
            part(clean, code, given, answer)
    return answer


def _values(env: Env) -> dict[str, str]:
    return {row["key"]: row["value"] for row in env.database.rows("ir.config_parameter").values()}


def _sizes(env: Env, ids: list[int]) -> dict[str, str]:
    rows = env.database.rows("ir.attachment")
    folder = env.world.filestore.get(env.name, {})
    found = [rows[record] for record in ids if record in rows and rows[record].get("store_fname")]
    return {
        f"{row['id']}/{row['store_fname']}": str(human_size(folder.get(row["store_fname"], 0)) or "") for row in found
    }


def _files(env: Env, _code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    if given.get("files"):
        rows = env.database.rows("ir.attachment").values()
        stored = [row["id"] for row in rows if row.get("type") == "binary" and row.get("store_fname")]
        answer["files"] = _sizes(env, sorted(stored, reverse=True)[: given["files"]])


def _furnish(env: Env, code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    if "owner" not in given:
        return
    values = _values(env)
    done = values.get(f"{_MARK}uuid") == values["database.uuid"]
    refused = [] if done else list(_refused(env, given, values))
    answer |= {"uuid": values["database.uuid"], "refused": refused}
    if not done and not refused:
        if _WAYS_IN in code:
            answer |= strip(env)
        _write(env, given, values)
        if "number" in given and _NUMBERS in code:
            env.database.move_sequences(given["number"] + (1 if env.is_19 else 0))


def _refused(env: Env, given: dict[str, Any], values: dict[str, str]) -> list[list[str]]:
    database = env.database
    refused = _unknown(env, given)
    refused += [["group", name] for name in given["groups"] if database.reference(name) is None]
    admin = database.reference("base.user_admin")
    login = given["owner"].get("login")
    if login and any(row["id"] != admin for row in database.matching("res.users", login=login)):
        refused.append(["login", login])
    if given["origin"] and given["origin"] != [values.get(f"{_MARK}uuid"), values.get(f"{_MARK}digest")]:
        refused.append(["origin", ""])
    return refused


def _unknown(env: Env, given: dict[str, Any]) -> list[list[str]]:
    database = env.database
    known = {row["code"] for row in database.rows("res.lang").values()}
    refused = [["lang", code] for code in given["languages"] if code not in known]
    for name, _, _, model, key, value in given["settings"]:
        if model and not _meant(env, model, key, value):
            refused.append([name, value])
    return refused


def _meant(env: Env, model: str, key: str, value: str) -> int:
    return next((int(row["id"]) for row in env.database.matching(model, **{key: value})), 0)


def _settle(env: Env, _code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    answer["refused"] = _unknown(env, given)
    if not answer["refused"]:
        _write_settings(env, given)
        put_parameters(env, given["parameters"])


def _put(env: Env, _code: str, given: dict[str, Any], _answer: dict[str, Any]) -> None:
    put_parameters(env, given["parameters"])


def _write_settings(env: Env, given: dict[str, Any]) -> None:
    database = env.database
    changes: dict[str, dict[str, Any]] = {}
    if given.get("password"):
        changes["base.user_admin"] = {"password": given["password"]}
    for _, record, field, model, key, value in given["settings"]:
        wanted = _meant(env, model, key, value) if model else value
        if orm.raw_value(env, *_record(env, record), field) != wanted:
            changes.setdefault(record, {})[field] = wanted
    for row in list(database.rows("res.lang").values()):
        if row["code"] in given["languages"] and not row["active"]:
            chosen: dict[str, Any] = {"lang": row["code"]}
            if given["language_field"] != "lang":
                chosen = {"lang_ids": [(6, 0, [row["id"]])]}
            wizard = special_models.create_language_wizard(env, chosen)
            special_models.lang_install(env, "base.language.install", [wizard])
    for record, values in changes.items():
        model, number = _record(env, record)
        (users.write if model == "res.users" else special_models.write_company)(env, [number], values)


def _record(env: Env, reference: str) -> tuple[str, int]:
    """Return the model and the id of a record by its external id."""
    module, _, name = reference.partition(".")
    (row,) = env.database.matching("ir.model.data", module=module, name=name)
    return str(row["model"]), int(row["res_id"])


def _write(env: Env, given: dict[str, Any], values: dict[str, str]) -> None:
    database = env.database
    _write_settings(env, given)
    rows = dict(given["parameters"])
    if f"{_MARK}uuid" in rows:
        rows[f"{_MARK}uuid"] = values["database.uuid"]
        doomed = [key for key in given["mark"] if key not in rows]
        special_models.unlink_parameter(
            env, [r["id"] for key in doomed for r in database.matching("ir.config_parameter", key=key)]
        )
    _hold(env, given, values, rows)
    put_parameters(env, rows)
    if given["owner"]:
        field = given["groups_field"]
        users.create(env, {**given["owner"], field: [(6, 0, [database.reference(name) for name in given["groups"]])]})


def _hold(env: Env, given: dict[str, Any], values: dict[str, str], rows: dict[str, str]) -> None:
    if given["quiet"]:
        jobs = orm.find(env, "ir.cron", [["active", "=", True]])
        held = {int(part) for part in values.get(f"{_MARK}quiesced", "").split(",") if part}
        rows[f"{_MARK}quiesced"] = ",".join(str(job) for job in sorted({*held, *jobs}))
        if jobs:
            special_models.write_cron(env, jobs, {"active": False})


def _take_over(env: Env, _code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    """Mark a database and set its admin's password, past the model: no cache is told of that, and nobody gets a mail."""
    database, values = env.database, _values(env)
    number = database.reference("base.user_admin")
    assert number is not None
    admin, refused = database.rows("res.users")[number], _unknown(env, given)
    if values.get(f"{_MARK}fleet"):
        refused.append(["mark", values[f"{_MARK}fleet"]])
    if not values.get("database.uuid"):
        refused.append(["uuid", ""])
    if not admin["active"] or admin.get("totp_enabled"):
        refused.append(["admin", admin["login"]])
    answer |= {"refused": refused, "uuid": values.get("database.uuid") or ""}
    if refused:
        return
    _write_settings(env, {**given, "password": ""})
    if given["password"]:
        database.update("res.users", number, {"password": given["password"]})
    rows = {**given["parameters"], f"{_MARK}uuid": values["database.uuid"]}
    _hold(env, given, values, rows)
    put_parameters(env, rows)


def put_parameters(env: Env, rows: dict[str, str]) -> None:
    """Write the parameters that differ, and make those that are missing."""
    for key, value in rows.items():
        found = next(env.database.matching("ir.config_parameter", key=key), None)
        if found is None and value:
            special_models.create_parameter(env, {"key": key, "value": value})
        elif found is not None and found["value"] != value:
            special_models.write_parameter(env, [found["id"]], {"value": value})


def strip(env: Env) -> dict[str, int]:
    """Take passwords and second factors from all users but the admin account, and every API key. No cache is told."""
    database = env.database
    for user in set(database.rows("res.users")) - {database.reference("base.user_admin")}:
        database.update("res.users", user, {"password": "", "totp_enabled": False})
    for key in list(database.rows("res.users.apikeys")):
        database.delete("res.users.apikeys", key)
    return {"passwords": 0, "keys": 0}


def _look(env: Env, _code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    if not given.get("look"):
        return
    database = env.database
    answer |= {
        "parameters": _values(env),
        "settings": {
            name: orm.raw_value(env, *_record(env, record), f"{field}.{key}" if key else field) or ""
            for name, record, field, _, key in given["look"]
        },
        "languages": [row["code"] for row in database.matching("res.lang", active=True)],
        "modules": {name: state for name, state in database.modules().items() if not state.startswith("uninstall")},
        "crons": orm.find(env, "ir.cron", [["active", "=", True]]),
    }


def _serve(env: Env, _code: str, given: dict[str, Any], answer: dict[str, Any]) -> None:
    if "before" not in given:
        return
    before = given["before"]
    now = _sizes(env, [int(key.partition("/")[0]) for key in before])
    answer["lost"] = [key for key, size in before.items() if size and key in now and not now[key]]
    if answer["lost"]:
        return
    put_parameters(env, given["notes"])
    for model, key in (("ir.cron", "quiesced"), ("ir.mail_server", "quiesced_mail_servers")):
        held = next(env.database.matching("ir.config_parameter", key=_MARK + key), None)
        if given["wake"] and held is not None:
            there = [int(part) for part in held["value"].split(",") if part and int(part) in env.database.rows(model)]
            for each in there:
                env.database.update(model, each, {"active": True})
            special_models.unlink_parameter(env, [held["id"]])


_PARTS: dict[str, Callable[[Env, str, dict[str, Any], dict[str, Any]], None]] = {
    "if given.get('files'):": _files,
    "if 'owner' in given:": _furnish,
    "answer.update(refused=refused)": _settle,
    "\nrows = given['parameters']": _put,
    "admin._set_encrypted_password(": _take_over,
    "if given.get('look'):": _look,
    "if 'before' in given:": _serve,
}
