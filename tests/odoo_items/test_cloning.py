"""Items 4 to 9: a clone is listed before it is whole, keeps its source's secrets, and loses files without a word."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.core.model.observed import Access
from reconciler.core.model.outcomes import Result
from reconciler.engine.accounts import Account
from reconciler.simulator import STEPS
from reconciler.simulator.databases import EMPTY
from tests.core.scenes import spec
from tests.harness.universe import Process, read
from tests.harness.virtual_time import run
from tests.odoo_items.stage import ACME, AFTER_THE_LIMIT, VERSIONS, Stage, both, failed, instance, password, unknown

CLONE = "clone instance/acme"


@both
@pytest.mark.parametrize("step", STEPS["duplicate_database"])
def test_item_04_a_clone_cut_short_at_any_step_is_never_published(version: str, step: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        stage.die_at(step)
        first = await stage.apply(ACME)
        for name in stage.in_service():
            assert stage.wrong_files(name) == []
        if not first.ok:
            await asyncio.sleep(60)
        await stage.applied(ACME)
        await asyncio.sleep(AFTER_THE_LIMIT)
        await stage.applied(ACME)
        assert stage.builds() == []

    run(scenario())


@both
def test_item_05_a_clone_whose_logins_work_but_whose_files_are_missing_is_not_whole(version: str) -> None:
    """A worker killed in the copy: new uuid, the password is taken, and only the real sizes of the files tell."""

    async def scenario() -> None:
        stage = Stage(version, workers=2)
        await stage.applied()
        stage.fault("db.duplicate_database:worker-killed=duplicate_database.files_partly:count=1")
        passed = await stage.apply(ACME)
        assert "not complete within its limit" in unknown(passed, CLONE)
        (build,) = stage.builds()
        assert stage.wrong_files(build)
        assert await stage.client.login(build, password("template/base")) == 2
        assert stage.in_service() == ["template_base"]

    run(scenario())


@both
def test_item_05_sizes_are_read_from_the_files_not_from_the_columns_that_lie(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        desired = read(stage.text())
        world = stage.world.world(desired, Process())
        account = Account(world.hosts["one"], spec(desired, "template/base"), world.secrets, world.clock)
        opened = await account.open("template_base")
        assert opened is not None
        database, access = opened
        assert access is Access.CURRENT
        before = await database.file_sizes()
        assert before
        assert all(before.values())
        rows = stage.database("template_base").rows("ir.attachment")
        attachment, _, named = next(iter(before)).partition("/")
        stored = rows[int(attachment)]["store_fname"]
        assert named == stored, "another content is another file"
        stage.host.filestore["template_base"][stored] //= 2
        assert await database.file_sizes() != before, "one cut short"
        stage.host.filestore["template_base"].clear()
        assert set((await database.file_sizes()).values()) == {""}, "all missing, and no error"

    run(scenario())


@both
def test_item_06_a_folder_left_under_the_final_name_does_not_cost_a_new_instance_its_files(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        stage.host.filestore["acme"] = {"ab/left-from-earlier": 7}
        await stage.applied(ACME)
        assert "ab/left-from-earlier" not in stage.host.filestore["acme"]

    run(scenario())


@both
@pytest.mark.parametrize("stale", ["switching.acme", "suspended.acme"])
def test_item_06_a_stale_folder_on_the_way_out_of_service_is_left_behind_and_costs_no_file(
    version: str, stale: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.host.filestore[stale] = {"ab/left-from-earlier": 7}
        await stage.applied(instance("acme", server="one", state="suspended"))
        assert stage.wrong_files("suspended.acme") == []
        assert stage.active_crons("suspended.acme") == set()
        stage.host.filestore["acme"] = {"ab/written-while-it-was-renamed": 7}
        await stage.applied(ACME)
        assert stage.wrong_files("acme") == []

    run(scenario())


@both
@pytest.mark.parametrize("occurrence", [1, 2])
def test_item_06_a_rename_cut_between_its_two_halves_is_put_right_by_going_back(version: str, occurrence: int) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.die_at("rename.database", occurrence)
        away = instance("acme", server="one", state="suspended")
        await stage.apply(away)
        await asyncio.sleep(60)
        stage.host.on_step = lambda _step: None
        await stage.applied(away)

    run(scenario())


@both
@pytest.mark.parametrize("occurrence", [1, 2])
def test_item_06_a_cut_rename_that_nobody_was_left_to_put_right_is_put_right_by_the_next_run(
    version: str, occurrence: int
) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        away = instance("acme", server="one", state="suspended")
        seen = 0

        def both_die(step: str) -> bool:
            nonlocal seen
            seen += step == "rename.database"
            if step == "rename.database" and seen == occurrence:
                stage.host.kill()
                return True
            return False

        await stage.apply_killed(both_die, away)
        stage.host.start()
        await stage.applied(away)

    run(scenario())


@both
def test_item_07_a_clone_answers_to_none_of_the_passwords_that_it_was_born_with(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, template='parameters: {"mail.catchall.alias": catchall}\n')
        await stage.applied(ACME)
        client = stage.client
        assert await client.login("acme", password("template/base")) is False
        assert await client.login("acme", "admin") is False
        assert await client.login("acme", password("instance/acme")) == 2
        assert await client.login("template_base", password("instance/acme")) is False
        acme = stage.database("acme")
        assert acme.parameter("web.base.url") == "https://acme.example.com"
        assert acme.parameter("web.base.url.freeze") == "True"
        assert acme.parameter("odoo_fleet.uuid") == acme.uuid != stage.database("template_base").uuid

    run(scenario())


@both
def test_item_08_a_half_made_source_is_not_cloned(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        broken = stage.database("template_base")
        broken.stage = EMPTY
        broken.initialised = False
        stage.forget()
        passed = await stage.apply_unwatched(ACME)
        assert passed.outcomes == ()
        blocked = {b.address: b.why for b in passed.planned.changeset.blocked}
        assert blocked.keys() == {"template/base", "instance/acme"}
        assert stage.calls("db.duplicate_database") == 0
        assert stage.in_service() == ["template_base"]

    run(scenario())


@both
def test_item_08_the_clone_that_a_failed_cloning_leaves_listed_is_dropped(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()

        def spoil(step: str) -> None:
            if step == "duplicate_database.listed":
                (build,) = stage.builds()
                stage.database(build).stage = EMPTY

        stage.host.on_step = spoil
        passed = await stage.apply(ACME)
        assert "ir.config_parameter" in failed(passed, CLONE)
        assert stage.builds() == []
        stage.host.on_step = lambda _step: None
        await stage.applied(ACME)

    run(scenario())


@pytest.mark.parametrize("error", ["interrupted", "connection-ended"])
@both
def test_item_09_reads_whose_connection_a_clone_ended_are_asked_again(version: str, error: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        stage.fault(f"object.*.search*:error={error}:count=3")
        stage.fault(f"common.login:error={error}:count=2")
        await stage.applied(ACME)

    run(scenario())


def test_item_09_a_look_that_is_interrupted_again_and_again_is_no_broken_database() -> None:
    async def scenario() -> None:
        stage = Stage(VERSIONS[0])
        await stage.applied(ACME)
        stage.forget()
        stage.fault("object.*:error=interrupted:for=1h")
        passed = await stage.apply(ACME)
        assert passed.outcomes == ()
        assert all("cursor already closed" in b.why for b in passed.planned.changeset.blocked if b.kind == "template")
        stage.host.faults.clear()
        passed = await stage.applied(ACME)
        assert all(o.result is Result.DONE for o in passed.outcomes)
        assert not any(o.action.verb == "clone" for o in passed.outcomes)

    run(scenario())
