"""When databases end and when trash is dropped: by the text, a moment that is passed in, and what the host's clock says.

An instance whose `expires` has come counts as `state: absent` from then on. Nothing is ended or dropped by a clock that the
host's own denies: a machine that believes in another year would throw away what was ended yesterday.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from reconciler.core.model import names
from reconciler.core.model.names import DatabaseName
from reconciler.core.policies import subscriptions
from reconciler.core.policies.claims import Doubt
from reconciler.fleet.desired import Desired
from schemas.instance import Instance, InstanceState

CLOCKS_MAY_DIFFER = timedelta(days=1)
"""Retention counts in days, so that clocks which differ by less end nothing too early that anybody would notice."""


WARNED = {timedelta(days=1): "within a day", timedelta(days=7): "within 7 days"}
"""How long before something ends that is told, each in words."""


def within(moment: datetime, now: datetime) -> str:
    """Say how soon something ends, if it is to be told by now; the words change only when it is told again."""
    return next((words for before, words in WARNED.items() if moment - now <= before), "")


def in_force(desired: Desired, now: datetime) -> Desired:
    """Return the text as it counts at a moment: what has expired is absent, whose subscription has ended is suspended."""
    over = {i.code: _counting(i, "absent") for i in desired.instances.values() if is_over(i, now)}
    for instance in desired.instances.values():
        if instance.state == "active" and instance.code not in over and subscriptions.is_over(desired, instance, now):
            over[instance.code] = _counting(instance, "suspended")
    return desired.having("instance", {**desired.instances, **over}) if over else desired


def is_over(instance: Instance, now: datetime) -> bool:
    """Tell whether an instance that is to have a database has expired."""
    return instance.expires is not None and instance.state != "absent" and now >= expires_at(instance)


def expires_at(instance: Instance) -> datetime:
    """Return the moment at which an instance with `expires` does so, UTC: that day begins in its time zone, or in UTC."""
    assert instance.expires is not None
    return datetime.combine(instance.expires, time(), subscriptions.zone_of(instance)).astimezone(UTC)


def dropped_at(trash: DatabaseName, desired: Desired) -> datetime:
    """Return the moment from which on trash may be dropped."""
    assert trash.since is not None
    return trash.since + trash_limit(desired)


def trash_limit(desired: Desired) -> timedelta:
    """Return for how long trash is kept."""
    return timedelta(days=desired.settings.retention.trash_days)


def wanted(desired: Desired) -> frozenset[str]:
    """Return the names, present and former, of instances that are to have a database, wherever: trash may be what they want."""
    kept = (i for i in desired.instances.values() if i.state != "absent")
    return frozenset(name for i in kept for name in (i.database_name, i.renamed_from) if name)


def clock_doubt(now: datetime, host: datetime | None, server: str) -> Doubt | None:
    """Say why nothing is ended or dropped by the clock of this machine, or None where the host's agrees.

    Args:
        now: the time of day here.
        host: as the host says it.
        server: the code of the host.
    """
    if host is None:
        return Doubt(
            f"{server} does not say what time it is, and nothing is ended or dropped by one clock alone",
            "let the proxy before it pass the header `Date`",
        )
    if not names.keeps(now):
        return Doubt(f"here it is the year {now.year}, which no name of trash can hold", "set the clock")
    if abs(now - host) > CLOCKS_MAY_DIFFER:
        return Doubt(
            f"here it is {now:%Y-%m-%d %H:%M} UTC, on {server} it is {host:%Y-%m-%d %H:%M} UTC: one of the clocks is wrong",
            "set it; nothing is ended or dropped by it",
        )
    return None


def _counting(instance: Instance, state: InstanceState) -> Instance:
    return instance.model_copy(update={"state": state})
