"""What replaces a database is what its plan has shown, if that is still there when its turn comes, and it says what it is at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits, Planned
from reconciler.core.depths import Depth
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import carry_out, plan
from reconciler.notices.events import ActionStep
from reconciler.simulator import SimulatedHost
from tests.backups import copying as beside
from tests.backups.copying import MONDAY, forms, has, made_anew, now_is, weekly
from tests.backups.stage import Stage
from tests.backups.test_copies_elsewhere import REFRESHED, Two, begun
from tests.backups.test_replacing import SINCE, THEN, backed_up, database, partners, replaced
from tests.harness.universe import Process, Universe, read
from tests.harness.virtual_time import run

FIRST = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging"))
"""By command, and backed up before."""
IN_ITS_PLACE = [
    "settings",
    "modules",
    "verifying",
    "taking the present one out of reach",
    "holding scheduled actions back",
    "publishing",
]
"""The last steps of what takes the place of another one."""


@pytest.fixture(autouse=True)
def _made(_no_threads: None) -> None:
    begun("19.0")
    beside.begun("19.0")


def steps(world: Universe) -> list[str]:
    """List what actions said that they were at, without the same twice in a row."""
    said = [event.step for event in world.events if isinstance(event, ActionStep)]
    return [each for each, before in zip(said, ["", *said], strict=False) if each != before]


async def planned_then(
    two: Two, text: str, limits: Limits, happens: Callable[[], object] = lambda: None
) -> tuple[Planned, Outcome]:
    """Carry out what was planned before something happened."""
    desired, ports = two.ports(text)
    planned = await plan(desired, ports, limits)
    happens()
    (outcome,) = (await carry_out(planned, desired, ports, limits)).outcomes
    return planned, outcome


# A copy that is made anew by command


def test_it_is_made_of_the_backup_that_was_shown_though_there_is_a_newer_one_by_then(tmp_path: Path) -> None:
    async def story() -> None:
        two = begun("19.0", tmp_path)
        shown = await two.back_up()
        assert (await two.apply(two.text())).ok
        desired, ports = two.ports(two.text())
        planned = await plan(desired, ports, FIRST)
        two.source.insert("res.partner", {"name": "later"})
        two.world.clock.skew += timedelta(hours=1)
        newer = await two.back_up()
        assert newer != shown
        (outcome,) = (await carry_out(planned, desired, ports, FIRST)).outcomes
        assert outcome.result is Result.DONE, outcome
        assert "later" not in two.partners()
        assert outcome.detail.startswith(f"from {shown} of instance/acme in main, taken 2026-")

    run(story())


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("limits", [REFRESHED, FIRST], ids=["without a backup", "backed up first"])
def test_it_tells_of_what_it_was_made_and_what_is_kept_of_the_former(
    tmp_path: Path,
    limits: Limits,
    kept: bool,  # noqa: FBT001
) -> None:
    async def story() -> None:
        two = begun("19.0", tmp_path)
        plain = two.text()
        if kept:
            await two.back_up()
        assert (await two.apply(plain)).ok
        (outcome,) = (await two.apply(plain, limits)).outcomes
        told = [part.partition(" ")[0] for part in outcome.detail.split("; ")]
        parts = [*(["from"] if kept else []), *(["backed"] if limits is FIRST else [])]
        assert told == (parts or [""]), outcome

    run(story())


@pytest.mark.parametrize("kept", [False, True])
def test_what_its_server_lacks_by_then_leaves_the_present_one_in_service(tmp_path: Path, kept: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        two = begun("19.0", tmp_path if kept else None)
        if kept:
            await two.back_up()
        assert (await two.apply(two.text())).ok
        before = two.copy.uuid
        template = two.world.hosts["two"].databases["template_base"]
        (row,) = template.matching("ir.module.module", name="mail")
        _, outcome = await planned_then(
            two, two.text(), REFRESHED, lambda: template.delete("ir.module.module", row["id"])
        )
        assert (outcome.result, "two does not have the modules mail" in outcome.detail) == (Result.FAILED, True)
        assert (two.copy.uuid, two.world.hosts["two"].listed()) == (before, ["acme-staging", "template_base"])

    run(story())


def test_beside_its_source_nobody_asks_which_modules_the_template_knows() -> None:
    async def story() -> None:
        world, whole = beside.begun("19.0"), beside.copied("19.0")
        assert (await world.reconcile(whole)).ok
        template = world.hosts["one"].databases["template_base"]
        (row,) = template.matching("ir.module.module", name="contacts")
        world.hosts["one"].databases["acme"].update(
            "ir.module.module",
            next(r["id"] for r in world.hosts["one"].databases["acme"].matching("ir.module.module", name="contacts")),
            {"state": "installed"},
        )
        template.delete("ir.module.module", row["id"])
        assert made_anew(await world.reconcile(whole, limits=REFRESHED))

    run(story())


def _two_forms(source: Two) -> None:
    host = source.world.hosts["one"]
    host.databases["suspended.acme"] = host.databases["acme"]


def _no_form(source: Two) -> None:
    source.world.hosts["one"].databases["switching.acme"] = source.world.hosts["one"].databases.pop("acme")


@pytest.mark.parametrize("happens", [_two_forms, _no_form])
def test_a_source_that_is_not_in_service_by_then_is_not_copied(happens: Callable[[Two], None]) -> None:
    async def story() -> None:
        two = begun()
        assert (await two.apply(two.text())).ok
        before = two.copy.uuid
        _, outcome = await planned_then(two, two.text(), REFRESHED, lambda: happens(two))
        why = "instance/acme, of which it is a copy, has no database in service there"
        assert (outcome.result, outcome.detail) == (Result.FAILED, f"one/acme-staging: {why}")
        assert (two.copy.uuid, two.world.hosts["two"].listed()) == (before, ["acme-staging", "template_base"])

    run(story())


def appears(host: SimulatedHost, name: str) -> None:
    """Have somebody make a database while another one is being restored."""

    def add(step: str) -> None:
        if step == "restore.done":
            host.on_step = lambda _step: None
            host.add_database(name)

    host.on_step = add


@pytest.mark.parametrize("kept", [False, True])
def test_while_a_database_of_its_former_name_is_there_the_present_one_stays(tmp_path: Path, kept: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        two = begun("19.0", tmp_path if kept else None)
        if kept:
            await two.back_up()
        text = two.text(beside.copy_of("acme", server="two", renamed_from="old-staging"))
        assert (await two.apply(text)).ok
        before = two.copy.uuid
        _, outcome = await planned_then(two, text, REFRESHED, lambda: appears(two.world.hosts["two"], "old-staging"))
        assert (outcome.result, "old-staging was made by somebody else" in outcome.detail) == (Result.FAILED, True)
        assert two.copy.uuid == before

    run(story())


def test_a_copy_that_is_made_anew_says_what_it_is_at() -> None:
    async def story() -> None:
        world, whole = beside.begun("19.0"), beside.copied("19.0")
        assert (await world.reconcile(whole)).ok
        world.events.clear()
        assert made_anew(await world.reconcile(whole, limits=REFRESHED))
        assert steps(world) == ["reading acme", "copying", "neutralizing", *IN_ITS_PLACE]

    run(story())


# A copy that is made anew by its rhythm


async def due(text: str = "") -> tuple[Universe, Planned, str]:
    """A copy whose time has come, and what is planned for it."""
    world, whole = beside.begun("19.0"), text or weekly("19.0")
    now_is(world, MONDAY - timedelta(days=2))
    assert (await world.reconcile(whole)).ok
    now_is(world, MONDAY + timedelta(minutes=5))
    return world, await world.plan(whole), whole


async def carried_out(world: Universe, planned: Planned, whole: str) -> Outcome:
    desired = read(whole)
    (outcome,) = (await carry_out(planned, desired, world.world(desired, Process()), Limits())).outcomes
    return outcome


def test_what_another_run_has_begun_and_not_ended_is_not_begun_again() -> None:
    async def story() -> None:
        world, planned, whole = await due()
        host = world.hosts["one"]

        def dies(step: str) -> None:
            if step == "restore.rows":
                host.on_step = lambda _step: None
                host.kill()

        host.on_step = dies
        assert (await world.reconcile(whole)).outcomes[0].result is not Result.DONE
        host.start()
        outcome = await carried_out(world, planned, whole)
        assert (outcome.result, outcome.detail) == (Result.SKIPPED, "another run has begun it meanwhile")

    run(story())


RESTORED_FROM = "odoo_fleet.restored_from"
"""The parameter that says of what this fleet made a database."""


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("database.is_neutralized", "false", "it is not neutralized any more"),
        (RESTORED_FROM, "", "nothing in it says that this fleet made it as a copy: it may be a customer's own"),
    ],
)
def test_what_is_no_copy_of_this_fleets_any_more_is_not_replaced(key: str, value: str, why: str) -> None:
    async def story() -> None:
        world, planned, whole = await due()
        copy = world.hosts["one"].databases["acme-staging"]
        copy.set_parameter(key, value)
        outcome = await carried_out(world, planned, whole)
        assert (outcome.result, outcome.detail) == (Result.FAILED, f"one/acme-staging: {why}")
        assert (world.hosts["one"].databases["acme-staging"], forms(world)) == (copy, ["acme-staging"])

    run(story())


# What comes from a backup, or out of the trash


def test_a_restored_one_says_what_it_is_at_and_what_became_of_the_former(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        (entry,) = await made.entries()
        made.universe.events.clear()
        (outcome,) = (await replaced(made)).outcomes
        (trash,) = trashes(made)
        told = outcome.detail.split("; ")
        assert told[0].startswith(f"from {entry.id} of instance/acme in main, taken 2026-")
        assert told[1:] == [f"what was there is {trash}", f"backed up as {(await made.entries())[-1].id} in main"]
        assert steps(made.universe) == ["backing up", "restoring", *IN_ITS_PLACE]

    run(story())


def test_while_a_database_of_the_former_name_is_there_the_present_one_is_not_replaced_by_a_backup(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target", renamed_from="former")
        before = database(made).uuid
        appears(made.universe.hosts["one"], "former")
        (outcome,) = (await replaced(made, renamed_from="former")).outcomes
        assert (outcome.result, "former was made by somebody else" in outcome.detail) == (Result.FAILED, True)
        assert database(made).uuid == before

    run(story())


def trashes(made: Stage) -> list[str]:
    return [name for name in made.universe.hosts["one"].listed() if parse(name).state is NameState.TRASH]


@pytest.mark.parametrize("backup_first", [True, False])
def test_what_comes_back_says_what_it_is_at_and_what_became_of_the_other(tmp_path: Path, backup_first: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        await replaced(made)
        (trash,) = trashes(made)
        made.universe.clock.skew += timedelta(hours=1)
        made.universe.events.clear()
        known = {entry.id for entry in await made.entries()}
        (outcome,) = (await replaced(made, trash=trash, backup_first=backup_first)).outcomes
        (other,) = trashes(made)
        new = [entry.id for entry in await made.entries() if entry.id not in known]
        assert len(new) == backup_first
        said = [f"what was there is {other}", *(f"backed up as {each} in main" for each in new)]
        assert outcome.detail == "; ".join(said)
        assert steps(made.universe) == [
            *(["backing up"] if backup_first else []),
            "taking the present one out of reach",
            "holding scheduled actions back",
            "on its way back",
            "waking scheduled actions",
        ]

    run(story())


def test_what_comes_back_to_where_it_is_suspended_is_not_woken_for_a_moment(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        assert (await made.apply(made.text(state="suspended"))).ok
        assert (await replaced(made, state="suspended")).ok
        (trash,) = trashes(made)
        made.universe.events.clear()
        assert (await replaced(made, trash=trash, backup_first=False, state="suspended")).ok
        asleep = database(made, NameState.SUSPENDED)
        assert (partners(asleep), list(asleep.matching("ir.cron", active=True))) == ({THEN, SINCE}, [])
        assert "waking scheduled actions" not in steps(made.universe)
        assert (await made.apply(made.text())).ok
        assert list(database(made).matching("ir.cron", active=True))

    run(story())


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        ("code=somebody", "it belongs to instance/somebody"),
        ("uuid=the original's", "it is a copy of instance/acme, not the original"),
        ("ended=", "nothing in it says that it was put there by this fleet"),
    ],
)
def test_what_lies_in_the_trash_and_is_not_proven_to_be_its_own_does_not_come_back(
    tmp_path: Path, parameter: str, why: str
) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        await replaced(made)
        (trash,), before = trashes(made), database(made).uuid
        text = made.text(restore_from="{}")
        limits = Limits(depth=Depth(refresh=True), replacing=Replacing("acme", trash, backup_first=False))
        desired = read(text)
        world = made.world(desired)
        planned = await plan(desired, world, limits)
        name, _, value = parameter.partition("=")
        made.universe.hosts["one"].databases[trash].set_parameter(f"odoo_fleet.{name}", value)
        (outcome,) = (await carry_out(planned, desired, world, limits)).outcomes
        assert (outcome.result, outcome.detail) == (Result.FAILED, f"one/{trash}: {why}")
        assert (database(made).uuid, trashes(made)) == (before, [trash])

    run(story())


def test_what_comes_back_and_was_not_made_as_a_copy_is_thrown_away_by_no_rhythm() -> None:
    async def story() -> None:
        world, _, whole = await due()
        assert made_anew(await world.reconcile(whole))
        host = world.hosts["one"]
        (trash,) = [name for name in forms(world) if name.startswith("trash-")]
        host.databases[trash].insert("res.partner", {"name": "theirs"})
        host.databases[trash].set_parameter(RESTORED_FROM, "")
        back = replace(FIRST, replacing=Replacing("acme-staging", trash, backup_first=False))
        (outcome,) = (await world.reconcile(whole, limits=back)).outcomes
        assert (outcome.result, has(host.databases["acme-staging"], "theirs")) == (Result.DONE, True)
        assert not host.databases["acme-staging"].parameter(RESTORED_FROM)
        now_is(world, MONDAY + timedelta(days=7, minutes=5))
        (blocked,) = (await world.reconcile(whole)).planned.changeset.blocked
        assert "it may be a customer's own" in blocked.why
        assert has(host.databases["acme-staging"], "theirs")

    run(story())


def test_what_is_no_copy_any_more_notes_nothing_when_it_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        note = "instance/shop on two uuid 0-0 at 2026-01-02T02-30-00Z"
        database(made).set_parameter(RESTORED_FROM, note)
        await replaced(made)
        (trash,) = trashes(made)
        assert (await replaced(made, trash=trash, backup_first=False)).ok
        assert database(made).parameter(RESTORED_FROM) == note

    run(story())
