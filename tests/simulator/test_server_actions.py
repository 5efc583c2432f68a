"""Server actions: that they move the sequences which workers compare, and that no other code is run."""

import pytest

from tests.simulator.client import Client, a_host, play, refusal

CODE = """\
number = {number}
for relation in every_signaling_sequence():
    env.cr.execute("SELECT setval(%s, %s)", [relation, number])
"""
VERSIONS = pytest.mark.parametrize("version", ["14.0", "19.0"])


async def _action(client: Client, code: str, model: str = "ir.config_parameter") -> int:
    (found,) = await client.execute("acme", "ir.model", "search", [["model", "=", model]])
    values = {"name": "ours", "model_id": found, "state": "code", "code": code}
    made: int = await client.execute("acme", "ir.actions.server", "create", values)
    return made


@VERSIONS
def test_action_is_made_found_read_run_and_removed(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        action = await _action(client, CODE.format(number=5))
        assert await client.execute("acme", "ir.actions.server", "search", [["name", "=", "ours"]]) == [action]
        (row,) = await client.execute(
            "acme", "ir.actions.server", "read", [action], ["model_id", "model_name", "state"]
        )
        assert (row["model_id"][1], row["model_name"], row["state"]) == (
            "ir.config_parameter",
            "ir.config_parameter",
            "code",
        )
        context = {"active_model": "ir.config_parameter", "active_id": 1}
        assert await client.execute("acme", "ir.actions.server", "run", [action], context=context) is False
        assert await client.execute("acme", "ir.actions.server", "unlink", [action]) is True
        assert await client.execute("acme", "ir.actions.server", "search", []) == []

    play(scenario)


@pytest.mark.parametrize(("version", "expected"), [("14.0", 1000), ("19.0", 1001)])
def test_every_sequence_is_moved_and_every_worker_looks_anew_at_its_next_call(version: str, expected: int) -> None:
    async def scenario() -> None:
        client = Client(a_host(version, workers=3))
        await client.create("acme")
        database = client.host.databases["acme"]
        for _ in range(9):
            await client.execute("acme", "ir.config_parameter", "get_param", "some.key")
        action = await _action(client, CODE.format(number=1000))
        await client.execute("acme", "ir.actions.server", "run", [action])
        assert database.registry_sequence == expected
        assert set(database.cache_sequences.values()) == {expected}
        known = [worker.registries["acme"] for worker in client.host.workers]
        assert expected not in {remembered.registry_sequence for remembered in known}
        database.set_parameter("some.key", "by sql")
        for _ in range(3):
            assert await client.execute("acme", "ir.config_parameter", "get_param", "some.key") == "by sql"

    play(scenario)


@VERSIONS
def test_other_code_fails_and_moves_nothing(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        database = client.host.databases["acme"]
        before = database.registry_sequence
        for code in ("number = 5", "# signaling", "log('number = 5, signaling')", CODE.format(number="drawn()")):
            action = await _action(client, code)
            problem = await refusal(client.execute("acme", "ir.actions.server", "run", [action]))
            assert problem.name.endswith("ValueError")
            assert "while evaluating" in problem.message
        assert database.registry_sequence == before

    play(scenario)


@VERSIONS
def test_garbled_code_and_missing_fields_are_refused_when_the_action_is_made(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        problem = await refusal(_action(client, "number = "))
        assert "SyntaxError : invalid syntax at line 1" in problem.message
        for values in ({"state": "code", "model_id": 1}, {"state": "code", "name": "ours"}):
            problem = await refusal(client.execute("acme", "ir.actions.server", "create", values))
            assert "a mandatory field is not set" in problem.message
        problem = await refusal(client.execute("acme", "ir.actions.server", "run", [999]))
        assert "does not exist" in problem.message

    play(scenario)


@VERSIONS
def test_plain_user_does_not_see_actions_and_runs_them_on_19_only(version: str) -> None:
    async def scenario() -> None:
        client = Client(a_host(version))
        await client.create("acme")
        action = await _action(client, CODE.format(number=5))
        user = await client.execute("acme", "res.users", "create", {"name": "Ann", "login": "ann", "password": "hers"})

        async def as_ann(method: str, words: list[int]) -> object:
            call = ["acme", user, "hers", "ir.actions.server", method, [words]]
            return await client.call("object", "execute_kw", *call)

        assert (await refusal(as_ann("search", []))).name.endswith("AccessError")
        if version == "19.0":
            assert await as_ann("run", [action]) is False
        else:
            assert (await refusal(as_ann("run", [action]))).name == "AccessError"

    play(scenario)
