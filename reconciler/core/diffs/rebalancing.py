"""Which moves make servers equally full again: from the fullest to what can take it, until none is worth it. Pure.

How full a server is, is the largest of three shares: its instances of `max_instances`; what was measured of them of `disk_gb`;
and its instances of those that its `memory_gb` bears, if each GB of such servers bears as many. A server without one of the two
fields has no such share. What the text moves already counts where it goes.

Each move leaves both servers less full than the fuller one was. So the fullest never gets fuller, what was moved never goes back,
and where nothing is worth it now nothing is after what is proposed was done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from reconciler.core.diffs import draining, instance_diffs, template_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import IN_SERVICE
from reconciler.core.model.observed import Observed
from reconciler.core.policies import claims
from reconciler.core.policies.upgrades import CURRENT
from reconciler.core.policies.usage import GIGABYTE
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server

WORTH_PERCENT = 20.0
"""So much fuller, in points of percent, a server must be than where something could go, or nobody is moved for it."""

_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Relief:
    """One instance that would move, from where to where."""

    code: str
    origin: str
    server: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What is proposed; how full servers are now and would be then, in percent; and of how many instances no size is known."""

    moves: tuple[Relief, ...]
    now: Mapping[str, float]
    then: Mapping[str, float]
    unmeasured: int


@dataclass  # without slots: what memory bears is worked out once
class _Load:
    """What is on the servers of one version of Odoo: how many instances, and how many bytes of them were measured."""

    servers: Mapping[str, Server]
    instances: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    @cached_property
    def borne(self) -> float:
        """How many instances each GB of memory bears, where that is declared."""
        those = [server for server in self.servers.values() if server.memory_gb]
        return sum(s.max_instances for s in those) / sum(s.memory_gb or 0 for s in those)

    def full(self, code: str, *, more: int = 0, more_bytes: int = 0) -> float:
        """Say how full a server is in percent, or would be with so much more on it."""
        server, instances = self.servers[code], self.instances[code] + more
        shares = [instances / server.max_instances]
        if server.disk_gb:
            shares.append((self.bytes[code] + more_bytes) / (server.disk_gb * GIGABYTE))
        if server.memory_gb:
            shares.append(instances / (server.memory_gb * self.borne))
        return _ALL * max(shares)

    def move(self, origin: str, server: str, size: int) -> None:
        self.instances[origin], self.instances[server] = self.instances[origin] - 1, self.instances[server] + 1
        self.bytes[origin], self.bytes[server] = self.bytes[origin] - size, self.bytes[server] + size


def rebalance(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, frozen: Collection[str] = ()
) -> Balance:
    """Propose moves between servers of one version that are in use.

    Args:
        desired: the fleet's text.
        observed: what its hosts list.
        inventory: what is remembered, sizes among it.
        now: the time, UTC.
        frozen: servers whose list is not believed.
    """
    draft = Draft(desired, observed, inventory, now)
    draft.count_used()
    _count_where_they_go(draft)
    template_diffs.diff_templates(draft)
    used = {code: server for code, server in sorted(desired.servers.items()) if _is_used(draft, server, frozen)}
    there: dict[str, list[Instance]] = {code: [] for code in used}
    for instance, server in _movable(draft):
        there.get(server, []).append(instance)
    moves: list[Relief] = []
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for version in sorted({server.odoo_version for server in used.values()}):
        load = _load(draft, {code: server for code, server in used.items() if server.odoo_version == version})
        draft.stored = load.bytes
        before |= {code: load.full(code) for code in load.servers}
        while (found := _best(draft, load, there)) is not None:
            instance, origin, server = found
            moves.append(Relief(instance.code, origin, server))
            load.move(origin, server, _size(inventory, instance))
            there[origin].remove(instance)
            there[server].append(instance)
            draft.used[origin], draft.used[server] = draft.used[origin] - 1, draft.used[server] + 1
        after |= {code: load.full(code) for code in load.servers}
    unmeasured = sum(i.code not in inventory.usage for instances in there.values() for i in instances)
    return Balance(_shortest(moves), before, after, unmeasured)


