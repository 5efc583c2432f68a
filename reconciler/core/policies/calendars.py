"""What ends on which day: subscriptions and their grace, instances that expire, trash that may be dropped. Pure.

Days of instances are those of their own time zone, as their text means them; those of what is nobody's are UTC's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from reconciler.core.model import names
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import endings, subscriptions
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


@dataclass(frozen=True, slots=True, order=True)
class CalendarEntry:
    """Something that ends on a day. `key` stays the same when the day moves."""

    day: date
    key: str
    what: str
    then: str


def of_instances(desired: Desired, now: datetime, selection: Selection = EVERYTHING) -> tuple[CalendarEntry, ...]:
    """List when subscriptions, their grace and instances end; of a term that renews itself, that of now."""
    chosen = [i for i in desired.instances.values() if i.state != "absent" and selection.includes(i)]
    return tuple(sorted(each for instance in chosen for each in _of_instance(desired, instance, now)))


def of_trash(desired: Desired, listed: Iterable[tuple[str, str]]) -> tuple[CalendarEntry, ...]:
    """List from when on trash, and what moves left behind, may be dropped: of names by server, passing over others."""
    return tuple(sorted(_of_trash(desired, listed)))


def _of_instance(desired: Desired, instance: Instance, now: datetime) -> Iterator[CalendarEntry]:
    who = instance.code if instance.name == instance.code else f"{instance.name} ({instance.code})"
    key = f"{instance.kind}.{instance.code}"
    if instance.expires is not None:
        then = "out of service from that day on, and trash"
        yield CalendarEntry(instance.expires, f"expires.{key}", f"{who} expires", then)
    found = subscriptions.standing(desired, instance, now)
    if found is None or found.end is None:
        return
    does = "suspended" if found.suspends else "nothing is done (on_expiry: warn)"
    then = "it renews itself" if found.over is None else f"{does} on {found.over}"
    yield CalendarEntry(found.end, f"subscription.{key}", f"{who}: last day of its subscription", then)
    if found.over is not None and (found.suspends or desired.plans[instance.plan].grace_days):
        yield CalendarEntry(found.over, f"grace.{key}", f"{who}: its grace is over", does)


def _of_trash(desired: Desired, listed: Iterable[tuple[str, str]]) -> Iterator[CalendarEntry]:
    zones = {i.database_name: subscriptions.zone_of(i) for i in desired.instances.values() if i.timezone}
    for server, text in listed:
        name = names.parse(text)
        if name.state not in names.KEPT or name.since is None:
            continue
        moment = endings.dropped_at(name, desired)
        day = moment.astimezone(zones.get(name.target)).date() if name.target in zones else moment.date()
        yield CalendarEntry(
            day, f"trash.{server}.{text}", f"{text} on {server} may be dropped", "until then it can come back"
        )
