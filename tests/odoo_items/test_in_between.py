"""Items 12 to 17: proxies, lost answers, lists that lie, names of any kind, and databases that are nobody's business."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconciler.core.model.outcomes import Result
from reconciler.simulator import HostSpec, SimulatedHost, methods, server_actions
from reconciler.simulator.environment import Env
from reconciler.simulator.errors import validation_error
from tests.harness.universe import fleet, read
from tests.harness.virtual_time import run
from tests.odoo_items.stage import ACME, FOREIGN, Stage, both, instance, told

LOST = ["504-after=50ms", "502-after", "reset-after", "hang-after", "html-after", "cut"]
AWAY = instance("acme", server="one", state="suspended")


@both
@pytest.mark.parametrize("lost", LOST)
def test_item_12_create_and_clone_whose_answers_are_lost_are_waited_for_and_not_sent_again(
    version: str, lost: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version, speed=0.3)
        for operation in ("db.create_database", "db.duplicate_database"):
            stage.fault(f"{operation}:{lost}")
        stage.fault(f"object.ir.module.module.button_immediate_install:{lost}")
        await stage.applied(ACME, instance("beta", server="one", modules="[contacts]"))
        assert stage.calls("db.create_database") == 1
        assert stage.calls("db.duplicate_database") == 2
        assert len(stage.in_service()) == 3
        assert stage.builds() == []

    run(scenario())


def test_item_12_who_goes_on_after_a_lost_install_waits_until_the_workers_of_19_know_the_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Modules count as installed before the one that installs tells the others, who can make no user of theirs until then."""
    tried = []
    make = server_actions.create

    def create(env: Env, values: dict[str, Any]) -> int:
        if "tell the workers" in values["name"]:
            tried.append(values["name"])
            if len(tried) in {1, 2, 4}:
                raise validation_error('null value in column "notification_type" violates not-null constraint')
        return make(env, values)

    monkeypatch.setitem(methods.CREATE, "ir.actions.server", create)

    async def scenario() -> None:
        stage = Stage("19.0", speed=0.3)
        stage.fault("object.ir.module.module.button_immediate_install:504-after=50ms")
        await stage.applied(ACME, instance("beta", server="one", modules="[contacts]"))
        assert len(tried) == 5, "two installs, of which one was told at the third try and one at the second"

    run(scenario())


