"""What a new database holds: the records of base and of every module that is installed into it.

The base of each version is built once per process and shared by all databases through copy-on-write. The rows are
the same every time; only what Odoo draws anew (uuid, secret, dates) is set by the operation that makes the database.
"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from . import orm_schema, shipped
from .databases import READY, SimulatedDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .databases import Row

ADMIN = 2
HALF_MADE_ADMIN = 6
"""The admin's id in a database of Odoo 14 that its first login repaired half."""
_COUNTRY_XMLIDS = {"GB": "uk"}
"""The countries whose external id is not their code."""


def utc_text(seconds: float) -> str:
    """Return a moment as Odoo writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def file_name(content: bytes) -> str:
    """Return the name of a file in the filestore, which is its digest."""
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return f"{digest[:2]}/{digest}"


@lru_cache
def base_database(version: str, *, half_made: bool = False) -> SimulatedDatabase:
    """Return the state right after the base transaction: admin/admin logs in, other modules are `to install`.

    The result is shared: fork it.
    """
    database = SimulatedDatabase(stage=READY)
    _currencies_and_countries(database, version)
    _languages(database)
    _groups(database, version)
    _companies_and_users(database, version, half_made=half_made)
    _modules(database, version)
    install_records(database, version, ["base"], now=0.0)
    for key, value in (("base.login_cooldown_after", "10"), ("base.login_cooldown_duration", "60")):
        database.insert("ir.config_parameter", {"key": key, "value": value})
    return database


@lru_cache
def base_files(version: str) -> dict[str, int]:
    """Return the filestore that the records of base need, by file name with sizes. The result is shared: copy it."""
    return files_of(base_database(version).rows("ir.attachment").values())


def files_of(rows: Iterable[Row]) -> dict[str, int]:
    """Return the files that attachments name."""
    return {row["store_fname"]: row["file_size"] for row in rows if row.get("store_fname")}


def _xmlid(database: SimulatedDatabase, xmlid: str, model: str, res_id: int) -> None:
    module, _, name = xmlid.partition(".")
    database.insert("ir.model.data", {"module": module, "name": name, "model": model, "res_id": res_id})


def _currencies_and_countries(database: SimulatedDatabase, version: str) -> None:
    countries, currencies = shipped.countries(version), dict[str, int]()
    for code in ("EUR", "USD", *sorted({row["currency"] for row in countries if row["currency"]})):
        if code not in currencies:
            row = {"name": code, "symbol": code, "active": code in {"EUR", "USD"}, "rounding": 0.01}
            currencies[code] = database.insert("res.currency", row)
            _xmlid(database, f"base.{code}", "res.currency", currencies[code])
    for country in countries:
        row = {
            "name": country["name"],
            "code": country["code"],
            "phone_code": int(country["phone_code"] or 0),
            "currency_id": currencies.get(country["currency"], False),
        }
        xmlid = _COUNTRY_XMLIDS.get(country["code"], country["code"].lower())
        _xmlid(database, f"base.{xmlid}", "res.country", database.insert("res.country", row))


def _languages(database: SimulatedDatabase) -> None:
    for language in shipped.languages():
        row: Row = {name: language[name] for name in ("code", "name", "iso_code", "direction")}
        row |= {"url_code": language["iso_code"], "active": language["code"] == "en_US"}
        _xmlid(database, f"base.{language['xmlid']}", "res.lang", database.insert("res.lang", row))


def _groups(database: SimulatedDatabase, version: str) -> None:
    ids, implied = orm_schema.group_ids(version), orm_schema.IMPLIED[shipped.series(version)]
    for name, group in ids.items():
        row = {
            "name": name.replace("_", " ").capitalize(),
            "share": name in {"portal", "public"},
            "implied_ids": [ids[other] for other in implied.get(name, ())],
        }
        _xmlid(database, f"base.group_{name}", "res.groups", database.insert("res.groups", row, group))


def _companies_and_users(database: SimulatedDatabase, version: str, *, half_made: bool) -> None:
    partner = {"active": True, "lang": "en_US", "type": "contact"}
    company_name = "YourCompany" if shipped.series(version) == "19.0" else "My Company"
    database.insert("res.partner", {**partner, "name": company_name, "is_company": True, "lang": False})
    euro = next(database.matching("res.currency", name="EUR"))["id"]
    company = {"name": company_name, "active": True, "partner_id": 1, "currency_id": euro, "sequence": 10}
    database.insert("res.company", company)
    _xmlid(database, "base.main_company", "res.company", 1)
    _xmlid(database, "base.main_partner", "res.partner", 1)
    people = [
        ("base.user_root", "base.partner_root", "OdooBot", "__system__", False, ("system", "user")),
        ("base.user_admin", "base.partner_admin", "Administrator", "admin", True, ("system", "user")),
        ("base.public_user", "base.public_partner", "Public user", "public", False, ("public",)),
    ]
    if shipped.series(version) == "14.0":
        people.insert(2, ("base.default_user", "", "Default User Template", "default", False, ("user",)))
    for xmlid, partner_xmlid, name, login, active, groups in people:
        partner_id = database.insert("res.partner", {**partner, "name": name, "active": active})
        user: Row = {
            "login": login,
            "password": "admin" if active else "",
            "active": active,
            "partner_id": partner_id,
            "company_id": 1,
            "company_ids": [1],
            orm_schema.groups_field(version): _with_implied(version, groups),
        }
        user_id = database.insert("res.users", user, HALF_MADE_ADMIN if half_made and active else None)
        _xmlid(database, xmlid, "res.users", user_id)
        if partner_xmlid:
            _xmlid(database, partner_xmlid, "res.partner", partner_id)


def add_demonstration_users(database: SimulatedDatabase, version: str) -> None:
    """Add the users of base's demonstration data, whose passwords are their logins. They are all that it changes here."""
    people = (
        ("base.user_demo", "Marc Demo", "demo", ("user", "partner_manager")),
        ("base.demo_user0", "Joel Willis", "portal", ("portal",)),
    )
    for xmlid, name, login, groups in people:
        partner = {"name": name, "active": True, "lang": "en_US", "type": "contact"}
        user: Row = {
            "login": login,
            "password": login,
            "active": True,
            "partner_id": database.insert("res.partner", partner),
            "company_id": 1,
            "company_ids": [1],
            orm_schema.groups_field(version): _with_implied(version, groups),
        }
        _xmlid(database, xmlid, "res.users", database.insert("res.users", user))


