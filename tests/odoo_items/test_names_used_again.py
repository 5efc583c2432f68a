"""Items 10 and 11: workers answer from their memory of another database, or of a former password."""

from __future__ import annotations

import pytest

from reconciler.engine.reconcile import Limits
from tests.harness.virtual_time import run
from tests.odoo_items.stage import VERSIONS, Stage, both, generation, instance, password
from tests.simulator.client import Client, Refused

MANY = 24
CONFIRMED = Limits(confirmed_listings=("one",))


async def taken(client: Client, name: str, secret: str) -> int:
    """Count how many of many calls, spread over all workers, are answered with a password."""
    count = 0
    for _ in range(MANY):
        try:
            await client.execute(name, "res.partner", "search_count", [], password=secret)
        except Refused:
            continue
        count += 1
    return count


@both
@pytest.mark.parametrize("removal", ["dropped", "renamed away"])
def test_item_10_a_database_built_again_under_its_name_takes_no_password_of_the_former_one(
    version: str, removal: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version, workers=3)
        first = instance("acme", server="one", **generation(2))
        await stage.applied(first)
        former = password("instance/acme", 2)
        assert await taken(stage.client, "acme", former) == MANY, "every worker remembers it"
        if removal == "dropped":
            del stage.host.databases["acme"], stage.host.filestore["acme"]
        else:
            stage.host.databases["elsewhere"] = stage.host.databases.pop("acme")
            stage.host.filestore["elsewhere"] = stage.host.filestore.pop("acme")
        again = instance("acme", server="one", **generation(3))
        passed = await stage.apply_unwatched(again, limits=CONFIRMED)
        assert passed.ok, passed.outcomes
        assert await taken(stage.client, "acme", former) == 0
        assert await taken(stage.client, "acme", password("instance/acme", 3)) == MANY

    run(scenario())


@both
def test_item_10_a_name_that_is_given_to_a_renamed_instance_is_not_answered_from_memory(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, workers=3)
        await stage.applied(instance("acme", server="one", **generation(2)), instance("beta", server="one"))
        former = password("instance/acme", 2)
        assert await taken(stage.client, "acme", former) == MANY
        del stage.host.databases["acme"], stage.host.filestore["acme"]
        renamed = instance("acme", server="one", renamed_from="beta")
        passed = await stage.apply_unwatched(renamed, limits=CONFIRMED)
        assert passed.ok, passed.outcomes
        assert await taken(stage.client, "acme", former) == 0
        assert await taken(stage.client, "acme", password("instance/acme")) == MANY

    run(scenario())


@pytest.mark.parametrize("version", VERSIONS)
def test_item_11_after_a_rotation_no_worker_takes_the_former_password_even_once(version: str) -> None:
    """On 14 a worker that remembers a password takes it once more after it was changed."""

    async def scenario() -> None:
        stage = Stage(version, workers=3)
        await stage.applied(instance("acme", server="one"))
        assert await taken(stage.client, "acme", password("instance/acme")) == MANY
        await stage.applied(instance("acme", server="one", **generation(2)))
        assert await taken(stage.client, "acme", password("instance/acme")) == 0
        assert await taken(stage.client, "acme", password("instance/acme", 2)) == MANY

    run(scenario())
