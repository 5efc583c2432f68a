"""Opens what is to be dropped, with whatever account may open it, and has it judged inside before anything is dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from reconciler.core.model import names
from reconciler.core.model.failures import HalfMadeDatabase, PasswordRefused
from reconciler.core.model.names import NameState
from reconciler.core.model.specs import instance_spec
from reconciler.core.policies import backups, claims, endings
from reconciler.core.policies.openers import builders_of, owners_of_trash
from reconciler.engine.accounts import Account, open_as_any, open_as_one_of
from reconciler.engine.ports import Database, Host
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from schemas.instance import Instance

Drop = Callable[[Desired, World, Host, str], Awaitable[None]]


async def drop_expired_build(desired: Desired, world: World, host: Host, name: str) -> None:
    """Drop an unfinished build that is past its limit and was never in service.

    Raises:
        HostError: it is kept: it says why, or nobody can look inside.
    """
    limit = timedelta(hours=desired.settings.retention.building_hours)
    try:
        found = await open_as_any(host, builders_of(desired, host.server, name), world.secrets, world.clock, name)
    except HalfMadeDatabase:
        found = None
    if found is None and await host.is_half_made(name):
        await host.drop_half_made(name)
        return
    database = _opened(found, "whether it was ever in service cannot be told", host, name)
    await database.drop_expired(world.clock.now(), limit)


async def drop_trash(desired: Desired, world: World, host: Host, name: str) -> None:
    """Drop trash, or what a move left behind, that is past its retention, by the text as it counts now.

    Raises:
        HostError: it is kept: it says why, or nobody can look inside.
    """
    now = world.clock.now()
    counting = endings.in_force(desired, now)
    wanted = endings.wanted(counting)
    owners = owners_of_trash(counting, await world.inventory(), host.server, name)
    found = await open_as_one_of(host, owners, world.secrets, world.clock, name)
    database = _opened(found, "whether its text ended it cannot be told", host, name)
    succeeded = names.parse(name).target in wanted and await _is_succeeded(counting, world, host, database)
    await database.drop_trash(counting.settings.code, wanted, now, endings.trash_limit(counting), succeeded=succeeded)


async def _is_succeeded(desired: Desired, world: World, host: Host, trash: Database) -> bool:
    """Tell whether the instance that trash was of has another database in service now, as that says itself.

    On this host, or where its text has it if this is what it left behind when it moved.
    """
    _, mark = await trash.identity()
    instance = desired.instances.get(mark.code) if mark is not None else None
    if instance is None or not claims.is_replaced(mark, trash.name):
        return False
    if names.parse(trash.name).state is NameState.MOVED:
        places = [instance.server] if instance.server else sorted(world.hosts)
    else:
        places = [host.server]
    return any([await _is_in_service(desired, world, world.hosts[c], instance) for c in places if c in world.hosts])


async def _is_in_service(desired: Desired, world: World, host: Host, instance: Instance) -> bool:
    spec = instance_spec(desired, instance, desired.servers[host.server])
    listed = await host.listed()
    for name in (instance.database_name, names.suspended(instance.database_name)):
        opened = await Account(host, spec, world.secrets, world.clock).open(name) if name in listed else None
        if opened is not None:
            uuid, borne = await opened[0].identity()
            is_own = backups.not_of(spec.fleet, spec.kind, spec.code, borne, uuid) == ""
            return is_own and borne is not None and borne.in_service is True
    return False


def _opened(found: tuple[Database, object] | None, unknown: str, host: Host, name: str) -> Database:
    if found is None:
        raise PasswordRefused(
            f"{unknown}: it takes no password of this fleet",
            server=host.server,
            database=name,
            advice="look inside, and drop it by hand if nobody needs it",
        )
    return found[0]
