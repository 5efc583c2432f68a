"""Installing modules: what comes with them, what stops them, and what an interrupted one leaves."""

import asyncio
from typing import Any

import pytest

from reconciler.simulator import ConnectionDropped
from tests.simulator.client import Client, a_host, eventually, play, refusal

VERSIONS = ["14.0", "19.0"]


async def _acme(version: str = "19.0", **options: Any) -> Client:
    client = Client(a_host(version, **options))
    await client.create("acme")
    await client.call("common", "version")
    await asyncio.sleep(0.01 if options else 0)  # until the scheduled actions of base have run
    return client


@pytest.mark.parametrize(("version", "active"), [("14.0", 8), ("19.0", 10)])
def test_mail_brings_scheduled_actions_due_at_once_and_one_that_is_inactive(version: str, active: int) -> None:
    async def scenario() -> None:
        client = await _acme(version)
        await client.quiesce("acme")
        before = await client.execute("acme", "ir.cron", "search", [], context={"active_test": False})
        await client.install("acme", "mail")
        states = client.host.databases["acme"].modules()
        assert states["mail"] == states["auth_signup"] == "installed"
        assert "to install" not in states.values()
        after = await client.execute("acme", "ir.cron", "search", [], context={"active_test": False})
        assert await client.execute("acme", "ir.cron", "search_count", []) == active
        assert len(after) == len(before) + active + 1

    play(scenario)


def test_empty_selection_is_a_success() -> None:
    async def scenario() -> None:
        client = await _acme()
        assert (await client.install("acme", "no_such_module"))["type"] == "ir.actions.act_url"

    play(scenario)


async def _killed_after(version: str, module: str) -> Client:
    """A host killed during the installation of contacts, as soon as this module was installed; up again."""
    client = await _acme(version)
    database = client.host.databases["acme"]

    def kill(step: str) -> None:
        if step == "install.module" and database.modules()[module] == "installed":
            client.host.kill()

    client.host.on_step = kill
    with pytest.raises(ConnectionDropped):
        await client.install("acme", "contacts")
    client.host.on_step = lambda _step: None
    client.host.start()
    return client


def test_killed_installation_blocks_every_later_one_on_19_until_its_states_are_reset() -> None:
    async def scenario() -> None:
        client = await _killed_after("19.0", "base_setup")
        for _ in range(2):
            assert "another module operation" in (await refusal(client.install("acme", "contacts"))).message
        await client.execute("acme", "ir.module.module", "button_reset_state")
        await client.install("acme", "contacts")
        assert client.host.databases["acme"].modules()["contacts"] == "installed"

    play(scenario)


def test_modules_that_come_with_an_installed_one_are_silently_missing_after_a_reset() -> None:
    async def scenario() -> None:
        client = await _killed_after("19.0", "contacts")
        assert client.host.databases["acme"].modules()["sms"] == "to install"
        await client.execute("acme", "ir.module.module", "button_reset_state")
        await client.install("acme", "contacts")
        assert client.host.databases["acme"].modules()["sms"] == "uninstalled"

    play(scenario)


def test_asking_again_goes_on_after_a_kill_on_14() -> None:
    async def scenario() -> None:
        client = await _killed_after("14.0", "mail")
        await client.install("acme", "contacts")
        states = client.host.databases["acme"].modules()
        assert states["contacts"] == states["sms"] == "installed"
        assert "to install" not in states.values()

    play(scenario)


@pytest.mark.parametrize("version", VERSIONS)
def test_clone_made_meanwhile_kills_the_installation_and_is_half_made(version: str) -> None:
    async def scenario() -> None:
        client = await _acme(version, speed=0.001)
        installing = asyncio.ensure_future(client.install("acme", "mail"))
        await eventually(lambda: "to install" in client.host.databases["acme"].modules().values())
        assert await client.manage("duplicate_database", "acme", "clone") is True
        assert (await refusal(installing)).name == "psycopg2.OperationalError"
        assert "to install" in client.host.databases["clone"].modules().values()
        assert "to install" not in client.host.databases["acme"].modules().values()

    play(scenario)


def test_second_installation_at_once_is_refused_on_19_and_waits_on_14() -> None:
    async def scenario() -> None:
        for version in VERSIONS:
            client = await _acme(version, speed=0.001)
            first = asyncio.ensure_future(client.install("acme", "mail"))
            await eventually(lambda client=client: client.host.databases["acme"].installing)  # type: ignore[misc]
            second = client.install("acme", "contacts")
            if version == "19.0":
                assert "another module operation" in (await refusal(second)).message
                await first
            else:
                await asyncio.gather(first, second)
                assert client.host.databases["acme"].modules()["contacts"] == "installed"

    play(scenario)


def test_installation_beside_a_running_scheduled_action_is_refused_and_changes_nothing() -> None:
    async def scenario() -> None:
        client = await _acme()
        before = client.host.databases["acme"].modules()
        client.host.databases["acme"].cron_busy_until = client.host.now() + 60
        names = {(await refusal(client.install("acme", "mail"))).name for _ in range(9)}
        assert names == {"odoo.exceptions.UserError", "psycopg2.errors.InFailedSqlTransaction"}
        assert client.host.databases["acme"].modules() == before

    play(scenario)


def test_models_come_with_their_module() -> None:
    async def scenario() -> None:
        client = await _acme(workers=2)
        assert (
            await refusal(client.execute("acme", "crm.lead", "search", []))
        ).message == "Object crm.lead doesn't exist"
        await client.install("acme", "crm")
        for _ in range(4):
            assert await client.execute("acme", "crm.lead", "search", []) == []

    play(scenario)


def test_uninstalling_takes_dependants_and_their_scheduled_actions_along() -> None:
    async def scenario() -> None:
        client = await _acme()
        await client.install("acme", "crm")
        found = await client.execute("acme", "ir.module.module", "search", [["name", "=", "mail"]])
        await client.execute("acme", "ir.module.module", "button_immediate_uninstall", found)
        states = client.host.databases["acme"].modules()
        assert states["crm"] == states["mail"] == "uninstalled"
        rows = await client.execute("acme", "ir.cron", "search_read", [], ["name"])
        assert {row["name"].partition(":")[0] for row in rows} == {"Base"}

    play(scenario)
