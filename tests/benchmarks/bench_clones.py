"""Configured clones on a real Odoo with two workers, against the shortest script that ends in the same state and proves it.

The script is `least_clone`, written by hand: it is not ours replayed. Both sides make their clones of one template in turn, on
one host; how many at a time is best for the script is tried. At the end a clone of each is looked at: they must be alike.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.core.model.observed import DatabaseLook, rows_of
from reconciler.core.model.specs import DatabaseSpec, instance_spec
from reconciler.core.policies.claims import mark_for
from reconciler.wiring import open_world
from tests.benchmarks.least_clone import Clone, LeastScript
from tests.benchmarks.rows import Row
from tests.benchmarks.sides import median_ratio
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hosts.debian import OdooUnavailable
from tests.hosts.real_hosts import RealHost, RealHosts

AIM = 1.25
AT_ONCE = (2, 3)
LOGIN, GROUPS = "boss@customer.example", ("base.group_user", "base.group_erp_manager")
OWNER = f"{{name: Boss, login: {LOGIN}, groups: [{', '.join(GROUPS)}]}}"
_VOLATILE = ("database.create_date", "database.secret", "database.uuid", "web.base.url", "odoo_fleet.")


def measure_one() -> Iterator[Row]:
    """Compare one clone, alone on Odoo 19: in two minutes."""
    yield from _measure("19", clones=1, rounds=3)


def measure_19(clones: int = 20, rounds: int = 2) -> Iterator[Row]:
    """Compare twenty clones on Odoo 19."""
    yield from _measure("19", clones, rounds)


def measure_14(clones: int = 20, rounds: int = 2) -> Iterator[Row]:
    """Compare twenty clones on Odoo 14."""
    yield from _measure("14", clones, rounds)


def _measure(version: str, clones: int, rounds: int) -> Iterator[Row]:
    hosts = RealHosts(cheap_passwords=False)
    name = f"{clones} configured clone{'s' * (clones > 1)} on Odoo {version}"
    try:
        host = hosts.host(f"real-{version}-production")
    except OdooUnavailable as reason:
        yield Row(name, f"NOT MEASURED, no real Odoo here: {str(reason).splitlines()[0]}")
        return
    else:
        host.address = replace(host.address, url=host.address.direct_url)  # a proxy that gives up would be measured too
        with tempfile.TemporaryDirectory() as directory:
            yield _compare(RealFleet(Path(directory) / "fleet", host), name, clones, rounds)
    finally:
        hosts.close()


def _compare(fleet: RealFleet, name: str, clones: int, rounds: int) -> Row:
    fleet.write(*documents(fleet, "none", 0))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    best = _best_at_once(fleet) if clones > 1 else 1
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(rounds):
        taken, calls = _ours(fleet, f"r{number}o", clones)
        least, least_calls, seen = _bare(fleet, f"r{number}b", clones, best)
        assert seen == taken[1], f"not alike:\n{seen}\n{taken[1]}"
        seconds["ours"].append(taken[0])
        seconds["bare"].append(least)
        _say(f"ours {taken[0]:.1f} s, {calls} calls; bare {least:.1f} s, {least_calls} calls; of {clones}")
    medians = {side: statistics.median(each) for side, each in seconds.items()}
    return Row(
        name,
        f"{medians['ours']:.1f} s",
        f"{medians['bare']:.1f} s ({best} at a time)",
        f"{median_ratio(seconds['ours'], seconds['bare']):.2f}",
        f"<= {AIM:g}",
    )


def documents(fleet: RealFleet, prefix: str, clones: int) -> list[str]:
    """Write the template, and instances that have something of their own in every respect that costs no module."""
    settings = {"company": "Customer SA", "country_code": "BE", "timezone": "Europe/Brussels", "owner": OWNER}
    names = [f"{prefix}{number:02}{fleet.suffix}" for number in range(clones)]
    configured = [instance(name, **settings, parameters='{"fleet.note": "hello"}') for name in names]
    return [template(fleet.suffix, modules="[base, web, mail, contacts]"), *configured]


def _ours(fleet: RealFleet, prefix: str, clones: int) -> tuple[tuple[float, DatabaseLook], int]:
    fleet.write(*documents(fleet, prefix, clones))
    fleet.calls.clear()
    started = time.perf_counter()
    passed = asyncio.run(fleet.apply(Limits(confirmed_listings=["real"])))  # what the last round built is gone
    seconds = time.perf_counter() - started
    assert passed.ok, failures(passed)
    assert {o.action.verb for o in passed.outcomes} == {verbs.CLONE}
    calls, seen = len(fleet.calls), asyncio.run(_look(fleet, f"{prefix}00{fleet.suffix}"))
    _drop_clones(fleet.host, fleet.suffix)
    return (seconds, seen), calls


def _bare(fleet: RealFleet, prefix: str, clones: int, at_once: int) -> tuple[float, int, DatabaseLook]:
    fleet.write(*documents(fleet, prefix, clones))
    desired = fleet.desired
    made = [_clone(fleet, instance_spec(desired, each, desired.servers["real"])) for each in desired.instances.values()]
    owner = {"name": "Boss", "login": LOGIN, "email": LOGIN, "lang": "en_US", "tz": "Europe/Brussels"}
    password = fleet.password("template", "base").reveal()
    script = LeastScript(fleet.host.address, f"template_{fleet.suffix}", password, owner, GROUPS)
    started = time.perf_counter()
    asyncio.run(script.make(made, at_once))
    seconds = time.perf_counter() - started
    seen = asyncio.run(_look(fleet, f"{prefix}00{fleet.suffix}"))
    _drop_clones(fleet.host, fleet.suffix)
    return seconds, script.calls, seen


def _clone(fleet: RealFleet, spec: DatabaseSpec) -> Clone:
    passwords = [
        fleet.password("instance", spec.code, what).reveal() for what in ("admin_password", "owner.initial_password")
    ]
    mark = rows_of(mark_for(spec, "", f"{fleet.host.address.version}.0"))
    return Clone(spec.target, passwords[0], passwords[1], mark, spec.all_parameters)


async def _look(fleet: RealFleet, name: str) -> DatabaseLook:
    """Look at a clone, and forget what is another's in each: name, uuid, secret, base URL, and the mark that names it."""
    desired = fleet.desired
    async with open_world(desired, fleet.reach(), fleet.memory, fleet.events.append) as world:
        opened = await world.hosts["real"].open(name, "admin", fleet.password("instance", name))
        assert opened is not None
        look = await opened.look()
        logins = await opened.logins()
        assert (look.mark, LOGIN in logins) != (None, False)
        assert all((await opened.file_sizes()).values())
        kept = {key: value for key, value in look.parameters.items() if not key.startswith(_VOLATILE)}
        mark = None if look.mark is None else replace(look.mark, code="", name="", uuid="", digest="")
        return replace(look, database="", uuid="", parameters=kept, mark=mark)


def _best_at_once(fleet: RealFleet) -> int:
    taken = {at_once: _bare(fleet, f"t{at_once}x", 4, at_once)[0] for at_once in AT_ONCE}
    _say("; ".join(f"{at_once} at a time: {seconds:.1f} s" for at_once, seconds in taken.items()))
    return min(taken, key=lambda at_once: taken[at_once])


def _drop_clones(host: RealHost, suffix: str) -> None:
    for database in host.databases():
        if database != f"template_{suffix}":
            host.drop(database)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
