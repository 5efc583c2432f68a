"""Faults to order: their grammar, and what a client and the work see of each."""

import asyncio
import json
from typing import Any

import pytest

from reconciler.simulator import ConnectionDropped, ConnectionRefused, FaultSpec
from reconciler.simulator.faults import AFTER, BEFORE, ERRORS
from tests.simulator.client import MASTER, Client, Clock, a_host, play, refusal

MILLISECOND = 0.001


async def _acme(**options: Any) -> Client:
    client = Client(a_host(**options))
    await client.create("acme")
    return client


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db.duplicate_database:502-after:count=1", FaultSpec("502-after", "db.duplicate_database", count=1)),
        ("common.*:latency=2s:chance=0.1:seed=7", FaultSpec("latency", "common.*", value="2s", chance=0.1, seed=7)),
        ("db.list:empty", FaultSpec("empty", "db.list")),
        ("db.list:shrink=2", FaultSpec("shrink", "db.list", value="2")),
        ("prod-1/*:504-after=5s", FaultSpec("504-after", "*", value="5s", code="prod-1")),
        ("list_db=off", FaultSpec("list_db", value="off")),
        ("prod-*/pg-down:from=1m:for=2h", FaultSpec("pg-down", code="prod-*", start=60.0, length=7200.0)),
        ("*:redirect=https://x.example/web", FaultSpec("redirect", value="https://x.example/web")),
        ("*:502-before", FaultSpec("502")),
        ("*:crash:restart=never", FaultSpec("crash", restart=None)),
        ("page.web/login:html", FaultSpec("html", "page.web/login")),
    ],
)
def test_fault_is_read_from_text(text: str, expected: FaultSpec) -> None:
    assert FaultSpec.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("db.list", "no action"),
        ("db.list:explode", "unknown action 'explode'; known are 502"),
        ("*:latency", "latency needs a value"),
        ("*:latency=soon", "'soon' is not a time"),
        ("object.*:slow", "slow needs a value"),
        ("db.list:shrink=x", "shrink takes a number"),
        ("*:502:often=1", "unknown option 'often=1'"),
        ("*:502:count=x", "invalid literal"),
        ("*:error=boom", "unknown error 'boom'; known are interrupted"),
        ("list_db=on", "list_db can only be off"),
    ],
)
def test_bad_fault_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="fault ") as caught:
        FaultSpec.parse(text)
    assert why in str(caught.value)


def test_fault_of_another_host_is_left_out() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        client.host.faults.add("prod-2/*:502")
        client.host.faults.add("prod-1/common.version:503")
        assert (await client.json("common", "version")).status == 503
        assert (await client.json("db", "list")).status == 200
        client.host.faults.clear()
        assert (await client.json("common", "version")).status == 200

    play(scenario)


@pytest.mark.parametrize("action", [action for action in BEFORE if action != "hang"])
def test_fault_before_the_work_leaves_it_undone(action: str) -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add(f"db.drop:{action}:count=1")
        if action == "reset-before":
            with pytest.raises(ConnectionDropped):
                await client.manage("drop", "acme")
        else:
            answer = await client.json("db", "drop", MASTER, "acme")
            assert answer.headers["Content-Type"].startswith("text/html")
        assert client.host.listed() == ["acme"]
        assert await client.manage("drop", "acme") is True

    play(scenario)


@pytest.mark.parametrize("action", [action for action in AFTER if action != "hang-after"])
def test_fault_after_the_work_hides_that_it_was_done(action: str) -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add(f"db.drop:{action}:count=1")
        if action == "reset-after":
            with pytest.raises(ConnectionDropped):
                await client.manage("drop", "acme")
        else:
            answer = await client.json("db", "drop", MASTER, "acme")
            assert answer.headers["Content-Type"].startswith("text/html")
        assert client.host.listed() == []

    play(scenario)


