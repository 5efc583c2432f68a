"""`duplicate_database`: what is the source's, what is new, and what is copied last."""

import asyncio
from typing import Any

import pytest

from tests.simulator.client import Client, a_host, eventually, play, refusal

NEUTRALIZE = True
VERSIONS = ["14.0", "19.0"]


async def _template(version: str = "19.0", **options: Any) -> Client:
    client = Client(a_host(version, **options))
    await client.create("template")
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_clone_keeps_passwords_and_parameters_and_gets_a_new_identity(version: str) -> None:
    async def scenario() -> None:
        client = await _template(version)
        source = client.host.databases["template"]
        for key, value in {"web.base.url": "https://x", "web.base.url.freeze": "True", "our.mark": "1"}.items():
            await client.execute("template", "ir.config_parameter", "set_param", key, value)
        assert await client.manage("duplicate_database", "template", "acme") is True
        clone = client.host.databases["acme"]
        assert clone.uuid != source.uuid
        assert clone.parameter("web.base.url") == "http://localhost:8069"
        assert (clone.parameter("web.base.url.freeze"), clone.parameter("our.mark")) == ("True", "1")
        assert await client.login("acme", "wanted") == 2
        assert client.host.filestore["acme"] == client.host.filestore["template"] != {}

    play(scenario)


def test_what_is_written_to_a_clone_stays_out_of_its_source() -> None:
    async def scenario() -> None:
        client = await _template()
        await client.manage("duplicate_database", "template", "acme")
        await client.execute("acme", "res.partner", "write", [1], {"name": "Acme"})
        await client.execute("template", "res.partner", "write", [2], {"name": "Robot"})
        assert client.host.databases["template"].rows("res.partner")[1]["name"] == "YourCompany"
        assert client.host.databases["acme"].rows("res.partner")[2]["name"] == "OdooBot"

    play(scenario)


def test_left_over_folder_makes_a_clone_skip_its_files_silently() -> None:
    async def scenario() -> None:
        client = await _template()
        client.host.filestore["acme"] = {"left/over": 1}
        assert await client.manage("duplicate_database", "template", "acme") is True
        sized: dict[str, Any] = {"context": {"bin_size": True}}
        domain = [["id", ">", 0]]
        rows = await client.execute("acme", "ir.attachment", "search_read", domain, ["datas", "file_size"], **sized)
        assert {row["datas"] for row in rows} == {False}
        assert all(row["file_size"] for row in rows)
        rows = await client.execute("template", "ir.attachment", "search_read", domain, ["datas"], **sized)
        assert {row["datas"] for row in rows} == {"6.00 Kb", "256.00 Kb"}

    play(scenario)


@pytest.mark.parametrize("version", VERSIONS)
def test_errors_have_the_names_that_postgresql_gives_them(version: str) -> None:
    async def scenario() -> None:
        client = await _template(version)
        assert (await refusal(client.manage("duplicate_database", "template", "template"))).name.endswith(
            "DuplicateDatabase"
        )
        assert (await refusal(client.manage("duplicate_database", "missing", "acme"))).name.endswith(
            "InvalidCatalogName"
        )
        client.host.faults.add("db.duplicate_database:error=object-in-use")
        assert (await refusal(client.manage("duplicate_database", "template", "acme"))).name.endswith("ObjectInUse")
        assert await client.call("db", "list") == ["template"]

    play(scenario)


def test_clone_of_a_half_made_source_fails_and_stays_listed() -> None:
    async def scenario() -> None:
        client = await _template()
        client.host.on_step = lambda step: client.host.kill() if step == "create_database.listed" else None
        with pytest.raises(Exception, match="during"):
            await client.create("half")
        client.host.on_step = lambda _step: None
        client.host.start()
        problem = await refusal(client.manage("duplicate_database", "half", "acme"))
        assert (problem.name, problem.message) == ("builtins.KeyError", "'ir.config_parameter'")
        assert await client.call("db", "list") == ["acme", "half", "template"]

    play(scenario)


def test_full_disk_leaves_a_listed_clone_with_a_new_uuid_and_cut_files() -> None:
    async def scenario() -> None:
        client = await _template()
        client.host.faults.add("db.duplicate_database:disk-full")
        assert (await refusal(client.manage("duplicate_database", "template", "acme"))).name == "shutil.Error"
        assert client.host.databases["acme"].uuid != client.host.databases["template"].uuid
        copied, whole = client.host.filestore["acme"], client.host.filestore["template"]
        assert 0 < sum(copied.values()) < sum(whole.values())

    play(scenario)


def test_neutralize_is_an_unknown_argument_on_14_and_stops_scheduled_actions_on_19() -> None:
    async def scenario() -> None:
        old, new = await _template("14.0"), await _template("19.0")
        assert (await refusal(old.manage("duplicate_database", "template", "acme", NEUTRALIZE))).name == "TypeError"
        assert await new.manage("duplicate_database", "template", "acme", NEUTRALIZE) is True
        assert new.host.databases["acme"].parameter("database.is_neutralized") == "true"
        active = await new.execute("acme", "ir.cron", "search_read", [], ["name"])
        assert [row["name"] for row in active] == ["Base: Auto-vacuum internal data"]

    play(scenario)


def test_read_of_a_source_that_is_being_cloned_meets_a_closed_cursor() -> None:
    async def scenario() -> None:
        client = await _template(speed=0.001)
        reading = asyncio.ensure_future(client.execute("template", "res.users", "read", [2]))
        await eventually(lambda: client.host.calls[-1].method == "execute_kw")
        client.host.databases["template"].end_connections()
        assert (await refusal(reading)).name == "psycopg2.InterfaceError"

    play(scenario)