@both
@pytest.mark.parametrize("lost", LOST)
def test_item_12_renames_whose_answers_are_lost_are_looked_up_and_not_sent_again(version: str, lost: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        before = stage.calls("db.rename")
        stage.fault(f"db.rename:{lost}")
        await stage.applied(AWAY)
        assert stage.calls("db.rename") - before == 2

    run(scenario())


OWNED = instance("acme", server="one", owner="{name: Boss, login: boss@acme.test}")
LARGER = instance("beta", server="one", modules="[contacts]", owner="{name: Boss, login: boss@beta.test}")


def made(stage: Stage) -> dict[str, object]:
    """Describe what was made, but for what is drawn anew for each database."""
    drawn = ("database.secret", "database.uuid", "database.create_date", "odoo_fleet.uuid", "odoo_fleet.moving_from")
    found: dict[str, object] = {}
    for name in sorted(stage.host.listed()):
        database = stage.database(name)
        users = {row["login"]: row["password"] for row in database.rows("res.users").values()}
        parameters = {row["key"]: row["value"] for row in database.rows("ir.config_parameter").values()}
        assert parameters.get("odoo_fleet.uuid", parameters["database.uuid"]) == parameters["database.uuid"]
        settings = {key: value for key, value in parameters.items() if key not in drawn}
        left = len(database.rows("ir.actions.server"))
        found[name] = (users, settings, database.modules(), stage.active_crons(name), left, stage.wrong_files(name))
    return found


@both
@pytest.mark.parametrize("document", [OWNED, LARGER])
@pytest.mark.parametrize(
    ("late", "second"),
    [
        pytest.param("60s", "", id="after all that follows"),
        pytest.param("2s", "latency=3s", id="before the second run is let in"),
        pytest.param("2s", "slow=3s", id="before the second run, which was let in"),
    ],
)
def test_item_12_a_run_whose_answer_is_lost_while_it_goes_on_is_done_once(
    version: str, document: str, late: str, second: str
) -> None:
    """What it does is committed after the next look, which found nothing done, or even after a second run.

    One by one for the runs that make a template and a clone.
    """

    async def scenario(number: int) -> int:
        undisturbed = Stage(version)
        await undisturbed.applied(document)
        stage = Stage(version)
        run_ = "object.ir.actions.server.run"
        for fault in ("reset-after=1s", f"slow={late}"):
            stage.fault(f"{run_}:{fault}:skip={number}:count=1")
        if second:
            stage.fault(f"{run_}:{second}:skip={number + 1}:count=1")
        await stage.applied(document)
        await asyncio.sleep(120)
        assert made(stage) == made(undisturbed)
        await stage.applied(document)
        assert (stage.calls("db.create_database"), stage.calls("db.duplicate_database")) == (1, 1)
        return undisturbed.calls("ir.actions.server.run")

    number, runs = 0, 1
    while number < runs:
        runs = run(scenario(number))
        number += 1


@both
@pytest.mark.parametrize("answer", ["502", "503", "504", "html", "redirect", "reset-before"])
def test_item_13_no_proxys_word_is_taken_for_odoos(version: str, answer: str) -> None:
    """A clone that never reached Odoo is neither done nor failed, and a page in the place of a list is no empty list."""

    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.fault(f"db.duplicate_database:{answer}:count=1")
        passed = await stage.apply(ACME, instance("beta", server="one"))
        if not passed.ok:
            assert "no answer came" in "".join(told(passed))
            stage.host.faults.clear()
            await stage.applied(ACME, instance("beta", server="one"))
        stage.fault(f"db.list:{answer}")
        lying = await stage.apply(ACME, instance("beta", server="one"))
        assert lying.outcomes == ()
        assert not lying.ok
        assert "one is offline" in lying.planned.changeset.blocked[0].why

    run(scenario())


def test_item_13_a_redirect_is_not_followed() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.fault("*:redirect=https://elsewhere.example/jsonrpc")
        stage.record()
        passed = await stage.apply(ACME)
        assert passed.outcomes == ()
        assert "redirects to https://elsewhere.example" in stage_problem(passed)
        assert all(b"master-of-practice" not in r.body for r in stage.requests)

    def stage_problem(passed: object) -> str:
        return str(passed)

    run(scenario())


@both
@pytest.mark.parametrize("lie", ["db.list:empty", "db.list:shrink=3"])
def test_item_14_a_list_that_has_lost_databases_changes_nothing_until_someone_confirms_it(
    version: str, lie: str
) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.fault(lie)
        for _ in range(2):
            passed = await stage.apply(ACME, instance("beta", server="one"))
            assert passed.outcomes == ()
            assert all("frozen" in b.why for b in passed.planned.changeset.blocked)
        stage.host.faults.clear()
        await stage.applied(ACME)
        assert stage.in_service() == ["acme", "template_base"]

    run(scenario())


@both
def test_item_14_while_postgresql_is_down_nothing_is_taken_for_missing(version: str) -> None:
    """Then `common.version` answers and `db_exist` says false of everything."""

    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.fault("pg-down:for=10m")
        passed = await stage.apply(ACME)
        assert passed.outcomes == ()
        assert "PostgreSQL" in str(passed.planned.changeset.blocked) or "Connection refused" in str(
            passed.planned.changeset.blocked
        )
        await asyncio.sleep(3600)
        await stage.applied(ACME)
        assert stage.calls("db.duplicate_database") == 1

    run(scenario())


@both
def test_item_14_postgresql_that_goes_down_under_a_clone_is_waited_for(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()

        def go_down(step: str) -> None:
            if step == "duplicate_database.listed" and not stage.host.faults.holds("pg-down"):
                stage.fault("pg-down:for=20s")

        stage.host.on_step = go_down
        await stage.apply(ACME)
        stage.host.on_step = lambda _step: None
        await asyncio.sleep(60)
        await stage.applied(ACME)

    run(scenario())


@both
def test_item_14_running_out_of_connections_is_passing(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        stage.fault("common.login:error=out-of-connections:count=2")
        stage.fault("object.*.search*:error=out-of-connections:count=2:skip=5")
        await stage.applied(ACME)

    run(scenario())


def test_item_14_names_that_db_name_lists_but_that_do_not_exist_are_not_believed() -> None:
    """With `db_name` set and no `dbfilter` the list is what was configured, existing or not."""

    async def scenario() -> None:
        stage = Stage()
        spec = HostSpec("one", "19.0", "master-of-practice", db_name=("acme", "template_base"))
        stage.world.hosts["one"] = SimulatedHost(spec, now=lambda: stage.world.clock.now().timestamp())
        passed = await stage.world.reconcile(stage.text(ACME))
        assert passed.outcomes == ()
        assert {b.address for b in passed.planned.changeset.blocked} == {"template/base", "instance/acme"}
        assert all("does not exist" in b.why for b in passed.planned.changeset.blocked)

    run(scenario())


@both
def test_item_15_a_host_that_lists_no_databases_is_not_managed(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        stage.fault("list_db=off")
        passed = await stage.apply(ACME)
        assert passed.outcomes == ()
        assert {b.address for b in passed.planned.changeset.blocked} == {"server/one", "template/base", "instance/acme"}
        assert {c.service + "." + c.method for c in stage.host.calls} == {"common.version", "db.list"}

    run(scenario())


def test_item_15_a_host_that_lists_no_databases_says_how_it_could_be_managed() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.fault("list_db=off")
        passed = await stage.apply(ACME)
        assert any("list_db" in b.why + b.advice for b in passed.planned.changeset.blocked)

    run(scenario())


@both
def test_item_15_listing_that_is_switched_off_under_a_pass_is_named_as_that(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()

        def switch_off(step: str) -> None:
            if step == "duplicate_database.files":
                stage.fault("list_db=off")

        stage.host.on_step = switch_off
        passed = await stage.apply(ACME)
        assert passed.outcomes[0].result is Result.FAILED
        assert "list_db" in passed.outcomes[0].detail or "listing" in passed.outcomes[0].detail
        stage.host.faults.clear()
        stage.host.on_step = lambda _step: None
        await stage.applied(ACME)

    run(scenario())


@both
def test_item_16_the_longest_name_fits_in_all_its_forms_and_no_longer_one_can_be_declared(version: str) -> None:
    """PostgreSQL cuts names at 63 bytes without a word: two databases could meet in one name."""

    async def scenario() -> None:
        name = "a" * 36
        stage = Stage(version)
        await stage.applied(instance(name, server="one"))
        await stage.applied(instance(name, server="one", state="suspended"))
        assert stage.in_service() == [f"suspended.{name}", "template_base"]
        assert all(len(n) < 64 for n in stage.host.listed())

    run(scenario())
    with pytest.raises(AssertionError, match="database_name"):
        read(fleet(instance("a" * 37)))


@pytest.mark.parametrize("name", ["a.b", "Acme", "Bad Name!", "-acme", "_acme", "a"])
def test_item_16_names_that_no_dbfilter_would_serve_cannot_be_declared(name: str) -> None:
    with pytest.raises(AssertionError, match="database_name"):
        read(fleet(instance("acme", database_name=f'"{name}"')))


@both
def test_item_17_databases_that_no_document_names_are_never_logged_in_to(version: str) -> None:
    """A login loads a registry, which can create tables and reset module states in a database of someone else's."""

    async def scenario() -> None:
        stage = Stage(version)
        marked = ("suspended.theirs", "switching-up", "trash-x.acme", "trash-261123120000.theirs", "building-x.acme")
        stage.add_foreign(*marked)
        foreign = [stage.database(n) for n in (*FOREIGN, *marked)]
        for documents in ((ACME,), (AWAY,), (ACME,)):
            await stage.apply_unwatched(*documents)
            stage.forget()
        assert [d.visits for d in foreign] == [[]] * len(foreign)

    run(scenario())
