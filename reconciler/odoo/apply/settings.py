"""Writes languages, settings and parameters inside one database where they differ: in one transaction, or nothing of it.

The pieces of code here are what builds are furnished with as well (`furnishing`). What is not declared is not named in the
values that go with the call, and is left as it is.
"""

from __future__ import annotations

import textwrap
from typing import Any

from reconciler.core.model.failures import Rejected
from reconciler.core.model.observed import Files
from reconciler.core.model.settings import ADMIN, SETTINGS, Setting
from reconciler.core.model.specs import DatabaseSpec
from reconciler.odoo import versions
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret

NO_MAIL = {"no_reset_password": True, "mail_create_nosubscribe": True, "tracking_disable": True}
"""Creating a user with an e-mail address sends an invitation at once, scheduled actions or not, unless told otherwise."""

# What is called from here on is called with a context of its own: none of the secrets in the call's goes on.
BEGIN = """\
given = env.context['odoo_fleet']
clean = env(context={'lang': 'en_US', 'active_test': False, 'no_reset_password': True, 'mail_create_nosubscribe': True,
                     'tracking_disable': True})
parameters = clean['ir.config_parameter']
stored = dict([(row.key, row) for row in parameters.search([])])
values = dict([(key, row.value or '') for key, row in stored.items()])
"""

KNOW = """\
languages = clean['res.lang'].search([('code', 'in', given['languages'])])
refused = [['lang', code] for code in given['languages'] if code not in languages.mapped('code')]
changes = {}
for name, record, field, model, key, value in given['settings']:
    now = clean.ref(record)[field]
    if model:
        found = clean[model].search([(key, '=', value)], limit=1)
        if not found:
            refused.append([name, value])
        now, value = now.id, found.id
    if now != value:
        changes.setdefault(record, {})[field] = value
"""
"""Finds out what is to be written, and what this database does not know."""

WRITE = """\
for language in [row for row in languages if not row.active]:
    chosen = {'lang': language.code} if given['language_field'] == 'lang' else {'lang_ids': [(6, 0, [language.id])]}
    clean['base.language.install'].create(chosen).lang_install()
for record, differing in changes.items():
    clean.ref(record).write(differing)
"""
"""Languages first: 19 takes any text as a user's language, active or not."""

PUT = """\
parameters.create([{'key': key, 'value': value} for key, value in rows.items() if value and key not in stored])
for key, value in rows.items():
    if key in stored and values[key] != value:
        stored[key].write({'value': value})
"""

_ALL = f"""\
{WRITE}\
rows = given['parameters']
{PUT}"""
_CODE = f"""\
{BEGIN}{KNOW}\
answer.update(refused=refused)
if not refused:
{textwrap.indent(_ALL, "    ")}"""


async def apply_settings(session: DatabaseSession, spec: DatabaseSpec) -> None:
    """Write what differs of what a spec declares.

    Raises:
        Rejected: this Odoo does not know the language, or what a setting refers to.
    """
    given = {**await values_of(session, spec), "parameters": dict(spec.all_parameters)}
    answer = await run_once(session, "settings", _CODE, given, timeout=session.connection.timeouts.modules_seconds)
    for name, value in answer["refused"]:
        raise unknown(name, value, session.database)


async def values_of(session: DatabaseSession, spec: DatabaseSpec) -> dict[str, Any]:
    """Return what `KNOW` and `WRITE` take."""
    return {
        "languages": list(spec.languages),
        "language_field": versions.language_field(await session.connection.known_series()),
        "settings": [[*place_of(SETTINGS[name]), value] for name, value in spec.settings.items()],
    }


def place_of(setting: Setting) -> list[str]:
    """Return where a setting is, as the pieces of code take it."""
    return [setting.name, setting.record, setting.field, setting.model, setting.key]


def unknown(name: str, value: str, database: str) -> Rejected:
    """Say that a database does not know a language, or what a setting refers to."""
    noun = "language" if name == "lang" else SETTINGS[name].noun
    return Rejected(f"Odoo knows no {noun} {value!r}", database=database, advice=f"correct `{name}`")


async def set_credentials(session: DatabaseSession, login: str, password: Secret) -> None:
    """Set the admin account's login and password."""
    references = await session.xmlids([ADMIN])
    rows = await session.read("res.users", [references[ADMIN][1]], ["login"])
    values: dict[str, Any] = {"password": password}
    if rows[0]["login"] != login:
        values["login"] = login
    await session.write("res.users", [references[ADMIN][1]], values, context=NO_MAIL)


async def write_files(session: DatabaseSession, files: Files) -> None:
    """Store contents again under their attachments: Odoo names a file by its content, so that only what is missing is made.

    Not where a row names another content than its key does: another database has come to bear the name since it was looked at,
    and one of that id in it is somebody's own file. Without being told not to, 19 makes pictures smaller that are wider than 1920
    pixels: those would be other files.
    """
    context = {**NO_MAIL, "image_no_postprocess": True}
    for key, values in files.items():
        record, _, stored = key.partition("/")
        rows = await session.read("ir.attachment", [int(record)], ["store_fname"])
        if [row["store_fname"] for row in rows] == [stored]:
            await session.write("ir.attachment", [int(record)], values, context=context)
