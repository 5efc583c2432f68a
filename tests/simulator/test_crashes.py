"""A host killed at each step of each operation, and started again over what was durable."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reconciler.simulator import STEPS, ConnectionDropped, ConnectionRefused
from tests.simulator.client import Client, a_host, play, refusal

OPERATIONS: dict[str, Callable[[Client], Awaitable[object]]] = {
    "create_database": lambda client: client.create("new"),
    "duplicate_database": lambda client: client.manage("duplicate_database", "acme", "new"),
    "rename": lambda client: client.manage("rename", "acme", "new"),
    "drop": lambda client: client.manage("drop", "acme"),
    "install": lambda client: client.install("acme", "mail"),
    "upgrade": lambda client: client.upgrade("acme", "web"),
    "uninstall": lambda client: client.uninstall("acme", "base_import"),
    "execute": lambda client: client.execute("acme", "res.partner", "write", [1], {"name": "Changed"}),
}
EVERY_STEP = [(operation, step) for operation, steps in STEPS.items() for step in steps]


async def _killed(operation: str, step: str, version: str = "19.0") -> Client:
    client = Client(a_host(version))
    await client.create("acme")
    seen: list[str] = []

    def kill(reached: str) -> None:
        seen.append(reached)
        if reached == step:
            client.host.kill()

    client.host.on_step = kill
    with pytest.raises(ConnectionDropped):
        await OPERATIONS[operation](client)
    assert seen[-1] == step, "nothing happens after the kill"
    with pytest.raises(ConnectionRefused):
        await client.call("common", "version")
    client.host.on_step = lambda _step: None
    client.host.start()
    return client


@pytest.mark.parametrize("version", ["14.0", "19.0"])
@pytest.mark.parametrize(("operation", "step"), EVERY_STEP)
def test_host_that_was_killed_at_a_step_answers_again_and_can_drop_what_is_left(
    operation: str, step: str, version: str
) -> None:
    async def scenario() -> None:
        client = await _killed(operation, step, version)
        names = await client.call("db", "list")
        for name in names:
            assert await client.manage("drop", name) is True
        assert await client.call("db", "list") == []

    play(scenario)


def _left_by(operation: str, step: str) -> Client:
    async def scenario() -> Client:
        return await _killed(operation, step)

    return play(scenario)


def test_operations_reach_all_their_steps_in_order() -> None:
    async def scenario() -> None:
        for operation, run in OPERATIONS.items():
            client = Client(a_host())
            await client.create("acme")
            seen: list[str] = []
            client.host.on_step = seen.append
            await run(client)
            assert tuple(dict.fromkeys(seen)) == STEPS[operation]

    play(scenario)


@pytest.mark.parametrize(
    ("step", "stage", "admin"),
    [
        ("create_database.listed", "empty", None),
        ("create_database.initialised", "empty", None),
        ("create_database.base", "ready", "admin"),
        ("create_database.modules", "ready", "admin"),
        ("create_database.password", "ready", "wanted"),
    ],
)
def test_create_sets_the_password_last(step: str, stage: str, admin: str | None) -> None:
    left = _left_by("create_database", step).host.snapshot()["new"]
    assert (left["stage"], dict(left["logins"]).get("admin")) == (stage, admin)  # type: ignore[call-overload]


def test_create_killed_after_base_has_modules_to_install() -> None:
    left = _left_by("create_database", "create_database.base").host.databases["new"]
    assert left.modules()["web"] == "to install"


def test_half_made_database_raises_a_key_error_on_19_and_is_repaired_half_by_a_login_on_14() -> None:
    async def scenario() -> None:
        new = await _killed("create_database", "create_database.initialised", "19.0")
        assert (await refusal(new.login("new", "admin"))).message == "'res.users'"
        old = await _killed("create_database", "create_database.initialised", "14.0")
        uid = await old.login("new", "admin")
        assert uid not in {False, 2}
        assert old.host.databases["new"].modules()["web"] == "to install"
        assert (await refusal(old.create("new"))).name == "odoo.service.db.DatabaseExists"

    play(scenario)


def test_clone_killed_before_the_uuid_has_that_of_its_source_and_none_of_its_files() -> None:
    left = _left_by("duplicate_database", "duplicate_database.listed").host
    assert left.databases["new"].uuid == left.databases["acme"].uuid
    assert "new" not in left.filestore


def test_clone_killed_in_the_copy_has_a_new_uuid_and_cut_files() -> None:
    left = _left_by("duplicate_database", "duplicate_database.files_partly").host
    assert left.databases["new"].uuid != left.databases["acme"].uuid
    assert 0 < sum(left.filestore["new"].values()) < sum(left.filestore["acme"].values())


def test_rename_killed_between_its_halves_leaves_the_files_under_the_old_name() -> None:
    async def scenario() -> None:
        client = await _killed("rename", "rename.database")
        assert (client.host.listed(), list(client.host.filestore)) == (["new"], ["acme"])
        await client.manage("rename", "new", "acme")
        await client.manage("rename", "acme", "new")
        assert list(client.host.filestore) == ["new"]

    play(scenario)


def test_drop_killed_between_its_halves_leaves_a_folder() -> None:
    left = _left_by("drop", "drop.database").host
    assert (left.listed(), list(left.filestore)) == ([], ["acme"])


def test_client_that_gives_up_does_not_stop_the_work() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        for operation in (client.create("acme"), client.manage("duplicate_database", "acme", "new")):
            await client.call("common", "version")
            task = asyncio.ensure_future(operation)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0.01)
        assert await client.login("new", "wanted") == 2
        assert client.host.filestore["new"] == client.host.filestore["acme"]

    play(scenario)
