"""What workers remember by name, and what makes them forget."""

import pytest

from tests.simulator.client import Client, Refused, a_host, play, refusal

MANY = 12


async def _accepted(client: Client, password: str, times: int = MANY) -> int:
    """How many of many calls are answered."""
    count = 0
    for _ in range(times):
        try:
            await client.execute("acme", "res.users", "read", [2], ["login"], password=password)
        except Refused:
            continue
        count += 1
    return count


async def _swapped(version: str, *, unlike: bool, workers: int = 2) -> Client:
    """A host whose `acme` was dropped and made again from the same template by the same steps."""
    client = Client(a_host(version, workers=workers))
    await client.create("template")
    for name, password in (("acme", "former"), ("next", "latter")):
        await client.manage("duplicate_database", "template", name)
        await client.execute(name, "ir.config_parameter", "set_param", "base.login_cooldown_after", "0")
        await client.execute(name, "res.users", "write", [2], {"password": password})
    assert await _accepted(client, "former") == MANY
    await client.manage("drop", "acme")
    if unlike:
        await client.execute("next", "ir.config_parameter", "set_param", "a", "b", password="latter")
    await client.manage("rename", "next", "acme")
    return client


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_former_databases_password_is_taken_for_the_new_one_while_their_numbers_are_equal(version: str) -> None:
    async def scenario() -> None:
        client = await _swapped(version, unlike=False)
        assert 0 < await _accepted(client, "former") < MANY
        assert await client.login("acme", "former") is False
        assert await client.login("acme", "latter") == 2

    play(scenario)


@pytest.mark.parametrize(("version", "at_most"), [("14.0", 1), ("19.0", 0)])
def test_unlike_numbers_make_the_workers_right(version: str, at_most: int) -> None:
    async def scenario() -> None:
        client = await _swapped(version, unlike=True)
        assert await _accepted(client, "former") <= at_most
        assert await _accepted(client, "latter") == MANY

    play(scenario)


@pytest.mark.parametrize(("version", "once_more"), [("14.0", 1), ("19.0", 0)])
def test_old_password_passes_once_more_in_the_other_worker_of_14(version: str, once_more: int) -> None:
    async def scenario() -> None:
        client = Client(a_host(version, workers=2))
        await client.create("acme")
        await client.create("other")  # so that no request belongs to the only database
        assert await _accepted(client, "wanted") == MANY
        await client.execute("acme", "res.users", "write", [2], {"password": "new"})
        client.host.databases["acme"].set_parameter("base.login_cooldown_after", "0")
        assert await _accepted(client, "wanted") == once_more
        assert await _accepted(client, "new") == MANY

    play(scenario)


def test_stale_models_meet_columns_that_do_not_exist() -> None:
    async def scenario() -> None:
        client = Client(a_host(workers=4))
        await client.create("template")
        await client.manage("duplicate_database", "template", "acme")
        await client.install("acme", "mail")
        await _accepted(client, "wanted")
        await client.manage("drop", "acme")
        await client.manage("duplicate_database", "template", "acme")
        clone = client.host.databases["acme"]
        stale = [worker.registries["acme"] for worker in client.host.workers if "acme" in worker.registries]
        clone.registry_sequence = max(known.registry_sequence for known in stale)
        clone.cache_sequences = stale[0].cache_sequences
        names = set()
        for _ in range(MANY):
            try:
                await client.execute("acme", "res.users", "read", [2], ["login"])
            except Refused as refused:
                names.add(refused.name)
        assert names == {"psycopg2.errors.UndefinedColumn"}

    play(scenario)


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_stale_worker_of_14_takes_the_former_password_once_even_with_unlike_numbers(version: str) -> None:
    """The password is checked before the numbers there: once in each worker that has not forgotten the name."""

    async def scenario() -> None:
        client = await _swapped(version, unlike=True, workers=5)
        stale = [worker for worker in client.host.workers if "acme" in worker.registries]
        assert len(stale) >= 3
        assert await _accepted(client, "former", 30) == (len(stale) if version == "14.0" else 0)
        assert await _accepted(client, "latter", 30) == 30

    play(scenario)


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_renaming_a_name_that_nobody_bears_to_itself_makes_the_answering_worker_forget_it(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version, workers=3))
        await client.create("acme")
        await client.create("other")
        await _accepted(client, "wanted")
        await client.manage("rename", "acme", "away")
        knowing = [worker for worker in client.host.workers if "acme" in worker.registries]
        assert len(knowing) == 2
        for _ in range(6):  # each worker in turn, in whatever order
            problem = await refusal(client.manage("rename", "acme", "acme"))
            assert problem.name.endswith("Exception")
            assert "Couldn't rename database acme to acme" in problem.message
            assert "does not exist" in problem.message
        assert not [worker for worker in client.host.workers if "acme" in worker.registries]

    play(scenario)