def test_gateway_time_out_comes_while_the_work_goes_on() -> None:
    async def scenario() -> None:
        client = await _acme(speed=0.01)
        client.host.faults.add("db.duplicate_database:504-after=1ms")
        answer = await client.json("db", "duplicate_database", MASTER, "acme", "clone")
        assert answer.status == 504
        assert "clone" not in client.host.filestore
        async with asyncio.timeout(5):
            while client.host.filestore.get("clone") != client.host.filestore["acme"]:
                await asyncio.sleep(MILLISECOND)

    play(scenario)


def test_a_slow_call_is_let_in_at_once_and_commits_only_then_whatever_its_caller_was_told() -> None:
    """A password that is changed meanwhile does not keep out what was let in with the former one."""

    async def scenario() -> None:
        client = await _acme()

        def write(password: str, values: dict[str, str]) -> tuple[object, ...]:
            return ("acme", 2, password, "res.users", "write", [[2], values])

        for fault in ("slow=20ms", "504-after=1ms"):
            client.host.faults.add(f"object.res.users.write:{fault}:count=1")
        assert (await client.json("object", "execute_kw", *write("wanted", {"tz": "Europe/Paris"}))).status == 504
        await client.call("object", "execute_kw", *write("wanted", {"password": "another"}))
        read = ("acme", 2, "another", "res.users", "read", [[2], ["tz"]])
        assert (await client.call("object", "execute_kw", *read))[0]["tz"] is False
        async with asyncio.timeout(5):
            while (await client.call("object", "execute_kw", *read))[0]["tz"] != "Europe/Paris":
                await asyncio.sleep(MILLISECOND)

    play(scenario)


@pytest.mark.parametrize("action", ["hang", "hang-after"])
def test_hanging_request_is_never_answered(action: str) -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add(f"db.drop:{action}")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.manage("drop", "acme"), 20 * MILLISECOND)
        assert client.host.listed() == ([] if action == "hang-after" else ["acme"])

    play(scenario)


def test_latency_drip_and_cut() -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add("common.version:latency=20ms:count=1")
        started = asyncio.get_running_loop().time()
        await client.call("common", "version")
        assert asyncio.get_running_loop().time() - started >= 0.02
        client.host.faults.add("common.version:drip=5ms:count=1")
        assert (await client.json("common", "version")).drip == 0.005
        client.host.faults.add("common.version:cut:count=1")
        with pytest.raises(ConnectionDropped) as dropped:
            await client.json("common", "version")
        assert dropped.value.partial.startswith(b'{"jsonrpc"')

    play(scenario)


def test_list_that_is_empty_or_has_shrunk() -> None:
    async def scenario() -> None:
        client = await _acme()
        for name in ("b", "c"):
            await client.manage("duplicate_database", "acme", name)
        client.host.faults.add("db.list:empty:count=1")
        assert await client.call("db", "list") == []
        client.host.faults.add("db.list:shrink=2")
        assert await client.call("db", "list") == ["acme"]

    play(scenario)


def test_postgresql_down_leaves_the_version_and_makes_nothing_exist() -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add("pg-down")
        assert (await client.call("common", "version"))["server_version"] == "19.0"
        assert await client.call("db", "db_exist", "acme") is False
        for call in (client.call("db", "list"), client.login("acme", "wanted"), client.create("x")):
            assert (await refusal(call)).name == "psycopg2.OperationalError"
        client.host.faults.clear()
        assert await client.login("acme", "wanted") == 2

    play(scenario)


def test_condition_holds_in_its_window_only() -> None:
    async def scenario() -> None:
        clock = Clock()
        client = await _acme(now=clock)
        client.host.faults.add("list_db=off:from=10s:for=20s")
        client.host.faults.add("down:from=100s")
        assert await client.call("db", "list") == ["acme"]
        clock.time += 15
        assert (await refusal(client.call("db", "list"))).name == "odoo.exceptions.AccessDenied"
        clock.time += 20
        assert await client.call("db", "list") == ["acme"]
        clock.time += 100
        with pytest.raises(ConnectionRefused):
            await client.call("db", "list")

    play(scenario)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_error_can_be_ordered(name: str) -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add(f"object.res.users.read:error={name}:count=1")
        assert (await refusal(client.execute("acme", "res.users", "read", [2]))).name == ERRORS[name]().name
        assert await client.execute("acme", "res.users", "read", [2], ["login"])

    play(scenario)


