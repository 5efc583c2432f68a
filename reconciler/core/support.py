"""Accounts that let the operator into a customer's database for a while: how they are named and noted, and which are over. Pure.

Each is noted in the database in the transaction that makes it, so that none is there which no look finds, whatever dies: a
parameter names its id and its login, and the login says until when it is good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.core import claims, verbs
from reconciler.core.actions import Action, FieldChange, Reason
from reconciler.core.drafts import Draft
from reconciler.core.endings import CLOCKS_MAY_DIFFER
from reconciler.core.inventory import Inventory
from reconciler.core.names import IN_SERVICE
from reconciler.core.observed import DatabaseLook
from reconciler.core.specs import instance_spec
from schemas.instance import Instance

FIELD = "support"
"""What an action shows of each account."""

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=8)
_LOGIN = re.compile(r"odoo-fleet-support-(\d{8}T\d{6}Z)-[a-z0-9]+")
_MOMENT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Visit:
    """What is asked for: an account of this `login`, which customers see as `name`, good until then."""

    login: str
    name: str
    until: datetime


def visit(until: datetime, nonce: str) -> Visit:
    """Return the account that is good until then; `nonce` tells it from others of the same second."""
    until = until.astimezone(UTC).replace(microsecond=0)
    return Visit(f"odoo-fleet-support-{until:{_MOMENT}}-{nonce}", f"Support (until {until:%Y-%m-%d %H:%M} UTC)", until)


def accounts(noted: str) -> tuple[str, ...]:
    """Read what the parameter says: the accounts that are open, as `ID:LOGIN`."""
    return tuple(sorted(each for each in noted.split(",") if each))


def until_of(account: str) -> datetime | None:
    """Return the moment until which an account is good; None where it does not say, so that it is good no longer."""
    found = _LOGIN.fullmatch(account.partition(":")[2])
    try:
        return datetime.strptime(found[1], _MOMENT).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def row_of(kind: str, code: str, server: str) -> str:
    """Name the row in which it is remembered until when an account may be open: a look that began before it shows none."""
    return f"support/{kind}/{code}/{server}"


def is_noted(inventory: Inventory, key: tuple[str, str, str]) -> bool:
    """Tell whether it is remembered that an account may be open, so that the database is looked into until none is."""
    return bool(inventory.server_states.get(row_of(*key)))


def is_noted_past(inventory: Inventory, key: tuple[str, str, str], now: datetime) -> bool:
    """Tell whether what is remembered is over: who finds no account then need not remember it any more."""
    noted = inventory.server_states.get(row_of(*key), "")
    return bool(noted) and noted < now.astimezone(UTC).isoformat(timespec="seconds")


def is_over(account: str, now: datetime) -> bool:
    """Tell whether an account's time has come; one that is open for longer than any may be was not noted by us."""
    until = until_of(account)
    return until is None or now >= until or until - now > LONGEST + CLOCKS_MAY_DIFFER


def diff_support(draft: Draft) -> None:
    """Plan that accounts end whose time is over, or that the text forbids by now."""
    last = {(a.kind, a.code, a.server): a for a in draft.actions}
    for code, host in sorted(draft.observed.hosts.items()):
        if not any(look.support for look in host.looks.values()):
            continue
        for instance in draft.desired.instances.values():
            for name in host.forms_of(instance.database_name):
                look = host.looks.get(name.text)
                if name.state in IN_SERVICE and look and look.support and _is_own(draft, instance, code, look):
                    _end(draft, instance, code, look, last.get(("instance", instance.code, code)))


def _is_own(draft: Draft, instance: Instance, server: str, look: DatabaseLook) -> bool:
    spec = instance_spec(draft.desired, instance, draft.desired.servers[server])
    return claims.doubt(look, spec, instance.renamed_from) is None


def _end(draft: Draft, instance: Instance, server: str, look: DatabaseLook, last: Action | None) -> None:
    over = [each for each in look.support if not instance.allow_support or is_over(each, draft.now)]
    if not over or (last is not None and last.verb in (verbs.END, verbs.REPLACE, verbs.MOVE)):
        return  # what goes on elsewhere, or not at all, is looked at there
    database = last.becomes or last.database if last is not None else look.database
    after = draft.first(server, last.id if last is not None else "")
    reason = Reason.TIME_IS_UP if instance.allow_support else Reason.CHANGED
    changes = tuple(FieldChange(FIELD, each, "ended") for each in over)
    draft.plan(Action(verbs.END_SUPPORT, "instance", instance.code, server, reason, database, database, changes, after))


def ended_by(changes: Iterable[FieldChange]) -> tuple[str, ...]:
    """Return the accounts that an action ends."""
    return tuple(change.observed for change in changes if change.field == FIELD)
