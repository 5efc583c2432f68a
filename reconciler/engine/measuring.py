"""Measures what instances use, as `core.policies.usage` asks for: beside what a pass changes, and never in a `plan`."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from reconciler.core.deciding import Limits, Planned
from reconciler.core.model.failures import HostError
from reconciler.core.model.inventory import Usage
from reconciler.core.model.observed import Access
from reconciler.core.policies import endings, usage
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine.accounts import Account
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.events import DatabaseObserved


def due(seen: Planned, desired: Desired, world: World, limits: Limits) -> tuple[BackupSubject, ...]:
    """List what is to be measured after a decision (`usage.due`): nothing where no login is made, or only what was shown."""
    if limits.depth.shallow or limits.exactly:
        return ()
    now = world.clock.now()
    in_force = endings.in_force(desired, now)
    return usage.due(in_force, seen.observed, seen.changeset, seen.inventory, now, limits.selection)


async def measure(subjects: Iterable[BackupSubject], seen: Planned, desired: Desired, world: World) -> None:
    """Measure databases one after the other and remember what they use; one that cannot be measured is tried again."""
    for subject in subjects:
        started = world.clock.monotonic()
        try:
            used = await _measured(subject, seen, desired, world)
        except (HostError, SecretUnavailable) as error:
            seconds = world.clock.monotonic() - started
            world.emit(DatabaseObserved(subject.server, subject.database, Access.FAILED, str(error), seconds))
        else:
            if used is not None:
                world.note(functools.partial(world.memory.used, subject.code, used))


async def _measured(subject: BackupSubject, seen: Planned, desired: Desired, world: World) -> Usage | None:
    """Return None where it is not what memory said, such as for a rotation that is due: the next look says so."""
    account = Account(world.hosts[subject.server], subject.spec, world.secrets, world.clock)
    opened = await account.host.open(subject.database, subject.spec.admin_login, account.password())
    if opened is None:
        return None
    uuid, mark = await opened.identity()
    if mark is None or (mark.fleet, mark.address, mark.uuid) != (subject.spec.fleet, subject.address, uuid):
        return None
    plan = desired.plans[desired.instances[subject.code].plan]
    return usage.measured(plan, await opened.inside(), world.clock.now(), seen.inventory.usage.get(subject.code))
