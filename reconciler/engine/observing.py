"""Looks at the fleet's hosts: all of them shallowly at once, then deeply at what the core asks for. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from reconciler.core.asking import NOTHING_SEEN, servers_to_ask, worth_a_look
from reconciler.core.depths import Depth, Inspection, targets
from reconciler.core.model.failures import HalfMadeDatabase, HostError, LacksColumn
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import KEPT, parse
from reconciler.core.model.observed import Access, DatabaseLook, Observed, ObservedHost
from reconciler.core.model.selection import Selection
from reconciler.core.policies import code_moves
from reconciler.core.revisions import Comparison
from reconciler.engine.accounts import Account, open_as_any, open_as_one_of
from reconciler.engine.catalogues import with_backups
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.events import DatabaseObserved, HostObserved

NOBODY_LOGS_IN = (
    "newer code of its host has broken it so that nobody can log in: it has a field of users that the database lacks. Bring the"
    " code back that it was made for, or upgrade its modules on the host (`odoo -d DATABASE -u base --stop-after-init`)"
)

LOOKS_PER_HOST = 2
"""Deep looks at once on one host: each costs it a registry load."""


async def observe_shallow(servers: Iterable[str], world: World) -> Observed:
    """Ask every named server for its version and databases, all at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_look(world, code)) for code in servers if code in world.hosts]
    return Observed({t.result().server: t.result() for t in tasks})


async def observe(
    desired: Desired,
    inventory: Inventory,
    world: World,
    depth: Depth,
    selection: Selection,
    since: Comparison | None = None,
) -> Observed:
    """Look at the servers that are in use, then deeply at what changed, was never verified or is due.

    With `since`, only at the servers and databases that the comparison concerns.
    """
    asked: frozenset[str] = frozenset()
    shallow = NOTHING_SEEN
    while more := servers_to_ask(desired, shallow, inventory, selection, since) - asked:
        asked |= more
        shallow = Observed({**shallow.hosts, **(await observe_shallow(sorted(more), world)).hosts})
    if depth.asks_for_code(desired):
        shallow = await ask_for_code(desired, inventory, world, shallow)
    wanted = targets(desired, shallow, inventory, world.clock.now(), depth, selection)
    seen = await deepen(shallow, worth_a_look(wanted, desired, shallow, depth, selection, since), world)
    if depth.shallow:
        return seen
    return Observed({code: await with_backups(desired, seen, host, world) for code, host in seen.hosts.items()})


async def ask_for_code(desired: Desired, inventory: Inventory, world: World, shallow: Observed) -> Observed:
    """Ask one database of each host for the versions of its host's code: a login and one call."""
    async with asyncio.TaskGroup() as group:
        tasks = {code: group.create_task(_ask(desired, inventory, world, host)) for code, host in shallow.hosts.items()}
    return Observed({code: replace(host, code=tasks[code].result()) for code, host in shallow.hosts.items()})


async def _ask(desired: Desired, inventory: Inventory, world: World, host: ObservedHost) -> str:
    if not host.online or (asked := code_moves.whom_to_ask(desired, host, inventory)) is None:
        return ""
    name, spec = asked
    account = Account(world.hosts[host.server], spec, world.secrets, world.clock)
    try:
        database = await account.host.open(name, spec.admin_login, account.password())
        return code_moves.fingerprint(name, await database.code()) if database is not None else ""
    except LacksColumn:
        return code_moves.fingerprint(name, code_moves.UNREADABLE)
    except (HostError, SecretUnavailable):
        return ""


async def deepen(shallow: Observed, wanted: Iterable[Inspection], world: World) -> Observed:
    """Add deep looks to shallow ones."""
    limits: dict[str, asyncio.Semaphore] = {}
    claimants: dict[tuple[str, str], list[Inspection]] = {}
    for target in wanted:
        claimants.setdefault((target.server, target.database), []).append(target)
    async with asyncio.TaskGroup() as group:
        tasks = {
            key: group.create_task(
                _look_as_any(world, those, limits.setdefault(key[0], asyncio.Semaphore(LOOKS_PER_HOST)))
            )
            for key, those in claimants.items()
        }
    hosts = dict(shallow.hosts)
    for (server, _), task in tasks.items():
        look = task.result()
        hosts[server] = replace(hosts[server], looks={**hosts[server].looks, look.database: look})
    return Observed(hosts)


async def _look_as_any(world: World, claimants: list[Inspection], limit: asyncio.Semaphore) -> DatabaseLook:
    """Look at a database as each document that may have it, until it opens to one of them: that one tells whose it is.

    The others would go on with wrong passwords, each of which costs a minute on a host of 14, and for as long as it lasts the
    customer is out of reach.
    """
    first, *others = claimants
    if not others:
        return await _look_deeply(world, first, limit)
    tasks = [asyncio.ensure_future(_look_deeply(world, target, limit)) for target in claimants]
    try:
        look = DatabaseLook(first.database, Access.REFUSED)
        for ended in asyncio.as_completed(tasks):
            look = await ended
            if look.opened:
                break
        return look
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _look(world: World, code: str) -> ObservedHost:
    seen = await world.hosts[code].look()
    world.emit(HostObserved(code, seen.online, seen.problem, len(seen.databases), seen.seconds))
    return seen


async def _look_deeply(world: World, target: Inspection, limit: asyncio.Semaphore) -> DatabaseLook:
    async with limit:
        started = world.clock.monotonic()
        look = await _try_look(world, target)
        seconds = world.clock.monotonic() - started
    world.emit(DatabaseObserved(target.server, target.database, look.access, look.problem, seconds))
    return look


async def _try_look(world: World, target: Inspection) -> DatabaseLook:
    host = world.hosts[target.server]
    try:
        if target.builders:
            return await _look_for_owner(world, target)
        account = Account(host, target.spec, world.secrets, world.clock, target.former_code)
        opened = await account.open(target.database)
        if opened is None:
            return DatabaseLook(target.database, Access.REFUSED, declared_password=account.password().origin)
        database, access = opened
        look = await database.look(target.spec.modules_absent)
        look = replace(look, access=Access.FORMER if target.is_gone else access)
        if absent := [name for name in target.spec.modules_absent if name in look.modules]:
            look = replace(look, dependants=await database.dependants(absent))
        return replace(look, versions=await database.module_versions()) if target.moves else look
    except HalfMadeDatabase as error:
        return DatabaseLook(target.database, Access.HALF_MADE, str(error))
    except LacksColumn as error:  # not even a login comes through
        return DatabaseLook(target.database, Access.FAILED, f"{NOBODY_LOGS_IN}: {error}")
    except (HostError, SecretUnavailable) as error:
        return DatabaseLook(target.database, Access.FAILED, str(error))


async def _look_for_owner(world: World, target: Inspection) -> DatabaseLook:
    """Look at a build or trash only for what tells whether it may be dropped: it may be too unfinished for anything else."""
    host = world.hosts[target.server]
    open_it = open_as_one_of if parse(target.database).state in KEPT else open_as_any
    opened = await open_it(host, target.builders, world.secrets, world.clock, target.database)
    if opened is None:
        half_made = await host.is_half_made(target.database)
        return DatabaseLook(target.database, Access.HALF_MADE if half_made else Access.REFUSED)
    database, access = opened
    uuid, mark = await database.identity()
    return DatabaseLook(target.database, access, uuid=uuid, mark=mark)