def test_passwords_are_forgotten_on_19_when_either_cache_number_differs_and_parameters_with_one() -> None:
    async def scenario() -> None:
        client = Client(a_host(workers=2))
        await client.create("acme")
        database = client.host.databases["acme"]
        known = [worker.registry("acme", database) for worker in client.host.workers]

        async def remembered() -> list[tuple[bool, bool]]:
            for _ in range(MANY):
                await client.execute("acme", "res.groups", "search_count", [])
            return sorted((bool(one.passwords), "some.key" in one.parameters) for one in known)

        for _ in range(MANY):
            await client.execute("acme", "ir.config_parameter", "get_param", "some.key")
        before = dict(database.cache_sequences)
        await client.execute("acme", "res.users", "write", [2], {"tz": "Europe/Brussels"})
        assert database.cache_sequences == {**before, "default": before["default"] + 1}
        assert await remembered() == [(True, True)] * 2
        await client.execute("acme", "ir.config_parameter", "create", {"key": "a", "value": "b"})
        assert database.cache_sequences == {cache: number + 1 for cache, number in before.items()}
        assert await remembered() == [(True, False)] * 2

    play(scenario)


@pytest.mark.parametrize("cache", ["default", "stable"])
def test_one_unlike_cache_number_is_enough_for_the_former_password_to_be_refused(cache: str) -> None:
    async def scenario() -> None:
        client = await _swapped("19.0", unlike=False)
        assert await _accepted(client, "former") > 0
        client.host.databases["acme"].cache_sequences[cache] += 1
        assert await _accepted(client, "former") == 0

    play(scenario)


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_stale_worker_that_signals_a_change_of_models_stays_stale(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        await client.manage("duplicate_database", "acme", "next")
        await client.install("acme", "mail")
        await client.execute("acme", "res.users", "search_count", [])
        former, latter = client.host.databases["acme"], client.host.databases.pop("next")
        latter.registry_sequence, latter.cache_sequences = former.registry_sequence, dict(former.cache_sequences)
        client.host.databases["acme"] = latter  # as another worker's rename does
        for _ in range(2):
            await refusal(client.execute("acme", "res.users", "search_read", [], ["login"]))  # a missing column
            made = await client.execute("acme", "ir.model", "create", {"name": "Ours", "model": "x_ours"})
            await client.execute("acme", "ir.model", "unlink", [made])
        assert latter.registry_sequence == former.registry_sequence + 4
        latter.registry_sequence += 1
        assert await client.execute("acme", "res.users", "search_read", [], ["login"])

    play(scenario)


def test_parameters_are_served_from_memory_until_a_write_is_signalled() -> None:
    async def scenario() -> None:
        client = Client(a_host(workers=2))
        await client.create("acme")
        for _ in range(MANY):
            assert await client.execute("acme", "ir.config_parameter", "get_param", "some.key") is False
        client.host.databases["acme"].set_parameter("some.key", "by sql")
        assert await client.execute("acme", "ir.config_parameter", "get_param", "some.key") is False
        await client.execute("acme", "ir.config_parameter", "set_param", "other.key", "x")
        for _ in range(MANY):
            assert await client.execute("acme", "ir.config_parameter", "get_param", "some.key") == "by sql"

    play(scenario)


def test_restart_empties_the_memory() -> None:
    async def scenario() -> None:
        client = await _swapped("19.0", unlike=False)
        client.host.kill()
        client.host.start()
        assert await _accepted(client, "former") == 0

    play(scenario)


def test_ten_wrong_logins_shut_out_the_right_one_on_14_for_a_minute() -> None:
    async def scenario() -> None:
        client = Client(a_host("14.0"))
        await client.create("acme")
        for _ in range(10):
            assert await client.login("acme", "wrong") is False
        assert await client.login("acme", "wanted") is False
        assert (await refusal(client.execute("acme", "res.users", "read", [2]))).name == "AccessDenied"
        client.host.now.time += 61  # type: ignore[attr-defined]  # the clock of these tests
        assert await client.login("acme", "wanted") == 2

    play(scenario)


def test_api_key_takes_the_place_of_the_password_of_a_two_factor_user() -> None:
    async def scenario() -> None:
        client = Client(a_host())
        await client.create("acme")
        database = client.host.databases["acme"]
        database.update("res.users", 2, {"totp_enabled": True})
        database.insert("res.users.apikeys", {"user_id": 2, "name": "fleet", "key": "the-key"})
        assert await client.login("acme", "wanted") is False
        assert (await refusal(client.execute("acme", "res.users", "read", [2]))).name.endswith("AccessDenied")
        assert await client.login("acme", "the-key") == 2
        assert await client.execute("acme", "res.users", "read", [2], ["login"], password="the-key")

    play(scenario)
