"""Scheduled actions run in every listed database, whatever its name, and leave their mark in the outbox."""

from typing import Any

import pytest

from tests.simulator.client import Client, Clock, a_host, play, refusal

HOUR = 3600.0


async def _mailing(version: str = "19.0", **options: Any) -> tuple[Client, Clock]:
    clock = Clock()
    client = Client(a_host(version, now=clock, **options))
    await client.create("acme")
    await client.install("acme", "mail")
    await client.call("common", "version")
    client.host.outbox.clear()
    return client, clock


def test_actions_run_at_their_interval_whatever_the_databases_name() -> None:
    async def scenario() -> None:
        client, clock = await _mailing()
        await client.manage("rename", "acme", "suspended.acme")
        clock.time += 3 * HOUR + 1
        await client.call("common", "version")
        runs = [sent for sent in client.host.outbox if "Queue Manager" in sent.what]
        assert {sent.name for sent in runs} == {"suspended.acme"}
        assert len(runs) == 3
        assert runs[0].uuid == client.host.databases["suspended.acme"].uuid

    play(scenario)


def test_quiet_database_and_its_clone_stay_quiet() -> None:
    async def scenario() -> None:
        client, clock = await _mailing()
        await client.quiesce("acme")
        await client.manage("duplicate_database", "acme", "clone")
        clock.time += 48 * HOUR
        await client.call("common", "version")
        assert client.host.outbox == []
        assert await client.execute("clone", "ir.cron", "search", []) == []
        assert await client.execute("clone", "ir.cron", "search", [], context={"active_test": False})

    play(scenario)


@pytest.mark.parametrize(("workers", "runs"), [(0, False), (2, True)])
def test_threaded_14_runs_them_only_in_databases_that_are_loaded(workers: int, *, runs: bool) -> None:
    async def scenario() -> None:
        client, clock = await _mailing("14.0", workers=workers)
        client.host.kill()
        client.host.start()
        clock.time += 2 * HOUR
        await client.call("common", "version")
        assert bool(client.host.outbox) is runs
        await client.login("acme", "wanted")
        await client.call("common", "version")
        assert client.host.outbox

    play(scenario)


def test_nothing_runs_while_the_host_is_down_and_missed_runs_are_not_made_up_for() -> None:
    async def scenario() -> None:
        client, clock = await _mailing()
        client.host.kill()
        clock.time += 100 * HOUR
        client.host.start()
        clock.time += 1
        await client.call("common", "version")
        mailed = [sent for sent in client.host.outbox if "Queue Manager" in sent.what]
        assert all(sent.time >= clock.time - 1 for sent in client.host.outbox)
        assert len(mailed) == 2

    play(scenario)


def test_nothing_runs_in_a_database_with_modules_to_install() -> None:
    async def scenario() -> None:
        client, clock = await _mailing()
        found = await client.execute("acme", "ir.module.module", "search", [["name", "=", "crm"]])
        await client.execute("acme", "ir.module.module", "button_install", found)
        clock.time += 48 * HOUR
        await client.call("common", "version")
        assert client.host.outbox == []

    play(scenario)


def test_rows_cannot_be_written_while_one_of_them_runs() -> None:
    async def scenario() -> None:
        client, clock = await _mailing()
        client.host.databases["acme"].cron_busy_until = clock.time + 5
        problem = await refusal(client.quiesce("acme"))
        assert "Record cannot be modified right now" in problem.message
        assert await client.execute("acme", "ir.cron", "search", [])
        clock.time += 6
        await client.quiesce("acme")
        assert await client.execute("acme", "ir.cron", "search", []) == []

    play(scenario)
