"""`rename` and `drop`: two halves each, and what other roles own."""

import pytest

from tests.simulator.client import Client, a_host, play, refusal

AS_A_COPY = True


def test_rename_moves_the_database_and_its_files() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("old")
        files = dict(client.host.filestore["old"])
        assert await client.manage("rename", "old", "new") is True
        assert await client.login("new", "wanted") == 2
        assert (await refusal(client.login("old", "wanted"))).name == "psycopg2.OperationalError"
        assert client.host.filestore == {"new": files}

    play(scenario)


def test_rename_onto_a_left_over_folder_leaves_the_files_behind_until_renamed_back() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("old")
        files = dict(client.host.filestore["old"])
        client.host.filestore["new"] = {"left/over": 1}
        assert await client.manage("rename", "old", "new") is True
        assert client.host.filestore == {"old": files, "new": {"left/over": 1}}
        assert await client.manage("rename", "new", "old") is True
        assert client.host.filestore["old"] == files

    play(scenario)


@pytest.mark.parametrize(("old", "new", "why"), [("missing", "new", "does not exist"), ("a", "b", "already exists")])
def test_rename_that_cannot_be_says_why(old: str, new: str, why: str) -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("a")
        await client.create("b")
        problem = await refusal(client.manage("rename", old, new))
        assert problem.name == "builtins.Exception"
        assert f"Couldn't rename database {old} to {new}" in problem.message
        assert why in problem.message

    play(scenario)


def test_drop_removes_database_and_files_and_answers_false_for_a_missing_one() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        assert await client.manage("drop", "acme") is True
        assert await client.manage("drop", "acme") is False
        assert (client.host.databases, client.host.filestore) == ({}, {})

    play(scenario)


def test_database_of_another_role_exists_unlisted_and_cannot_be_touched() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("mine")
        foreign = client.host.add_database("theirs", owner="somebody")
        assert await client.call("db", "list") == ["mine"]
        assert await client.call("db", "db_exist", "theirs") is True
        assert await client.manage("drop", "theirs") is False
        assert (await refusal(client.create("theirs"))).name == "odoo.service.db.DatabaseExists"
        assert "must be owner" in (await refusal(client.manage("rename", "theirs", "x"))).message
        assert (await refusal(client.manage("duplicate_database", "theirs", "x"))).name.startswith("psycopg2")
        assert foreign.visits == []
        await refusal(client.login("theirs", "admin"))
        assert foreign.visits

    play(scenario)


def test_foreign_database_of_our_own_role_tells_who_looked_inside() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        foreign = client.host.add_database("theirs")
        assert await client.call("db", "list") == ["theirs"]
        assert foreign.visits == []
        assert await client.login("theirs", "admin") == 2
        assert foreign.visits

    play(scenario)


def test_restore_brings_back_what_dump_gave() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        dumped = await client.manage("dump", "acme", "zip")
        assert await client.manage("restore", "again", dumped, AS_A_COPY) is True
        assert await client.login("again", "wanted") == 2
        assert client.host.filestore["again"] == client.host.filestore["acme"]
        assert client.host.databases["again"].uuid != client.host.databases["acme"].uuid

    play(scenario)
