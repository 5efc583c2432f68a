"""The same seed plays the same run, and a run is cheap."""

import asyncio
import time

import pytest

from tests.simulator.client import Client, a_host, play


def _play(seed: int) -> list[object]:
    async def scenario() -> list[object]:
        client = Client(a_host(seed=seed, workers=3))
        client.host.faults.add(f"*:502-after:chance=0.2:seed={seed}")
        outcomes: list[object] = []
        for number in range(30):
            name = f"db{number % 4}"
            calls = client.create(name), client.manage("duplicate_database", name, f"{name}-clone")
            outcomes.extend(map(str, await asyncio.gather(*calls, return_exceptions=True)))
        return [outcomes, client.host.snapshot(), client.host.outbox, client.host.calls]

    return play(scenario)


def test_same_seed_plays_the_same_run() -> None:
    assert _play(1) == _play(1)
    assert _play(1) != _play(2)


@pytest.mark.parametrize(("what", "limit"), [("read", 0.001), ("clone", 0.002), ("create", 0.01)])
def test_work_is_cheap_at_speed_nought(what: str, limit: float) -> None:
    """Thousands of runs of whole fleets are played; the best of several tries counts, for the machine may be busy."""

    async def scenario() -> float:
        client = Client(a_host())
        await client.create("acme")
        best = 1.0
        for number in range(20):
            started = time.perf_counter()
            if what == "read":
                await client.execute("acme", "res.users", "read", [2], ["login", "lang"])
            elif what == "clone":
                await client.manage("duplicate_database", "acme", f"clone{number}")
            else:
                await client.create(f"new{number}")
            best = min(best, time.perf_counter() - started)
        return best

    assert play(scenario) < limit


def test_thousand_hosts_fit_in_one_process() -> None:
    async def scenario() -> None:
        clients = [Client(a_host()) for _ in range(1000)]
        for client in clients[::100]:
            await client.create("acme")
        for client in clients:
            assert await client.call("db", "list") in ([], ["acme"])

    play(scenario)
