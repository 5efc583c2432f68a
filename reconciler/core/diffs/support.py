"""Accounts that let the operator into a customer's database for a while: how they are named and noted, and which are over. Pure.

Each is noted in the database in the transaction that makes it, so that none is there which no look finds, whatever dies: a
parameter names its id and its login, and the login says until when it is good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import FORMS, parse
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import instance_spec
from reconciler.core.policies import claims
from reconciler.core.policies.endings import CLOCKS_MAY_DIFFER
from schemas.instance import Instance

FIELD = "support"
"""What an action shows of each account."""

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=8)
LONGEST_LINK = timedelta(days=7)
"""For an owner, who may read his mail after a holiday; the shortest is the same."""

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


def told(inventory: Inventory, key: tuple[str, str, str]) -> str:
    """Say until when an account may be open, as far as is remembered; empty where none is."""
    noted = inventory.server_states.get(row_of(*key), "")
    return f"an account for support is open until {noted[:16].replace('T', ' ')} UTC" if noted else ""


def is_over(account: str, now: datetime) -> bool:
    """Tell whether an account's time has come; one that is open for longer than any may be was not noted by us."""
    until = until_of(account)
    return until is None or now >= until or until - now > LONGEST + CLOCKS_MAY_DIFFER


def diff_support(draft: Draft) -> None:
    """Plan that accounts end whose time is over, that the text forbids by now, or whose database leaves its place.

    That waits for nothing else of the instance, whatever holds this back: the rest waits for it.
    """
    for code, host in sorted(draft.observed.hosts.items()):
        for look in [look for _, look in sorted(host.looks.items()) if look.support]:
            for instance in draft.desired.instances.values():
                own = [a for a in draft.actions if a.address == instance.address and code in a.servers]
                if _is_at_work(instance, look, own) and _is_own(draft, instance, code, look):
                    _end(draft, instance, code, look, own)


def _is_at_work(instance: Instance, look: DatabaseLook, own: Iterable[Action]) -> bool:
    """Tell whether a database is an instance's by its name, and in service, on its way, or about to come back."""
    name = parse(look.database)
    is_named = name.target in (instance.database_name, instance.renamed_from)
    return is_named and (name.state in FORMS or any(action.database == look.database for action in own))


def _is_own(draft: Draft, instance: Instance, server: str, look: DatabaseLook) -> bool:
    spec = instance_spec(draft.desired, instance, draft.desired.servers[server])
    return claims.doubt(look, spec, instance.renamed_from) is None


def _end(draft: Draft, instance: Instance, server: str, look: DatabaseLook, own: Sequence[Action]) -> None:
    leaves = not instance.allow_support or any(a.verb in (verbs.END, verbs.REPLACE, verbs.MOVE) for a in own)
    over = [each for each in look.support if leaves or is_over(each, draft.now)]
    if not over:
        return
    reason = Reason.CHANGED if leaves else Reason.TIME_IS_UP
    changes, first = tuple(FieldChange(FIELD, each, "ended") for each in over), draft.first(server)
    name = look.database
    ended = draft.plan(Action(verbs.END_SUPPORT, "instance", instance.code, server, reason, name, name, changes, first))
    draft.actions = [replace(a, after=(*a.after, ended)) if a in own else a for a in draft.actions]


def ended_by(changes: Iterable[FieldChange]) -> tuple[str, ...]:
    """Return the accounts that an action ends."""
    return tuple(change.observed for change in changes if change.field == FIELD)
