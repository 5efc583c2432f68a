"""How a host says that it is, by three calls that change nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.core.model.failures import HostUnreachable
from reconciler.fleet.diagnostics import Range
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.health.verdicts import Vitals
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.observe.hosts import vitals
from reconciler.odoo.protocol import NoAnswer
from schemas.secrets import Secret
from tests.harness.universe import Process, fleet, read, universe
from tests.harness.virtual_time import EPOCH
from tests.harness.virtual_time import run as run_virtually
from tests.odoo.scripted import TIMEOUTS, connect, fault, run, scripted, value

VERSION = {"server_version": "19.0", "server_version_info": [19, 0, 0, "final", 0, ""]}
COUNTRIES = [["be", "Belgium"]]


def ticking() -> Callable[[], float]:
    moments = iter(range(100))
    return lambda: float(next(moments))


def test_version_latency_databases_and_master_password_are_found() -> None:
    host = scripted(value(VERSION), value(["acme", "base"]), value(COUNTRIES))
    seen: Vitals = run(vitals(connect(host), ticking(), lambda: EPOCH))
    assert (seen.host.online, seen.host.version, len(seen.host.databases)) == (True, "19.0", 2)
    assert seen.signs == {"latency_ms": 1000.0, "master_password_accepted": True}
    asked = [host.sent(n) for n in range(3)]
    assert [(call["service"], call["method"]) for call in asked] == [
        ("common", "version"),
        ("db", "list"),
        ("db", "list_countries"),
    ]


def test_a_refused_master_password_is_found() -> None:
    host = scripted(value(VERSION), value(["acme"]), fault("odoo.exceptions.AccessDenied", "Access Denied"))
    seen: Vitals = run(vitals(connect(host), ticking(), lambda: EPOCH))
    assert (seen.host.online, seen.signs["master_password_accepted"]) == (True, False)


def test_a_host_that_is_away_is_asked_no_more() -> None:
    host = scripted(NoAnswer(HostUnreachable, "no connection: refused", sent=False))
    seen: Vitals = run(vitals(connect(host), ticking(), lambda: EPOCH))
    assert (seen.host.online, seen.signs) == (False, {})
    assert seen.host.problem == "common.version: no connection: refused"
    assert len(host.requests) == 4, "a reading call is tried four times"


def test_a_host_that_denies_its_listing_is_away_and_its_version_known() -> None:
    denied: Any = fault("odoo.exceptions.AccessDenied", "Access Denied")
    host = scripted(value(VERSION), denied, value(COUNTRIES))
    seen: Vitals = run(vitals(connect(host), ticking(), lambda: EPOCH))
    assert (seen.host.online, seen.host.version, seen.signs["latency_ms"]) == (False, "19.0", 1000.0)
    assert seen.host.problem == "listing is denied (set list_db = True in odoo.conf)"


def test_a_master_password_that_is_not_to_be_had_here_is_said_and_not_held_against_the_host() -> None:
    def missing() -> Secret:
        raise SecretUnavailable(Range("eu1.yaml"), "{env: MASTER}", "server/eu1 master_password", "MASTER is not set")

    host = scripted(value(VERSION), value(["acme"]))
    connection = HostConnection(
        server="eu1",
        url="https://odoo.example.com/",
        declared_version="19.0",
        master_password=missing,
        transport=host,
        timeouts=TIMEOUTS,
        sleep=host.sleep,
        jitter=lambda: 0.5,
    )
    seen: Vitals = run(vitals(connection, ticking(), lambda: EPOCH))
    assert (seen.host.online, seen.signs.get("master_password_accepted")) == (True, None)
    assert "MASTER is not set" in seen.problems["master_password_accepted"]


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_a_simulated_host_is_well_and_stays_as_it_was(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version})
        text = fleet(servers={"one": version})
        await world.reconcile(text)
        before = world.hosts["one"].snapshot()
        host = world.world(read(text), Process()).hosts["one"]
        seen = await host.vitals()
        assert (seen.host.online, seen.host.version, seen.signs["master_password_accepted"]) == (True, version, True)
        assert world.hosts["one"].snapshot() == before

    run_virtually(story())
