"""`create_database`: true whatever happened, and the password last."""

import asyncio

import pytest

from tests.simulator.client import Client, a_host, eventually, play, refusal

VERSIONS = ["14.0", "19.0"]


@pytest.mark.parametrize("version", VERSIONS)
def test_created_database_takes_the_wanted_password_and_no_other(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        assert await client.create("acme", lang="fr_BE") is True
        assert await client.call("db", "list") == ["acme"]
        assert await client.login("acme", "wanted") == 2
        assert await client.login("acme", "admin") is False
        states = set(client.host.databases["acme"].modules().values())
        assert states == {"installed", "uninstalled"}
        company = (await client.execute("acme", "res.company", "read", [1], ["country_id", "currency_id"]))[0]
        assert (company["country_id"][1], company["currency_id"][1]) == ("Belgium", "EUR")
        langs = await client.execute("acme", "res.lang", "search_read", [], ["code"])
        assert {row["code"] for row in langs} == {"en_US", "fr_BE"}

    play(scenario)


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_country_is_answered_with_true_over_a_database_of_admin_admin(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        assert await client.create("acme", country="XX") is True
        assert await client.login("acme", "wanted") is False
        assert await client.login("acme", "admin") == 2

    play(scenario)


@pytest.mark.parametrize(("version", "uid"), [("14.0", False), ("19.0", 2)])
def test_language_that_nobody_knows_loses_the_password_on_14_only(version: str, uid: object) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        assert await client.create("acme", lang="xx_XX") is True
        assert await client.login("acme", "wanted") == uid

    play(scenario)


def test_two_creates_of_one_name_at_once_end_in_one_unique_violation() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        answers = await asyncio.gather(client.create("acme"), client.create("acme"), return_exceptions=True)
        assert sorted(str(answer) for answer in answers)[1] == "True"
        assert "psycopg2.errors.UniqueViolation" in str(answers)
        assert (await refusal(client.create("acme"))).name == "odoo.service.db.DatabaseExists"

    play(scenario)


def test_database_that_is_being_created_is_listed_and_useless() -> None:
    async def scenario() -> None:
        host = a_host(speed=0.001)
        client = Client(host)
        creating = asyncio.ensure_future(client.create("acme"))
        await eventually(lambda: "acme" in host.databases)
        assert await client.call("db", "list") == ["acme"]
        problem = await refusal(client.login("acme", "wanted"))
        assert (problem.name, problem.message) == ("builtins.KeyError", "'res.users'")
        assert await creating is True
        assert await client.login("acme", "wanted") == 2

    play(scenario)


@pytest.mark.parametrize("version", VERSIONS)
def test_full_disk_inside_a_create_is_answered_with_true_over_a_database_without_users(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        client.host.faults.add("db.create_database:disk-full")
        assert await client.create("acme") is True
        assert await client.login("acme", "wanted") is False
        assert await client.login("acme", "admin") is False

    play(scenario)


def test_cpu_limit_inside_a_create_is_answered_with_true_and_the_password_is_not_set() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        client.host.faults.add("db.create_database:cpu-limit")
        for number in range(8):
            assert await client.create(f"acme{number}") is True
        stages = {database.stage for database in client.host.databases.values()}
        assert stages == {"empty", "ready"}
        assert all("wanted" not in str(row["logins"]) for row in client.host.snapshot().values())

    play(scenario)


def test_name_is_cut_at_63_bytes() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("a" * 70)
        assert await client.call("db", "list") == ["a" * 63]

    play(scenario)


def test_configured_names_are_listed_whether_they_exist_or_not() -> None:
    async def scenario() -> None:
        client = Client(a_host(db_name=("ghost", "acme")))
        await client.create("other")
        assert await client.call("db", "list") == ["acme", "ghost"]
        assert await client.manage("drop", "other") is False

    play(scenario)


def test_management_is_refused_for_a_wrong_master_password_and_without_list_db() -> None:
    async def scenario() -> None:
        client = Client(a_host(list_db=False))
        await_names = [
            client.create("acme"),
            client.call("db", "list"),
            client.call("db", "drop", "wrong", "x"),
            client.call("db", "list_countries", "wrong"),
        ]
        for call in await_names:
            assert (await refusal(call)).name == "odoo.exceptions.AccessDenied"
        assert await client.call("db", "db_exist", "acme") is False
        assert ["be", "Belgium"] in await client.manage("list_countries")

    play(scenario)


@pytest.mark.parametrize(("version", "number"), [("14.0", 250), ("19.0", 251)])
def test_countries_are_those_of_the_version_and_the_united_kingdom_is_gb(version: str, number: int) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        assert await client.create("acme", country="gb") is True
        assert await client.login("acme", "wanted") == 2
        (company,) = await client.execute("acme", "res.company", "read", [1], ["country_id"])
        domain = [["module", "=", "base"], ["model", "=", "res.country"], ["name", "in", ["gb", "uk"]]]
        (entry,) = await client.execute("acme", "ir.model.data", "search_read", domain, ["name", "res_id"])
        assert (entry["name"], entry["res_id"]) == ("uk", company["country_id"][0])
        assert await client.execute("acme", "res.country", "search_count", []) == number

    play(scenario)
