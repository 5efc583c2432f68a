"""Writes company, languages, accounts and parameters inside one database, only where they differ."""

from __future__ import annotations

from typing import Any

from reconciler.core.failures import Rejected
from reconciler.core.observed import Files
from reconciler.core.specs import DatabaseSpec
from reconciler.odoo import versions
from reconciler.odoo.apply.marks import write_parameters
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret

ADMIN = "base.user_admin"
COMPANY = "base.main_company"
NO_MAIL = {"no_reset_password": True, "mail_create_nosubscribe": True, "tracking_disable": True}
"""Creating a user with an e-mail address sends an invitation at once, scheduled actions or not, unless told otherwise."""


async def apply_settings(session: DatabaseSession, spec: DatabaseSpec) -> None:
    """Write languages first (19 takes any text as a user's language, active or not), then company, admin and parameters.

    What the spec leaves empty is not declared, and is left as it is.
    """
    for lang in spec.languages:
        await activate_language(session, lang)
    references = await session.xmlids([ADMIN, COMPANY])
    await _write_company(session, references[COMPANY][1], spec)
    admin: dict[str, Any] = {}
    if spec.lang:
        admin["lang"] = spec.lang
    if spec.timezone:
        admin["tz"] = spec.timezone
    await _write_differing(session, "res.users", references[ADMIN][1], admin)
    if parameters := declared_parameters(spec):
        await write_parameters(session, parameters)


def declared_parameters(spec: DatabaseSpec) -> dict[str, str]:
    """Return the parameters that a spec declares, its base URL among them."""
    base_url = {"web.base.url": spec.base_url, "web.base.url.freeze": "True"} if spec.base_url else {}
    return {**spec.parameters, **base_url}


async def activate_language(session: DatabaseSession, lang: str) -> None:
    """Load a language unless it is active.

    Raises:
        Rejected: this Odoo does not know the language.
    """
    rows = await session.search_read("res.lang", [["code", "=", lang]], ["active"], context={"active_test": False})
    if rows and rows[0]["active"]:
        return
    field = versions.language_field(await session.connection.known_series())
    if field == "lang":
        values: dict[str, Any] = {"lang": lang}
    elif rows:
        values = {field: [[6, 0, [rows[0]["id"]]]]}
    else:
        raise Rejected(f"Odoo knows no language {lang!r}", database=session.database, advice="correct `lang`")
    wizard = await session.create("base.language.install", values)
    await session.change_call(
        "base.language.install", "lang_install", [wizard], timeout=session.connection.timeouts.modules
    )


async def set_credentials(session: DatabaseSession, login: str, password: Secret) -> None:
    """Set the admin account's login and password."""
    references = await session.xmlids([ADMIN])
    rows = await session.read("res.users", [references[ADMIN][1]], ["login"])
    values: dict[str, Any] = {"password": password}
    if rows[0]["login"] != login:
        values["login"] = login
    await session.write("res.users", [references[ADMIN][1]], values, context=NO_MAIL)


async def _write_company(session: DatabaseSession, company: int, spec: DatabaseSpec) -> None:
    values: dict[str, Any] = {}
    if spec.company:
        values["name"] = spec.company
    if spec.country_code:
        found = await session.search("res.country", [["code", "=", spec.country_code]])
        if not found:
            raise Rejected(
                f"Odoo knows no country {spec.country_code!r}",
                database=session.database,
                advice="correct `country_code`",
            )
        values["country_id"] = found[0]
    await _write_differing(session, "res.company", company, values)


async def _write_differing(session: DatabaseSession, model: str, record: int, values: dict[str, Any]) -> None:
    if not values:
        return
    row = (await session.read(model, [record], list(values)))[0]
    differing = {k: v for k, v in values.items() if _plain(row[k]) != v}
    if differing:
        await session.write(model, [record], differing, context=NO_MAIL)


def _plain(value: Any) -> Any:
    """A reference reads as [id, name] and is written as id."""
    return value[0] if isinstance(value, list) and value else value


async def write_files(session: DatabaseSession, files: Files) -> None:
    """Store contents again under their attachments: Odoo names a file by its content, so that only what is missing is made.

    Without being told not to, 19 makes pictures smaller that are wider than 1920 pixels: those would be other files.
    """
    for key, values in files.items():
        context = {**NO_MAIL, "image_no_postprocess": True}
        await session.write("ir.attachment", [int(key.partition("/")[0])], values, context=context)
