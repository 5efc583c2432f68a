"""What instances use of what their plans include: who is measured, what is told, and whom it takes out of service. Pure.

What was measured is remembered by the store alone. Without it nobody is over a limit: the grace begins anew.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.core.model import pauses
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import Inventory, Usage
from reconciler.core.model.names import IN_SERVICE
from reconciler.core.model.observed import Inside, Observed
from reconciler.core.model.selection import Selection
from reconciler.core.policies import backups, claims, subscriptions
from reconciler.core.policies.backups import BackupSubject
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.plan import Plan

GIGABYTE = 1_000_000_000
LEVELS = (100, 90, 80)
"""Shares of a limit, in percent, at which it is told."""


@dataclass(frozen=True, slots=True)
class UsageStanding:
    """What an instance uses beside what its plan includes; a limit is None where its plan has none.

    `usage` is None before it was measured. `percent` is the larger of the two shares. `acts_at` is when the grace is over of one
    that is over a limit and whose plan says `on_limit: suspend`.
    """

    usage: Usage | None
    max_users: int | None
    max_bytes: int | None
    percent: int | None
    acts_at: datetime | None


def measured(plan: Plan, inside: Inside, at: datetime, before: Usage | None) -> Usage:
    """Return what is remembered of a measurement: since when a limit is exceeded too."""
    now = Usage(inside.users, inside.bytes, at)
    if not _is_over(plan, now):
        return now
    return replace(now, over_since=before.over_since if before is not None and before.over_since is not None else at)


def standing(desired: Desired, inventory: Inventory, instance: Instance) -> UsageStanding | None:
    """Say how an instance stands beside the limits of its plan; None where that has none."""
    plan = desired.plans[instance.plan]
    if plan.max_users is None and plan.max_storage_gb is None:
        return None
    usage = inventory.usage.get(instance.code)
    max_bytes = None if plan.max_storage_gb is None else plan.max_storage_gb * GIGABYTE
    percent, acts_at = None, None
    if usage is not None:
        users = 0 if plan.max_users is None else 100 * usage.users // plan.max_users
        percent = max(users, 0 if max_bytes is None else 100 * usage.bytes // max_bytes)
        if plan.on_limit == "suspend" and usage.over_since is not None and _is_over(plan, usage):
            acts_at = usage.over_since + timedelta(days=plan.grace_days)
    return UsageStanding(usage, plan.max_users, max_bytes, percent, acts_at)


def _is_over(plan: Plan, usage: Usage) -> bool:
    over_users = plan.max_users is not None and usage.users > plan.max_users
    return over_users or (plan.max_storage_gb is not None and usage.bytes > plan.max_storage_gb * GIGABYTE)


def is_over(desired: Desired, inventory: Inventory, instance: Instance, now: datetime) -> bool:
    """Tell whether what an instance uses takes it out of service: over a limit, and the grace is over."""
    plan = desired.plans[instance.plan]
    if plan.on_limit != "suspend":
        return False
    found = standing(desired, inventory, instance)
    return found is not None and found.acts_at is not None and found.acts_at <= now


def why_ended(desired: Desired, inventory: Inventory, instance: Instance, now: datetime) -> Reason | None:
    """Say what takes an instance out of service though its text does not: the end of its subscription, or what it uses."""
    if subscriptions.is_over(desired, instance, now):
        return Reason.EXPIRED
    return Reason.OVER_LIMIT if is_over(desired, inventory, instance, now) else None


def in_force(desired: Desired, inventory: Inventory, now: datetime) -> Desired:
    """Return the text as it counts with what is measured: who is over a limit for longer than the grace is suspended."""
    over = {
        i.code: i.model_copy(update={"state": "suspended"})
        for i in desired.instances.values()
        if i.state == "active" and is_over(desired, inventory, i, now)
    }
    return desired.having("instance", {**desired.instances, **over}) if over else desired


def told(desired: Desired, inventory: Inventory, instance: Instance) -> str:
    """Say what a person should know of what an instance uses: that it comes near a limit, or is over it; or nothing.

    The words are the same until there is something else to be told.
    """
    found = standing(desired, inventory, instance)
    if found is None or found.usage is None or found.percent is None or found.percent < LEVELS[-1]:
        return ""
    plan, usage = desired.plans[instance.plan], found.usage
    level = next(level for level in LEVELS if found.percent >= level)
    shares = []
    if plan.max_users is not None and 100 * usage.users // plan.max_users >= level:
        shares.append(count(plan.max_users, "user"))
    if plan.max_storage_gb is not None and 100 * usage.bytes // (plan.max_storage_gb * GIGABYTE) >= level:
        shares.append(f"{plan.max_storage_gb} GB")
    what = f"the {' and the '.join(shares)} of plan/{plan.code}"
    if not _is_over(plan, usage):
        return f"{instance.address} uses {level} % or more of {what}"
    then = f"suspended from {found.acts_at:%Y-%m-%d} on" if found.acts_at else "nothing is done (`on_limit: warn`)"
    return f"{instance.address} uses more than {what}: {then}"


def stored(desired: Desired, observed: Observed, inventory: Inventory) -> Mapping[str, int]:
    """Return by server how many bytes of the instances there were measured; of those that never were, none."""
    found: defaultdict[str, int] = defaultdict(int)
    for code, usage in inventory.usage.items():
        if (instance := desired.instances.get(code)) is not None:
            for host in observed.holding(instance.database_name):
                if instance.server in (None, host.server):
                    found[host.server] += usage.bytes
    return found


def due(
    desired: Desired,
    observed: Observed,
    changeset: Changeset,
    inventory: Inventory,
    now: datetime,
    selection: Selection,
) -> tuple[BackupSubject, ...]:
    """List the databases that are to be measured now: of each host a few, others each time.

    To measure one takes a server action, made and removed there: so none is that is paused, on a frozen host, held back or
    about to be changed, or of which memory does not say that it is as its text says.

    Args:
        desired: the fleet's text, as it counts now.
        observed: what its hosts answered; databases of those that are not in it are not measured.
        changeset: what was decided.
        inventory: what is remembered.
        now: the time of day.
        selection: what the run is limited to.
    """
    rhythm = desired.settings.verification
    busy = {each.address for each in (*changeset.actions, *changeset.blocked)}
    busy |= {each.action.address for each in changeset.withheld}
    left = {each.server for each in changeset.frozen}
    paused = pauses.in_force(desired, inventory.pauses)
    found: defaultdict[str, list[BackupSubject]] = defaultdict(list)
    for instance in desired.instances.values():
        usage = inventory.usage.get(instance.code)
        is_new = usage is not None and now - timedelta(hours=rhythm.max_age_hours) < usage.at <= now
        if is_new or instance.address in busy or not selection.includes(instance):
            continue
        if standing(desired, inventory, instance) is None:
            continue
        subject = _subject(desired, observed, inventory, instance, left)
        if subject is not None and pauses.pause_of(subject, desired.settings.code, paused) is None:
            found[subject.server].append(subject)
    # Drawn anew each minute: what cannot be measured, and is due for ever, keeps no other from its turn.
    draw = int(now.timestamp() // 60)
    return tuple(
        subject
        for those in found.values()
        for subject in sorted(those, key=lambda each: zlib.crc32(f"{each.code} {draw}".encode()))[
            : rhythm.databases_per_pass
        ]
    )


def _subject(
    desired: Desired, observed: Observed, inventory: Inventory, instance: Instance, left: Collection[str]
) -> BackupSubject | None:
    """Return the database of an instance, where exactly one is in service that memory knows as what the text says."""
    found = claims.of(desired, observed, instance)
    if len(found) != 1 or found[0].renamed or found[0].name.state not in IN_SERVICE or found[0].server in left:
        return None
    entry = inventory.entries.get(("instance", instance.code, found[0].server))
    if entry is None or entry.orphaned or not entry.digest:
        return None
    return backups.subject_of(desired, instance, found[0].server, found[0].name.text)
