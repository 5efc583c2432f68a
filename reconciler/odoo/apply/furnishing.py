"""What a database is given at its build, in one transaction; later, in one each, a fresh look at it and its start into service.

Each parameter that is written, and each user, empties the workers' memory of checked passwords, and the next call in each
worker pays for a new check (0.3 s of CPU on 19). One server action does what was a row of such calls: it is made in the build,
run for each of the three, and gone with the last, before the database is published.

What was furnished bears its own mark, which is written in the same transaction. So a run whose answer was lost is repeated
without harm: the second finds the mark and writes nothing.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

from reconciler.core.model.failures import ProofFailed, Rejected
from reconciler.core.model.furnishing import Furnishing, Sizes
from reconciler.core.model.observed import IN_SERVICE_ROW, MARK_PREFIX, REBUILDING, Mark, rows_of
from reconciler.core.model.settings import LOGIN, SETTINGS
from reconciler.core.model.specs import DatabaseSpec
from reconciler.odoo import versions
from reconciler.odoo.apply.logins import STRIP, require_stripped
from reconciler.odoo.apply.schedule import HOLD
from reconciler.odoo.apply.server_actions import ServerAction
from reconciler.odoo.apply.settings import BEGIN, KNOW, PUT, WRITE, place_of, unknown, values_of
from reconciler.odoo.apply.signals import SET_APART
from reconciler.odoo.connection import DatabaseSession

NAME = "build"
EVERY_ACTION = "%"

# Up to 15 no search finds what fields of records hold, pictures above all, so the ids come from the table.
_FILES = """\
if given.get('files'):
    env.cr.execute(\"\"\"SELECT id FROM ir_attachment WHERE type = 'binary' AND store_fname IS NOT NULL
                      ORDER BY id DESC LIMIT %s\"\"\", [given['files']])
    rows = clean['ir.attachment'].sudo().browse([row[0] for row in env.cr.fetchall()]).with_context(bin_size=True)
    answer.update(files=dict([('%s/%s' % (row.id, row.store_fname), row.datas or '') for row in rows]))
"""

_CHECK = f"""\
if 'owner' in given:
    done = values.get('odoo_fleet.uuid') == values['database.uuid']
{textwrap.indent(KNOW, "    ")}\
    groups = dict([(name, clean.ref(name, raise_if_not_found=False)) for name in given['groups']])
    refused.extend([['group', name] for name in given['groups'] if not groups[name]])
    admin = clean.ref('base.user_admin')
    if given['owner'] and clean['res.users'].search([('login', '=', given['owner']['login']), ('id', '!=', admin.id)]):
        refused.append(['login', given['owner']['login']])
    if given['origin'] and given['origin'] != [values.get('odoo_fleet.uuid'), values.get('odoo_fleet.digest')]:
        refused.append(['origin', ''])
    answer.update(uuid=values['database.uuid'], refused=[] if done else refused)
    if not done and not refused:
"""

_WRITE = f"""\
if given['password']:
    changes.setdefault('base.user_admin', {{}})['password'] = given['password']
{WRITE}\
rows = dict(given['parameters'])
if 'odoo_fleet.uuid' in rows:
    rows['odoo_fleet.uuid'] = values['database.uuid']
    parameters.search([('key', 'in', [key for key in given['mark'] if key not in rows])]).unlink()
{HOLD}{PUT}\
if given['owner']:
    user = dict(given['owner'])
    user[given['groups_field']] = [(6, 0, [group.id for group in groups.values()])]
    clean['res.users'].create(user)
"""

_LOOK = """\
if given.get('look'):
    answer.update(
        parameters=values,
        settings=dict([(name, (clean.ref(record)[field][key] if model else clean.ref(record)[field]) or '')
                       for name, record, field, model, key in given['look']]),
        languages=clean['res.lang'].search([('active', '=', True)]).mapped('code'),
        modules=dict([(row.name, row.state) for row in clean['ir.module.module'].search(
            [('state', 'not in', ['uninstalled', 'uninstallable'])])]),
        crons=clean['ir.cron'].search([('active', '=', True)]).ids)
"""

_SERVE = f"""\
if 'before' in given:
    before = given['before']
    rows = clean['ir.attachment'].sudo().browse([int(key.split('/')[0]) for key in before]).exists()
    now = dict([('%s/%s' % (row.id, row.store_fname), row.datas or '') for row in rows.with_context(bin_size=True)])
    lost = [key for key in before if before[key] and key in now and not now[key]]
    answer.update(lost=lost)
    if not lost:
        rows = given['notes']
{textwrap.indent(PUT, "        ")}\
        for model, key in [('ir.cron', 'odoo_fleet.quiesced'), ('ir.mail_server', 'odoo_fleet.quiesced_mail_servers')]:
            if given['wake'] and key in stored:
                held = clean[model].search([('id', 'in', [int(part) for part in values[key].split(',') if part])])
                if held:
                    held.write({{'active': True}})
                stored[key].unlink()
"""

_INSIDE = textwrap.indent(f"{STRIP}{_WRITE}if 'number' in given:\n{textwrap.indent(SET_APART, '    ')}", " " * 8)
CODE = f"{BEGIN}{_FILES}{_CHECK}{_INSIDE}{_LOOK}{_SERVE}"

_REASONS = {
    "group": ("there is no group {}", "correct owner.groups"),
    "login": (
        "the owner cannot be made: there is a user {!r} already, of the template or of a module",
        "choose another owner.login",
    ),
}


async def make(session: DatabaseSession) -> ServerAction:
    """Make the action by which a build is worked on."""
    return await ServerAction.make(session, NAME, CODE)


async def furnish(action: ServerAction, furnishing: Furnishing) -> Sizes:
    """Write all of it, or nothing; return the sizes of files as they were found.

    Raises:
        Rejected: this database does not know a language, country or group, or has a user of the owner's login.
        ProofFailed: it is no longer what it was cloned from, or a way in is left.
        RecordLocked: a scheduled action runs in it.
    """
    session = action.session
    given = await _given(session, furnishing)
    answer = await action.run(given, timeout=session.connection.timeouts.modules_seconds)  # a language takes its time
    for kind, what in answer["refused"]:
        if kind == "origin":
            raise ProofFailed("the template was changed while it was cloned", database=session.database)
        if kind not in _REASONS:
            raise unknown(kind, what, session.database)
        words, advice = _REASONS[kind]
        raise Rejected(words.format(what), database=session.database, advice=advice)
    if "passwords" in answer:
        require_stripped(answer, session.database)
    if furnishing.origin is not None and answer["uuid"] == furnishing.origin.uuid:
        raise ProofFailed("it has its template's uuid still", database=session.database)
    return dict(answer.get("files", {}))


async def look(action: ServerAction) -> Mapping[str, Any]:
    """Read what `observe.databases.look_of` takes."""
    return await action.run({"look": [place_of(setting) for setting in (LOGIN, *SETTINGS.values())]})


async def begin_service(action: ServerAction, before: Sizes, *, note: bool, wake: bool) -> tuple[str, ...]:
    """Let a build that bears the lock begin its service, unless files are missing, and end the action.

    Args:
        action: made here, or still from the build.
        before: what files there were; only these are looked for.
        note: note that it may be a customer's from now on.
        wake: let the scheduled actions go that were held back.

    Returns:
        The files that are missing; where any is, nothing was written.
    """
    given = {"before": dict(before), "notes": IN_SERVICE_ROW if note else {}, "wake": wake}
    return tuple((await action.run(given, ends=EVERY_ACTION))["lost"])


async def _given(session: DatabaseSession, furnishing: Furnishing) -> dict[str, object]:
    spec, series = furnishing.spec, await session.connection.known_series()
    mark = {} if furnishing.mark is None else rows_of(furnishing.mark)
    settled = await values_of(session, spec)
    if furnishing.password is not None:
        settled["settings"].append([*place_of(LOGIN), spec.admin_login])
    given: dict[str, object] = {
        **settled,
        "parameters": {**spec.all_parameters, **mark},
        "password": furnishing.password or "",
        "mark": [*(MARK_PREFIX + field.name for field in dataclasses.fields(Mark)), REBUILDING],
        "owner": _owner(furnishing),
        "groups": list(spec.owner.groups) if spec.owner and furnishing.owner_password else [],
        "groups_field": versions.groups_field(series),
        "origin": [furnishing.origin.uuid, furnishing.origin.digest] if furnishing.origin else [],
        "quiet": furnishing.quiet,
        "files": furnishing.files,
    }
    return given if furnishing.number is None else {**given, "number": furnishing.number}


def _owner(furnishing: Furnishing) -> dict[str, object]:
    spec: DatabaseSpec = furnishing.spec
    owner = spec.owner
    if owner is None or furnishing.owner_password is None:
        return {}
    made: dict[str, object] = {
        "name": owner.name,
        "login": owner.login,
        "password": furnishing.owner_password,
        "lang": owner.lang or spec.settings.get("lang", ""),
    }
    if "@" in owner.login:
        made["email"] = owner.login
    if timezone := spec.settings.get("timezone"):
        made["tz"] = timezone
    return made