def _is_used(draft: Draft, server: Server, frozen: Collection[str]) -> bool:
    is_paused = ("server", server.code) in draft.pauses
    return server.state == "active" and server.code not in frozen and not is_paused and draft.hold(server) is None


def _movable(draft: Draft) -> Iterator[tuple[Instance, str]]:
    """Yield the instances that a move could take, each with the server where it is: alone, in service, and nobody's source."""
    sources = {i.clone_of for i in draft.desired.instances.values()}
    for _, instance in sorted(draft.desired.instances.items()):
        if instance.state == "absent" or instance.clone_of or instance.code in sources:
            continue
        if instance.address in {f"{kind}/{code}" for kind, code in draft.pauses}:
            continue
        found = instance_diffs.find(draft, instance)
        if len(found) == 1 and not found[0].renamed and found[0].name.state in IN_SERVICE:
            key = ("instance", instance.code, found[0].server)
            if draft.standings.get(key, CURRENT).is_current:  # what is behind fits no other server's code
                yield instance, found[0].server


def _count_where_they_go(draft: Draft) -> None:
    """Count what its text has on a server and is not there, since it will be; no longer where it is now, if that is plain."""
    for instance in draft.desired.instances.values():
        if instance.state == "absent" or instance.server is None or instance_diffs.find(draft, instance):
            continue
        draft.used[instance.server] = draft.used.get(instance.server, 0) + 1
        elsewhere = {server for server, _ in claims.namesakes(draft.desired, draft.observed, instance)}
        for server in elsewhere if len(elsewhere) == 1 else ():
            draft.used[server] -= 1


def _load(draft: Draft, servers: Mapping[str, Server]) -> _Load:
    load = _Load(servers, {code: draft.used.get(code, 0) for code in servers}, dict.fromkeys(servers, 0))
    for instance in draft.desired.instances.values():
        if instance.state == "absent":
            continue
        place = instance.server or next((each.server for each in instance_diffs.find(draft, instance)), "")
        if place in servers:
            load.bytes[place] += _size(draft.inventory, instance)
    return load


def _size(inventory: Inventory, instance: Instance) -> int:
    usage = inventory.usage.get(instance.code)
    return usage.bytes if usage is not None else 0


def _best(draft: Draft, load: _Load, there: Mapping[str, Collection[Instance]]) -> tuple[Instance, str, str] | None:
    """Choose the move that leaves the fuller of its two servers least full, from the fullest server that has one worth making."""
    most = _ALL - draft.desired.settings.placement.min_capacity_percent
    for origin in sorted(load.servers, key=lambda code: (-load.full(code), code)):
        here, sized = load.servers[origin], _by_size(draft.inventory, there[origin])
        choices = []
        for code, other in load.servers.items():
            is_worth = load.full(origin) - load.full(code) > WORTH_PERCENT
            if not is_worth or not here.labels.items() <= other.labels.items():
                continue
            for size in sized:
                would_be = load.full(code, more=1, more_bytes=size)
                worst = max(load.full(origin, more=-1, more_bytes=-size), would_be)
                if worst < load.full(origin) and would_be <= most:
                    choices.append((worst, code, size))
        for _, code, size in sorted(choices):
            for instance in sized[size]:
                if not draining.why_not_there(draft, instance, here, load.servers[code]):
                    return instance, origin, code
    return None


def _by_size(inventory: Inventory, instances: Collection[Instance]) -> Mapping[int, Collection[Instance]]:
    found: dict[int, list[Instance]] = {}
    for instance in sorted(instances, key=lambda each: each.code):
        found.setdefault(_size(inventory, instance), []).append(instance)
    return found


def _shortest(moves: list[Relief]) -> tuple[Relief, ...]:
    """Make one move of those of one instance, in the order of their codes; none of what came back to where it was."""
    first: dict[str, Relief] = {}
    for move in moves:
        first[move.code] = Relief(move.code, first.get(move.code, move).origin, move.server)
    return tuple(move for _, move in sorted(first.items()) if move.origin != move.server)
