"""Settings: what a document may declare of a database's admin account and main company. A new one is one value here.

A document declares it by the field of its name, if its kind has such a field in the schemas. How it is observed, compared,
shown, written and fingerprinted goes by what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.instance import Instance
from schemas.template import Template

ADMIN = "base.user_admin"
COMPANY = "base.main_company"


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of one record that is kept as declared, and left alone where nothing is declared.

    Args:
        name: the field of documents that declares it.
        record: the external id of the record.
        field: Odoo's name of its field, which holds a text or refers to another record.
        model: the model of that other record.
        key: the field of that model by which documents name it.
        noun: what messages call that other record.
        at_birth: what an instance is given at its build alone if it declares nothing.
    """

    name: str
    record: str
    field: str
    model: str = ""
    key: str = ""
    noun: str = ""
    at_birth: Callable[[Instance, Template], str | None] = lambda _instance, _template: None


_OF_FORMAT_2 = (
    Setting("company", COMPANY, "name", at_birth=lambda instance, _: instance.name),
    Setting(
        "country_code",
        COMPANY,
        "country_id",
        model="res.country",
        key="code",
        noun="country",
        at_birth=lambda _, template: template.country_code,
    ),
    Setting("lang", ADMIN, "lang", at_birth=lambda _, template: template.lang),
    Setting("timezone", ADMIN, "tz"),
)
"""These are in the digest also where they are not declared, as those who wrote the marks of databases in service had it."""

LOGIN = Setting("admin_login", ADMIN, "login")
"""Observed as a setting is, but written with the password alone."""

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _OF_FORMAT_2}
"""All settings by their names."""


def declared(document: Instance | Template) -> Mapping[str, str]:
    """Return the settings that a document declares."""
    return _said({name: getattr(document, name, None) for name in SETTINGS})


def at_birth(instance: Instance, template: Template) -> Mapping[str, str]:
    """Return what a database is given at its build where the instance declares nothing."""
    return _said({name: setting.at_birth(instance, template) for name, setting in SETTINGS.items()})


def fingerprinted(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return what of some declared settings goes into a digest: a setting that is new changes it only where it is declared."""
    return {**{setting.name: "" for setting in _OF_FORMAT_2}, **settings}


def _said(values: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if value}
