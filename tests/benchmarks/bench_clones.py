"""Twenty configured clones on a real Odoo 19, against a script that makes the very same calls and nothing else.

One `apply` of the tool is recorded, request by request. The script sends each instance's requests again, with the databases'
names exchanged, one after the other for one instance and several instances at a time; how many at a time is best is found by
trying with a few. So the ratio says what the tool adds to its calls: its own work, its pauses, and the choice of how much
runs at once. What it costs to be as careful as its calls are, it does not say.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from reconciler.core import verbs
from reconciler.core.deciding import Limits
from reconciler.engine.reconcile import carry_out, plan
from reconciler.loading.secrets import SecretResolver
from reconciler.odoo.protocol import Answer, Request, Timeout, Transport
from reconciler.odoo.transport import HttpxTransport
from reconciler.wiring import Reach, SystemClock, SystemNonces, make_world
from tests.benchmarks.rows import Row, render
from tests.benchmarks.sides import median_ratio
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hosts.debian import OdooUnavailable
from tests.hosts.real_hosts import RealHost, RealHosts

NAME = "clones"
CLONES = 20
AIM = 1.1
ROUNDS = 3
AT_ONCE = (1, 2, 3, 4)
TRIED = 6
HOST = "real-19-plain"
OWNER = "{name: Boss, login: boss@customer.example, groups: [base.group_user, base.group_erp_manager]}"


@dataclass(frozen=True)
class Recorded:
    """One request as it went over the wire, and whether Odoo answered it with a value."""

    request: Request
    task: object
    succeeded: bool

    @property
    def method(self) -> str:
        """Its method of `common`, `db` or `object`."""
        return str(json.loads(self.request.body)["params"]["method"])


@dataclass
class Recorder:
    """Carries requests and keeps them, in the order of their answers."""

    carrier: Transport
    kept: list[Recorded] = field(default_factory=list)

    async def send(self, request: Request, *, timeout: Timeout) -> Answer:
        """Send once."""
        answer = await self.carrier.send(request, timeout=timeout)
        self.kept.append(Recorded(request, asyncio.current_task(), b'"error"' not in answer.body[:200]))
        return answer


@dataclass(frozen=True)
class Script:
    """What was recorded: the requests of each instance in their order, and those that came before and after all of them."""

    before: Sequence[Recorded]
    instances: Sequence[Sequence[Recorded]]
    after: Sequence[Recorded]


def documents(fleet: RealFleet, prefix: str, clones: int) -> list[str]:
    """Write the template, and instances that have something of their own in every respect that costs no module."""
    settings = {"company": "Customer SA", "country_code": "BE", "timezone": "Europe/Brussels", "owner": OWNER}
    names = [f"{prefix}{number:02}{fleet.suffix}" for number in range(clones)]
    configured = [instance(name, **settings, parameters='{"fleet.note": "hello"}') for name in names]
    return [template(fleet.suffix, modules="[base, web, mail, contacts]"), *configured]


async def apply_recorded(fleet: RealFleet) -> tuple[float, Script]:
    """Run one `apply` as production wires it, but for the recorder; return its seconds and its script."""
    desired, reach = fleet.desired, Reach(fleet.directory, fleet.environ)
    started = time.perf_counter()
    carrier = HttpxTransport()
    recorder = Recorder(carrier)
    try:
        secrets = SecretResolver(desired, fleet.environ, fleet.directory)
        ports = (secrets, SystemClock(), SystemNonces(), fleet.memory, fleet.events.append)
        world = make_world(desired, reach, dict.fromkeys(desired.servers, recorder), *ports)
        limits = Limits(confirmed_listings=["real"])  # what the last round built is gone
        passed = await carry_out(await plan(desired, world, limits), desired, world, limits)
    finally:
        await carrier.aclose()
    seconds = time.perf_counter() - started
    assert passed.ok, failures(passed)
    assert {o.action.verb for o in passed.outcomes} == {verbs.CLONE}
    return seconds, _script(recorder.kept)


def _script(kept: Sequence[Recorded]) -> Script:
    """Part what was recorded by the task that sent it: each action is a task."""
    by_task: dict[object, list[Recorded]] = {}
    for each in kept:
        by_task.setdefault(each.task, []).append(each)
    cloning = [calls for calls in by_task.values() if any(c.method == "duplicate_database" for c in calls)]
    of_clones = {id(call) for calls in cloning for call in calls}
    first = next(number for number, call in enumerate(kept) if id(call) in of_clones)
    before, after = ([c for c in part if id(c) not in of_clones] for part in (kept[:first], kept[first:]))
    return Script(before, cloning, after)


async def replay(script: Script, old: str, new: str, at_once: int) -> float:
    """Send the script again with databases of other names; return its seconds."""
    limit = asyncio.Semaphore(at_once)
    nonces = itertools.count(10_000)
    started = time.perf_counter()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=600) as client:
        await _send(client, script.before, old, new, "")
        async with asyncio.TaskGroup() as group:
            for calls in script.instances:
                group.create_task(_send_in_turn(client, limit, calls, old, new, f"{next(nonces)}"))
        await _send(client, script.after, old, new, "")
    return time.perf_counter() - started


async def _send_in_turn(
    client: httpx.AsyncClient, limit: asyncio.Semaphore, calls: Sequence[Recorded], old: str, new: str, nonce: str
) -> None:
    async with limit:
        await _send(client, calls, old, new, nonce)


async def _send(client: httpx.AsyncClient, calls: Sequence[Recorded], old: str, new: str, nonce: str) -> None:
    """Send calls one after the other; each must end as it did when it was recorded."""
    building = re.compile(rb"building-[0-9a-z]+?([0-9a-z]{5})\.")
    for call in calls:
        body = call.request.body.replace(old.encode(), new.encode())
        body = building.sub(lambda found: found[0][:-6] + nonce.encode() + b".", body)
        answer = await client.post(call.request.url, content=body, headers=dict(call.request.headers))
        succeeded = b'"error"' not in answer.content[:200]
        assert succeeded == call.succeeded, (call.method, answer.text[:2000])


def measure(clones: int = CLONES, rounds: int = ROUNDS) -> Iterator[Row]:
    """Compare the two, or say why there is no real Odoo."""
    hosts = RealHosts()
    name = f"{clones} configured clones on Odoo 19"
    try:
        host = hosts.host(HOST)
    except OdooUnavailable as reason:
        yield Row(name, f"NOT MEASURED, no real Odoo here: {str(reason).splitlines()[0]}")
        return
    else:
        with tempfile.TemporaryDirectory() as directory:
            yield _compare(RealFleet(Path(directory) / "fleet", host), name, clones, rounds)
    finally:
        hosts.close()


def _compare(fleet: RealFleet, name: str, clones: int, rounds: int) -> Row:
    fleet.write(*documents(fleet, "none", 0))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    best = 0
    for number in range(rounds):
        old = f"r{number}o"
        fleet.write(*documents(fleet, old, clones))
        taken, script = asyncio.run(apply_recorded(fleet))
        seconds["ours"].append(taken)
        _drop_clones(fleet.host, fleet.suffix)
        best = best or _best_at_once(fleet, script, old)
        seconds["bare"].append(_replay(fleet, script, old, f"r{number}b", best))
        _say(f"ours {taken:.1f} s, bare {seconds['bare'][-1]:.1f} s, {_calls(script)} calls of {clones} instances")
    medians = {side: statistics.median(each) for side, each in seconds.items()}
    return Row(
        name,
        f"{medians['ours']:.1f} s",
        f"{medians['bare']:.1f} s ({best} at a time)",
        f"{median_ratio(seconds['ours'], seconds['bare']):.2f}",
        f"<= {AIM:g}",
    )


def _best_at_once(fleet: RealFleet, script: Script, old: str) -> int:
    few = Script(script.before, script.instances[:TRIED], script.after)
    taken = {at_once: _replay(fleet, few, old, f"t{at_once}x", at_once) for at_once in AT_ONCE}
    _say("; ".join(f"{at_once} at a time: {seconds:.1f} s" for at_once, seconds in taken.items()))
    return min(taken, key=lambda at_once: taken[at_once])


def _replay(fleet: RealFleet, script: Script, old: str, new: str, at_once: int) -> float:
    taken = asyncio.run(replay(script, old, new, at_once))
    _drop_clones(fleet.host, fleet.suffix)
    return taken


def _calls(script: Script) -> int:
    return sum(len(calls) for calls in script.instances)


def _drop_clones(host: RealHost, suffix: str) -> None:
    for database in host.databases():
        if database != f"template_{suffix}":
            host.drop(database)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(render(measure(*map(int, sys.argv[1:]))))