def _with_implied(version: str, names: tuple[str, ...]) -> list[int]:
    ids = orm_schema.group_ids(version)
    chosen = {ids[name] for name in names}
    if "system" in names:
        chosen |= {ids["partner_manager"], ids["allow_export"]}
    if not shipped.since(version, 19):
        chosen = chosen.union(*(orm_schema.implied_ids(version)[group] for group in chosen))
    return sorted(chosen)


def _modules(database: SimulatedDatabase, version: str) -> None:
    coming = set(shipped.closure(version, {"base"}, frozenset()))
    for module in shipped.modules(version).values():
        list_module(database, version, module, "to install" if module.name in coming else "uninstalled")


def list_module(database: SimulatedDatabase, version: str, module: shipped.Module, state: str = "uninstalled") -> None:
    """Add a module to those that the database knows."""
    row = {
        "name": module.name,
        "shortdesc": module.title,
        "state": "installed" if module.name == "base" else state,
        "auto_install": module.triggers is not None,
        "application": module.application,
        "sequence": 100,
        "latest_version": f"{version}.1.3" if module.name == "base" else False,
    }
    module_id = database.insert("ir.module.module", row)
    _xmlid(database, f"base.module_{module.name}", "ir.module.module", module_id)
    for needed in module.depends:
        database.insert("ir.module.module.dependency", {"name": needed, "module_id": module_id})


def install_records(database: SimulatedDatabase, version: str, names: Iterable[str], *, now: float) -> None:
    """Add what these modules bring: models, scheduled actions, files of their icons and bundles."""
    for name in names:
        for model in orm_schema.models_of_module(version).get(name, ()):
            made = database.insert("ir.model", {"model": model, "name": model, "state": "base", "modules": name})
            _xmlid(database, f"{name}.model_{model.replace('.', '_')}", "ir.model", made)
        for action in shipped.scheduled_actions(version).get(name, ()):
            _scheduled_action(database, action, now)
        if name in {"base", "web", "mail", "website", "point_of_sale"}:
            _attachments(database, name)


def _scheduled_action(database: SimulatedDatabase, action: shipped.ScheduledAction, now: float) -> None:
    length = shipped.interval_seconds(action.interval_number, action.interval_type)
    row = {
        "name": action.name,
        "cron_name": action.name,
        "active": action.active,
        "interval_number": action.interval_number,
        "interval_type": action.interval_type,
        "nextcall": utc_text(now if action.due_at_once else now + length),
        "priority": 5,
        "user_id": 1,
        "state": "code",
    }
    _xmlid(database, f"{action.module}.{action.xmlid}", "ir.cron", database.insert("ir.cron", row))


def _attachments(database: SimulatedDatabase, module: str) -> None:
    """Add one image of a record field (hidden from a plain search) and one asset bundle (262,144 bytes)."""
    for name, size, field in ((f"{module}.image", 6144, "image_1920"), (f"{module}.assets.min.js", 262144, False)):
        row = {
            "name": name,
            "type": "binary",
            "res_model": "res.partner" if field else "ir.ui.view",
            "res_field": field,
            "res_id": 1 if field else 0,
            "mimetype": "image/png" if field else "application/javascript",
            "file_size": size,
            "store_fname": file_name(name.encode()),
            "checksum": file_name(name.encode())[3:],
        }
        database.insert("ir.attachment", row)


def draw_anew(database: SimulatedDatabase, *, uuid: str, secret: str, now: float) -> None:
    """Set what `ir.config_parameter.init(force=True)` sets, in a new database and again in every clone."""
    database.set_parameter("database.uuid", uuid)
    database.set_parameter("database.secret", secret)
    database.set_parameter("database.create_date", utc_text(now))
    database.set_parameter("web.base.url", "http://localhost:8069")
    database.set_parameter("base.login_cooldown_after", "10")
    database.set_parameter("base.login_cooldown_duration", "60")
