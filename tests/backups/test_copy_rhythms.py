"""A copy that is made anew by a rhythm: once each time, never at a wrong moment, and told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.outcomes import Result
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import carry_out, plan
from tests.backups.copying import (
    MONDAY,
    REFRESHED,
    begun,
    both,
    copy_of,
    forms,
    has,
    made_anew,
    now_is,
    require_neutral,
    require_nothing_reached_the_outside,
    text,
    weekly,
)
from tests.harness.universe import Process, fleet, instance, read
from tests.harness.virtual_time import run

pytestmark = pytest.mark.usefixtures("copied_worlds")


@both
def test_by_its_rhythm_it_is_made_anew_once_each_time_and_once_for_all_that_were_missed(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host = world.hosts["one"]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        seen = []
        for hours in range(-47, 7 * 24 + 3, 5):
            now_is(world, MONDAY + timedelta(hours=hours))
            host.databases["acme"].insert("res.partner", {"name": f"customer {hours}"})
            if made_anew(await world.reconcile(whole)):
                seen.append(hours)
                assert has(host.databases["acme-staging"], f"customer {hours}")
                require_neutral(host.databases["acme-staging"], version)
        assert seen == [3, 168]
        now_is(world, MONDAY + timedelta(days=40))
        assert made_anew(await world.reconcile(whole))
        assert not made_anew(await world.reconcile(whole))
        require_nothing_reached_the_outside(world)

    run(story())


def test_what_holds_it_back_puts_it_off_and_does_not_let_it_be_forgotten() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        for _ in range(3):
            passed = await world.reconcile(weekly("19.0", paused="true"))
            assert [held.action.reason for held in passed.planned.changeset.withheld] == ["scheduled"]
        asleep = weekly("19.0", state="suspended")
        assert not made_anew(await world.reconcile(asleep))
        assert not made_anew(await world.reconcile(asleep))
        now_is(world, MONDAY + timedelta(days=3))
        first = await world.reconcile(whole)  # it is brought back into service first, and that is not all
        assert [str(o.action.verb) for o in first.outcomes] == ["resume"]
        assert ([str(a.verb) for a in first.after.changeset.actions], first.ok) == (["replace"], False)
        now_is(world, MONDAY + timedelta(days=3, minutes=5))
        assert made_anew(await world.reconcile(whole, limits=Limits(depth=Depth(refresh=True))))

    run(story())


@both
@pytest.mark.parametrize("meanwhile", ["made anew", "put in earnest"])
def test_a_rhythm_looks_once_more_before_it_begins(version: str, meanwhile: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        desired, copies = read(whole), world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        ports = world.world(desired, Process())
        planned = await plan(desired, ports, Limits())
        if meanwhile == "made anew":
            assert made_anew(await world.reconcile(whole))
        else:
            copies["acme-staging"].set_parameter("database.is_neutralized", "false")
        before = (copies["acme-staging"].uuid, forms(world))
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        told = {"made anew": "it was made anew meanwhile", "put in earnest": "it is not neutralized any more"}
        assert told[meanwhile] in outcome.detail
        assert (copies["acme-staging"].uuid, forms(world)) == before

    run(story())


@both
def test_what_comes_back_from_the_trash_stays_until_its_next_time(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        databases = world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        databases["acme-staging"].insert("res.partner", {"name": "tried"})
        now_is(world, MONDAY + timedelta(minutes=1))
        assert made_anew(await world.reconcile(whole))
        now_is(world, MONDAY + timedelta(hours=5))
        (trash,) = [name for name in forms(world) if name.startswith("trash-")]
        back = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", trash, backup_first=False))
        assert made_anew(await world.reconcile(whole, limits=back))
        assert f" uuid {databases['acme'].uuid} at " in str(
            databases["acme-staging"].parameter("odoo_fleet.restored_from")
        )
        for hours in (6, 6 * 24):
            now_is(world, MONDAY + timedelta(hours=hours))
            assert not made_anew(await world.reconcile(whole, limits=Limits(depth=Depth(refresh=True))))
            assert has(databases["acme-staging"], "tried")
        now_is(world, MONDAY + timedelta(days=7, minutes=1))
        assert made_anew(await world.reconcile(whole))

    run(story())


@pytest.mark.parametrize("fields", [{"company": "Acme NV"}, {"code": "beta", "renamed_from": "acme"}])
def test_what_is_done_to_its_source_in_the_same_run_comes_first(fields: dict[str, str]) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        edited = whole.replace(instance("acme", company="Acme SA"), instance(**{"code": "acme", **fields}))
        edited = edited.replace("clone_of: acme", f"clone_of: {fields.get('code', 'acme')}")
        passed = await world.reconcile(edited)
        assert made_anew(passed)
        assert passed.outcomes[-1].action.verb == "replace"

    run(story())


@pytest.mark.parametrize(
    ("says", "noted"),
    [
        ("false", ""),
        ("true", ""),
        ("true", "main instance/shop 2026-01-01T02-30-00Z-prod-1 uuid 0-0 at 2026-01-02T02-30-00Z"),
        ("true", "instance/shop on two uuid 0-0 at 2026-01-02T02-30-00Z"),
        ("true", "/srv/theirs.zip uuid 0-0 at 2026-01-02T02-30-00Z"),
    ],
    ids=["a customer", "one that says so", "restored", "moved", "taken in"],
)
def test_its_rhythm_counts_for_no_threshold_and_touches_nothing_that_it_has_not_made(says: str, noted: str) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        strict = whole.replace("kind: fleet\n", "kind: fleet\nsafety: {max_removals: 0}\n", 1)
        assert strict != whole
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(strict)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        assert made_anew(await world.reconcile(strict))
        # The text takes a customer's own database for the copy: it was written over one that is there.
        taken = text(copy_of("acme", code="shop", refresh='"0 4 * * 1"'))
        before = fleet(instance("acme", company="Acme SA"), instance("shop"), servers={"one": "19.0"})
        assert (await world.reconcile(before)).ok
        world.hosts["one"].databases["shop"].insert("res.partner", {"name": "theirs"})
        world.hosts["one"].databases["shop"].set_parameter("database.is_neutralized", says)
        if noted:
            world.hosts["one"].databases["shop"].set_parameter("odoo_fleet.restored_from", noted)
        now_is(world, MONDAY + timedelta(days=8))
        for _ in range(2):
            passed = await world.reconcile(taken, limits=Limits(depth=Depth(refresh=True)))
            assert not any(a.verb == "replace" for a in passed.planned.changeset.actions)
            (why,) = [each.why for each in passed.planned.changeset.blocked]
            assert ("made it as a copy" if says == "true" else "is not neutralized") in why
            assert has(world.hosts["one"].databases["shop"], "theirs")

    run(story())


@both
def test_a_rhythm_whose_refresh_brings_its_host_down_is_tried_again_after_hours_and_by_command_at_once(
    version: str,
) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host, tries = world.hosts["one"], []
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        kept = host.databases["acme-staging"].uuid

        def dies(step: str) -> None:
            if step == "restore.rows":
                tries.append(world.clock.now())
                host.kill()

        host.on_step = dies
        for minutes in range(5, 8 * 60, 10):
            now_is(world, MONDAY + timedelta(minutes=minutes))
            if not host.alive:
                host.start()
            passed = await world.reconcile(whole)
            (held,) = passed.planned.changeset.withheld or (None,)
            assert passed.outcomes or (held and "tried again at 2026-03-09" in held.why), passed
        assert [round((each - MONDAY).total_seconds() / 3600) for each in tries] == [0, 6]
        assert host.databases["acme-staging"].uuid == kept
        if not host.alive:
            host.start()
        host.on_step = lambda _: None
        by_hand = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", backup_first=False))
        assert made_anew(await world.reconcile(whole, limits=by_hand))
        now_is(world, MONDAY + timedelta(days=7, minutes=1))  # the new one knows of no try
        assert made_anew(await world.reconcile(whole))

    run(story())


def test_while_it_waits_for_its_refresh_what_is_edited_is_done_and_shown() -> None:
    async def story() -> None:
        window = 'windows: [{verbs: [replace], days: [sun], from: "02:00", to: "03:00"}]\n'

        def whole(**fields: object) -> str:
            return weekly("19.0", **fields).replace("kind: fleet\n", f"kind: fleet\n{window}", 1)

        world = begun("19.0")
        copies = world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole())).ok
        now_is(world, MONDAY + timedelta(minutes=5))
        edited = whole(admin_password="{derived: {generation: 2}}", company="Other SA")
        passed = await world.reconcile(edited)
        assert passed.ok
        assert [o.action.verb for o in passed.outcomes] == ["rotate-password", "configure"]
        assert [held.action.verb for held in passed.planned.changeset.withheld] == ["replace"]
        assert copies["acme-staging"].rows("res.company")[1]["name"] == "Other SA"
        now_is(world, MONDAY + timedelta(days=5, hours=23, minutes=30))
        assert made_anew(await world.reconcile(edited))
        assert copies["acme-staging"].rows("res.company")[1]["name"] == "Other SA"

    run(story())


def test_a_source_that_is_built_in_the_same_run_is_not_copied_over_what_its_copy_still_has() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        host = world.hosts["one"]
        host.databases["acme"].insert("res.partner", {"name": "the last"})
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=5))
        del host.databases["acme"]
        passed = await world.reconcile(whole, limits=Limits(confirmed_listings=("one",)))
        assert [(o.action.verb, o.action.code) for o in passed.outcomes] == [("clone", "acme")]
        (held,) = passed.planned.changeset.withheld
        assert "instance/acme, of which it is a copy, is built in this very run" in held.why
        for days in (0, 7):
            now_is(world, MONDAY + timedelta(days=days, minutes=20))
            passed = await world.reconcile(whole)
            (blocked,) = passed.after.changeset.blocked
            assert "instance/acme is another database than the one that it was made of" in blocked.why
            assert "`odoo-fleet refresh acme-staging`" in blocked.advice
            assert (passed.outcomes, has(host.databases["acme-staging"], "the last")) == ((), True)
        assert (await world.reconcile(whole, limits=REFRESHED)).ok
        assert not has(host.databases["acme-staging"], "the last")
        now_is(world, MONDAY + timedelta(days=14, minutes=20))
        assert made_anew(await world.reconcile(whole))

    run(story())


@both
def test_a_source_that_is_exchanged_after_the_plan_is_not_copied_by_a_rhythm(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host = world.hosts["one"]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        kept = host.databases["acme-staging"].uuid
        now_is(world, MONDAY + timedelta(minutes=5))
        desired, ports = read(whole), world.world(read(whole), Process())
        planned = await plan(desired, ports, Limits())
        for key in ("database.uuid", "odoo_fleet.uuid"):
            host.databases["acme"].set_parameter(key, "another")
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        assert outcome.result is Result.FAILED
        assert "its source is another database than the one that it was made of (another, not" in outcome.detail
        assert (host.databases["acme-staging"].uuid, forms(world)) == (kept, ["acme-staging"])

    run(story())


def test_an_old_copy_that_is_given_a_rhythm_is_shown_with_when_it_was_made() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(text(copy_of("acme", timezone="Europe/Brussels")))).ok
        now_is(world, MONDAY + timedelta(days=3))
        planned = await world.plan(whole, Limits(depth=Depth(refresh=True)))
        (action,) = planned.changeset.actions
        assert [c.observed for c in action.changes] == ["as of now, made 2026-03-07 03:00 UTC"]

    run(story())