def test_chance_and_skip_are_the_same_every_time() -> None:
    async def statuses() -> list[int]:
        client = Client(a_host())
        client.host.faults.add("common.version:502:chance=0.5:seed=3:skip=2")
        return [(await client.json("common", "version")).status for _ in range(20)]

    first = play(statuses)
    assert first == play(statuses)
    assert first[:2] == [200, 200]
    assert {200, 502} == set(first)


def test_worker_that_is_killed_takes_its_work_and_its_memory_along_and_no_more() -> None:
    async def scenario() -> None:
        client = await _acme(workers=2)
        client.host.faults.add("db.duplicate_database:worker-killed=duplicate_database.uuid:count=1")
        with pytest.raises(ConnectionDropped):
            await client.manage("duplicate_database", "acme", "clone")
        assert client.host.alive
        assert client.host.listed() == ["acme", "clone"]
        assert "clone" not in client.host.filestore
        assert await client.login("clone", "wanted") == 2

    play(scenario)


def test_ordered_crash_kills_the_host_at_its_step_and_brings_it_back() -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add("db.duplicate_database:crash=duplicate_database.listed:count=1:restart=10ms")
        with pytest.raises(ConnectionDropped):
            await client.manage("duplicate_database", "acme", "clone")
        with pytest.raises(ConnectionRefused):
            await client.call("common", "version")
        await asyncio.sleep(0.03)
        assert client.host.snapshot()["clone"]["uuid"] == client.host.snapshot()["acme"]["uuid"]
        assert await client.login("clone", "wanted") == 2

    play(scenario)


def test_crash_without_a_step_is_drawn_from_the_seed() -> None:
    async def ending(seed: int) -> str:
        client = await _acme(seed=seed)
        client.host.faults.add("db.duplicate_database:crash:restart=never")
        with pytest.raises(ConnectionDropped):
            await client.manage("duplicate_database", "acme", "clone")
        return json.dumps(client.host.snapshot())

    endings = [play(lambda seed=seed: ending(seed)) for seed in range(8)]  # type: ignore[misc]
    assert endings == [play(lambda seed=seed: ending(seed)) for seed in range(8)]  # type: ignore[misc]
    assert len({len(one) for one in endings}) > 1


@pytest.mark.parametrize("method", ["create_database", "duplicate_database"])
def test_full_disk_of_postgresql_leaves_nothing(method: str) -> None:
    async def scenario() -> None:
        client = await _acme()
        client.host.faults.add(f"db.{method}:disk-full=postgres")
        call = client.create("new") if method == "create_database" else client.manage(method, "acme", "new")
        assert (await refusal(call)).name == "psycopg2.errors.DiskFull"
        assert client.host.listed() == ["acme"]

    play(scenario)


def test_host_runs_in_virtual_time() -> None:
    """All its waiting is the loop's: a loop whose clock jumps plays hours at once."""
    loop = asyncio.SelectorEventLoop()
    passed = 0.0
    real_select = loop._selector.select  # type: ignore[attr-defined]  # as event loops for tests do

    def select(timeout: float | None) -> object:
        nonlocal passed
        passed += timeout or 0.0
        return real_select(0)

    loop._selector.select = select  # type: ignore[attr-defined]
    loop.time = lambda: passed  # type: ignore[method-assign]

    async def scenario() -> None:
        client = Client(a_host(speed=100.0, now=lambda: 1_800_000_000.0 + loop.time()))
        await client.create("acme")
        await client.manage("duplicate_database", "acme", "clone")

    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
    assert passed > 1000
