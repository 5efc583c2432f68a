"""Takes a database over that this fleet did not build: password, what is declared, and the mark, in one transaction, or nothing.

Nothing else of it is touched: no user but the admin account, no number by which workers tell databases apart, no scheduled
action but those that must not run, a template's. Whether it may be taken over at all is found out again inside, before
anything is written.
"""

from __future__ import annotations

import textwrap

from reconciler.core.model.failures import Refused
from reconciler.core.model.observed import Mark, rows_of
from reconciler.core.model.settings import LOGIN
from reconciler.core.model.specs import DatabaseSpec
from reconciler.odoo.apply.schedule import HOLD
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.apply.settings import BEGIN, KNOW, PUT, WRITE, place_of, unknown, values_of
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret

NAME = "adopt"

# The password is written past the model: on 19 its `write` mails a notice to the account's address at once, which a
# transaction that is undone does not take back. What is kept of it in memory goes with the parameters.
_TAKE = f"""\
{WRITE}\
if given['password']:
    admin._set_encrypted_password(admin.id, admin._crypt_context().hash(given['password']))
rows = dict(given['parameters'])
rows['odoo_fleet.uuid'] = values['database.uuid']
{HOLD}{PUT}"""
CODE = f"""\
{BEGIN}{KNOW}\
admin = clean.ref('base.user_admin')
if values.get('odoo_fleet.fleet'):
    refused.append(['mark', values['odoo_fleet.fleet']])
if not values.get('database.uuid'):
    refused.append(['uuid', ''])
if not admin.active or ('totp_enabled' in admin._fields and admin.totp_enabled):
    refused.append(['admin', admin.login])
answer.update(refused=refused, uuid=values.get('database.uuid') or '')
if not refused:
{textwrap.indent(_TAKE, "    ")}"""

_REASONS = {
    "mark": "somebody else took it over just now: it belongs to fleet {!r}",
    "uuid": "it has no database.uuid",
    "admin": "its admin account {!r} was deactivated, or given a second factor, just now",
}


async def adopt(
    session: DatabaseSession, spec: DatabaseSpec, mark: Mark, password: Secret | None, *, quiet: bool
) -> None:
    """Write all of it, or nothing.

    Args:
        session: opened as an account with all rights.
        spec: its languages, settings, parameters and login are written where they differ.
        mark: whose it is from now on; its uuid is the database's own, whatever it says.
        password: the admin account's from now on; None where it has it already.
        quiet: active scheduled actions are held back, and remembered.

    Raises:
        Refused: it is not what a look showed any more.
        Rejected: this Odoo does not know a language, or what a setting refers to.
        RecordLocked: a scheduled action that is to be held back runs now.
    """
    given = await values_of(session, spec)
    given["settings"].append([*place_of(LOGIN), spec.admin_login])
    parameters = {**spec.all_parameters, **rows_of(mark)}
    values = {**given, "parameters": parameters, "password": "" if password is None else password, "quiet": quiet}
    answer = await run_once(session, NAME, CODE, values, timeout=session.connection.timeouts.modules_seconds)
    for kind, what in answer["refused"]:
        if kind in _REASONS:
            raise Refused(_REASONS[kind].format(what), server=session.connection.server, database=session.database)
        raise unknown(kind, what, session.database)
