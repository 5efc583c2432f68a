"""Items 10 and 11: workers answer from their memory of another database, or of a former password."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.notices.events import ActionEnded, Event
from tests.harness.universe import ENVIRON, Process
from tests.harness.virtual_time import run
from tests.odoo_items.stage import Stage, both, generation, instance, password
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


def published(stage: Stage, name: str, *, writes: int) -> Callable[[str], bool]:
    """Be true when a name is in service and so many writes were made to its database since."""
    left = writes

    def at(step: str) -> bool:
        nonlocal left
        if name not in stage.host.databases:
            return False
        left -= step == "execute.committed"
        return step in ("rename.files", "execute.committed") and left <= 0

    return at


def gone(stage: Stage, name: str, removal: str) -> None:
    """Take a database away by hand, by the work of one worker, or of none that the others could notice."""
    database, files = stage.host.databases.pop(name), stage.host.filestore.pop(name)
    if removal == "renamed away":
        stage.host.databases["elsewhere"], stage.host.filestore["elsewhere"] = database, files


@both
@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("removal", ["dropped", "renamed away"])
def test_item_10_a_database_built_again_under_its_name_takes_no_password_of_the_former_one(
    version: str, removal: str, writes: int
) -> None:
    """From the first moment, and when as many writes were made as once to the former one."""

    async def scenario() -> None:
        stage = Stage(version, workers=8)
        await stage.applied(instance("acme", server="one", **generation(2)))
        former = password("instance/acme", 2)
        assert await taken(stage.client, "acme", former) == MANY, "every worker remembers it"
        gone(stage, "acme", removal)
        again = instance("acme", server="one", **generation(3))
        await stage.apply_killed(published(stage, "acme", writes=writes), again, limits=CONFIRMED)
        assert await taken(stage.client, "acme", former) == 0
        assert await taken(stage.client, "acme", password("instance/acme", 3)) == MANY
        passed = await stage.apply_unwatched(again, limits=CONFIRMED)
        assert passed.ok
        assert await taken(stage.client, "acme", former) == 0

    run(scenario())


@both
def test_item_10_a_name_that_is_given_to_a_renamed_instance_is_not_answered_from_memory(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, workers=3)
        await stage.applied(instance("acme", server="one", **generation(2)), instance("beta", server="one"))
        former = password("instance/acme", 2)
        assert await taken(stage.client, "acme", former) == MANY
        gone(stage, "acme", "dropped")
        renamed = instance("acme", server="one", renamed_from="beta")
        await stage.apply_killed(published(stage, "acme", writes=0), renamed, limits=CONFIRMED)
        assert await taken(stage.client, "acme", former) == 0
        await asyncio.sleep(61)  # 14 refuses all logins for a minute after so many wrong ones
        passed = await stage.apply_unwatched(renamed, limits=CONFIRMED)
        assert passed.ok
        assert await taken(stage.client, "acme", password("instance/acme")) == MANY

    run(scenario())


@pytest.mark.parametrize("behind", range(6, 11))
def test_item_10_a_renamed_instance_is_set_apart_however_near_its_numbers_were(behind: int) -> None:
    """The rename's own writes (one to a user, eight to parameters) could make them those of the name's former bearer."""

    async def scenario() -> None:
        stage = Stage(workers=8)
        await stage.applied(instance("acme", server="one", **generation(2)), instance("beta", server="one"))
        former = password("instance/acme", 2)
        acme, beta = stage.database("acme"), stage.database("beta")
        beta.registry_sequence = acme.registry_sequence
        numbers = acme.cache_sequences
        beta.cache_sequences = {"default": numbers["default"] - 1, "stable": numbers["stable"] - behind}
        assert await taken(stage.client, "acme", former) == MANY
        gone(stage, "acme", "dropped")
        renamed = instance("acme", server="one", renamed_from="beta")
        await stage.apply_killed(published(stage, "acme", writes=0), renamed, limits=CONFIRMED)
        assert await taken(stage.client, "acme", former) == 0

    run(scenario())


@both
def test_item_11_after_a_rotation_no_worker_takes_the_former_password_even_once(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, workers=3)
        await stage.applied(instance("acme", server="one"))
        assert await taken(stage.client, "acme", password("instance/acme")) == MANY
        await stage.applied(instance("acme", server="one", **generation(2)))
        assert await taken(stage.client, "acme", password("instance/acme")) == 0
        assert await taken(stage.client, "acme", password("instance/acme", 2)) == MANY

    run(scenario())


class Ears(list[Event]):
    """Tells a process of its own death at the end of a rotation."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    def append(self, event: Event) -> None:
        super().append(event)
        if isinstance(event, ActionEnded) and event.outcome.action.verb is verbs.ROTATE:
            assert event.outcome.result is Result.DONE
            self.process.dead = True


@pytest.mark.parametrize(
    "version",
    [
        "19.0",
        pytest.param(
            "14.0",
            marks=pytest.mark.xfail(strict=True, reason="a limit of 14 to 18 (docs/guarantees.md): no write helps"),
        ),
    ],
)
def test_item_11_a_rotation_that_is_done_leaves_no_worker_that_takes_the_former_password(version: str) -> None:
    """On 14 a worker that remembers a password takes it once more, at any later time: many workers, and no look after it."""

    async def scenario() -> None:
        stage = Stage(version, workers=24)
        await stage.applied(instance("acme", server="one"))
        assert await taken(stage.client, "acme", password("instance/acme")) == MANY
        process = Process()
        stage.world.events = Ears(process)
        await stage.apply_dying(process, instance("acme", server="one", **generation(2)))
        assert await taken(stage.client, "acme", password("instance/acme")) == 0

    run(scenario())


def test_item_11_a_login_and_a_password_that_are_declared_anew_at_once_are_both_changed() -> None:
    async def scenario() -> None:
        stage = Stage()
        await stage.applied(instance("acme", server="one"))
        await stage.applied(instance("acme", server="one", admin_login="operator", **generation(2)))

    run(scenario())


NEW_KEY = "n" * 40


def with_a_new_key(text: str) -> str:
    former = "secret_key: {env: KEY}\n"
    assert former in text
    return text.replace(former, "secret_key: {env: NEW}\nformer_secret_keys: [{env: KEY}]\n")


def test_item_11_a_new_key_of_the_fleet_gives_every_database_its_new_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "NEW", NEW_KEY)

    async def scenario() -> None:
        stage = Stage()
        await stage.applied(instance("acme", server="one"))
        passed = await stage.world.reconcile(with_a_new_key(stage.text(instance("acme", server="one"))))
        assert passed.ok
        assert await stage.client.login("acme", password("instance/acme")) is False

    run(scenario())


def test_item_11_a_new_key_of_the_fleet_is_converged_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "NEW", NEW_KEY)

    async def scenario() -> None:
        stage = Stage()
        await stage.applied(instance("acme", server="one"))
        stage.forget()
        passed = await stage.world.reconcile(with_a_new_key(stage.text(instance("acme", server="one"))))
        assert passed.ok
        assert passed.after.changeset.is_converged

    run(scenario())
