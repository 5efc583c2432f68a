"""A template whose text changes is built anew beside the present one, and swapped; who has worked in it is not passed over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.core.model.selection import Selection
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.simulator.faults import FaultSpec
from reconciler.simulator.seed import utc_text
from tests.harness.universe import Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

TEXT = fleet(instance("acme"))
MODULES = "modules: [base, web, mail]"
NEWER = TEXT.replace(MODULES, "modules: [base, web]\nparameters: {our.note: hello}")
DEEP = Limits(depth=Depth(refresh=True))


def with_bistro(text: str) -> str:
    return f"{text}---\n{instance('bistro')}"


def done(passed: Passed) -> list[str]:
    return [o.action.id.removesuffix(" on one") for o in passed.outcomes if o.result is Result.DONE]


def names(world: Universe) -> list[str]:
    return [name.partition("-")[0] if "-" in name else name for name in world.hosts["one"].listed()]


def noted(world: Universe, database: str, key: str) -> str:
    return world.hosts["one"].databases[database].parameter(f"odoo_fleet.{key}") or ""


async def made(text: str = TEXT) -> Universe:
    world = universe()
    assert (await world.reconcile(text)).ok
    return world


def work_in(world: Universe, database: str = "template_base") -> None:
    """Have somebody write a record in a database."""
    there = world.hosts["one"].databases[database]
    there.insert("res.partner", {"name": "By hand", "write_date": "2199-01-01 00:00:00"})


def test_it_is_swapped_before_what_is_cloned_from_it_and_what_was_there_is_trash() -> None:
    async def story() -> None:
        world = await made()
        before = world.hosts["one"].databases["template_base"]
        passed = await world.reconcile(with_bistro(NEWER))
        assert passed.ok
        assert done(passed) == ["rebuild template/base", "clone instance/bistro", "configure instance/acme"]
        assert names(world) == ["acme", "bistro", "template_base", "trash"]
        trash = next(name for name in world.hosts["one"].listed() if name.startswith("trash-"))
        assert world.hosts["one"].databases[trash].uuid == before.uuid
        after = world.hosts["one"].databases["template_base"]
        assert "mail" not in after.installed(), "what is not declared any more is not in the new one"
        assert after.parameter("our.note") == "hello"
        was, now = (noted(world, name, "made_of") for name in (trash, "template_base"))
        assert was != now
        assert [noted(world, name, "made_of") for name in ("acme", "bistro")] == [was, now]
        assert (await world.plan(with_bistro(NEWER), limits=DEEP)).changeset.actions == ()

    run(story())


@pytest.mark.parametrize(
    "edit", ["admin_password: {derived: {generation: 2}}", "admin_login: operator", "backup: true", "name: Other"]
)
def test_what_is_no_part_of_what_it_is_made_of_is_changed_in_place(edit: str) -> None:
    async def story() -> None:
        world = await made()
        uuid = world.hosts["one"].databases["template_base"].uuid
        passed = await world.reconcile(TEXT.replace(MODULES, f"{MODULES}\n{edit}"))
        assert verbs.REBUILD not in {o.action.verb for o in passed.outcomes}
        assert world.hosts["one"].databases["template_base"].uuid == uuid

    run(story())


def test_one_that_somebody_has_worked_in_is_not_replaced_but_changed_in_place_until_a_command_says_so() -> None:
    async def story() -> None:
        world = await made()
        work_in(world)
        uuid = world.hosts["one"].databases["template_base"].uuid
        first = await world.reconcile(with_bistro(NEWER))
        refused, clone, _ = first.outcomes
        assert (refused.action.verb, refused.result) == (verbs.REBUILD, Result.FAILED)
        why = "it was changed since it was built: 1 row of res_partner; nothing was replaced"
        assert refused.detail.startswith(f"one/template_base: {why} (")
        assert "`odoo-fleet refresh template/base` builds it anew all the same" in refused.detail
        assert (clone.action.code, clone.result) == ("bistro", Result.DONE), "it is cloned from the present one"
        assert names(world) == ["acme", "bistro", "template_base"]

        second = await world.reconcile(with_bistro(NEWER))
        assert (second.ok, done(second)) == (True, ["configure template/base"])
        there = world.hosts["one"].databases["template_base"]
        assert (there.uuid, there.parameter("our.note")) == (uuid, "hello")
        assert (await world.plan(with_bistro(NEWER), limits=DEEP)).changeset.actions == ()

        asked = Limits(
            Selection(addresses=frozenset({"template/base"})), DEEP.depth, replacing=Replacing("base", kind="template")
        )
        told = await world.reconcile(with_bistro(NEWER), limits=asked)
        assert (told.ok, done(told)) == (True, ["rebuild template/base"])
        assert world.hosts["one"].databases["template_base"].uuid != uuid
        assert names(world) == ["acme", "bistro", "template_base", "trash"]
        assert (await world.plan(with_bistro(NEWER), limits=DEEP)).changeset.actions == ()

    run(story())


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            {"uom.uom": 1, "ir.mail_server": 2, "res.partner": 3},
            "3 rows of res_partner, 2 rows of ir_mail_server, 1 row of uom_uom; nothing was replaced",
        ),
        (
            {"uom.uom": 1, "crm.team": 1, "ir.mail_server": 2, "sale.order": 1, "res.partner": 12},
            "12 rows of res_partner, 2 rows of ir_mail_server, 1 row of crm_team and 2 more tables; nothing was replaced",
        ),
    ],
)
def test_it_says_where_most_was_written_in_it(written: dict[str, int], told: str) -> None:
    async def story() -> None:
        world = await made()
        there = world.hosts["one"].databases["template_base"]
        for model, number in written.items():
            for _ in range(number):
                there.insert(model, {"name": "By hand", "write_date": "2199-01-01 00:00:00"})
        refused = (await world.reconcile(NEWER)).outcomes[0]
        assert f"it was changed since it was built: {told}" in refused.detail

    run(story())


def test_where_the_clock_was_ahead_when_it_was_built_it_is_not_replaced() -> None:
    async def story() -> None:
        world = universe()
        world.clock.skew += timedelta(hours=2)
        assert (await world.reconcile(TEXT)).ok
        world.clock.skew -= timedelta(hours=2)
        await asyncio.sleep(1800)
        host = world.hosts["one"]
        written = {"name": "By hand", "write_date": utc_text(world.clock.now().timestamp())}
        host.databases["template_base"].insert("res.partner", written)
        passed = await world.reconcile(NEWER)
        assert "its host's clock was wrong when it was built; nothing was replaced" in passed.outcomes[0].detail
        await asyncio.sleep(timedelta(hours=9).total_seconds())
        assert "rebuild template/base" not in done(await world.reconcile(NEWER, limits=DEEP))
        assert names(world) == ["acme", "template_base"]

    run(story())


def test_what_somebody_writes_while_the_new_one_is_built_brings_the_present_one_back() -> None:
    async def story() -> None:
        world = await made()
        host = world.hosts["one"]
        struck: list[str] = []

        def on_step(step: str) -> None:
            if step == "create_database.base" and not struck:
                struck.append(step)
                work_in(world)

        host.on_step = on_step
        uuid = host.databases["template_base"].uuid
        (refused, *_) = (await world.reconcile(NEWER)).outcomes
        assert struck
        assert (
            "1 row of res_partner; nothing was replaced; what was there before is back in its place" in refused.detail
        )
        assert names(world) == ["acme", "template_base"]
        assert host.databases["template_base"].uuid == uuid

    run(story())


@pytest.mark.parametrize("key", ["made_of", "in_service"])
def test_one_that_was_adopted_or_notes_no_version_is_changed_in_place(key: str) -> None:
    async def story() -> None:
        world = await made()
        there = world.hosts["one"].databases["template_base"]
        (row,) = there.matching("ir.config_parameter", key=f"odoo_fleet.{key}")
        if key == "made_of":
            there.delete("ir.config_parameter", row["id"])
        else:
            there.set_parameter("odoo_fleet.in_service", "yes")  # as adopting writes it
        passed = await world.reconcile(NEWER)
        assert "configure template/base" in done(passed)
        assert names(world) == ["acme", "template_base"]

    run(story())


def test_a_version_that_cannot_be_built_is_told_once_and_the_present_one_serves_meanwhile() -> None:
    async def story() -> None:
        world = await made()
        broken = with_bistro(NEWER)
        world.hosts["one"].faults.add(FaultSpec.parse("db.create_database:unique-violation"))
        uuid = world.hosts["one"].databases["template_base"].uuid
        first = await world.reconcile(broken)
        assert [(o.action.verb, o.result) for o in first.outcomes] == [
            (verbs.REBUILD, Result.FAILED),
            (verbs.CLONE, Result.DONE),
            (verbs.CONFIGURE, Result.DONE),
        ]
        why = first.outcomes[0].detail.partition(": ")[2]
        assert "UniqueViolation" in why
        assert names(world) == ["acme", "bistro", "template_base"]
        assert world.hosts["one"].databases["template_base"].uuid == uuid
        assert noted(world, "bistro", "made_of") == noted(world, "template_base", "made_of") != ""

        waits = (await world.plan(broken, limits=DEEP)).changeset
        (held,) = waits.withheld
        assert (waits.actions, held.action.verb) == ((), verbs.REBUILD)
        assert "it could not be built at" in held.why
        assert f" UTC: {why}; it is tried again at " in held.why
        assert "odoo-fleet apply --target template/base" in held.why
        by_hand = Limits(Selection(addresses=frozenset({"template/base"})), DEEP.depth)
        assert [a.verb for a in (await world.plan(broken, limits=by_hand)).changeset.actions] == [verbs.REBUILD]
        await asyncio.sleep(timedelta(hours=7).total_seconds())
        assert [a.verb for a in (await world.plan(broken, limits=DEEP)).changeset.actions] == [verbs.REBUILD]
        other = broken.replace("hello", "hello again")
        assert verbs.REBUILD in {a.verb for a in (await world.plan(other, limits=DEEP)).changeset.actions}
        world.hosts["one"].faults.clear()
        passed = await world.reconcile(broken)
        assert done(passed) == ["rebuild template/base"], passed.outcomes[0].detail

    run(story())


def test_an_instance_keeps_the_version_that_it_came_from() -> None:
    """Whatever is done to it: edited, renamed, moved to another server, suspended."""

    async def story() -> None:
        servers = dict.fromkeys(("one", "two"), "19.0")
        world = universe(servers)

        def written(code: str, edited: str, **fields: object) -> str:
            return fleet(instance(code, **fields), servers=servers).replace(MODULES, f"{MODULES}\n{edited}")

        assert (await world.reconcile(written("acme", "demo: false", server="one"))).ok
        first = noted(world, "acme", "made_of")
        newer = "parameters: {our.note: hello}"
        for fields in ({"server": "one"}, {"server": "two"}, {"server": "two", "state": "suspended"}):
            passed = await world.reconcile(written("acme2", newer, renamed_from="acme", **fields))
            assert passed.ok, passed.outcomes
        (acme,) = (d for name, d in world.hosts["two"].databases.items() if name == "suspended.acme2")
        template = world.hosts["two"].databases["template_base"]
        assert acme.parameter("odoo_fleet.made_of") == first != template.parameter("odoo_fleet.made_of")

    run(story())


def test_a_window_holds_a_new_version_back_and_no_new_customer() -> None:
    async def story() -> None:
        world = await made()
        night = "windows: [{verbs: [rebuild], from: '02:00', to: '03:00'}]"
        text = with_bistro(NEWER).replace("secret_key:", f"{night}\nsecret_key:", 1)
        passed = await world.reconcile(text)
        assert [w.action.id for w in passed.planned.changeset.withheld] == ["rebuild template/base on one"]
        assert "clone instance/bistro" in done(passed)
        assert noted(world, "bistro", "made_of") == noted(world, "template_base", "made_of")
        assert names(world) == ["acme", "bistro", "template_base"]

    run(story())


@pytest.mark.parametrize(
    ("held", "codes"),
    [
        ("windows: [{verbs: [rebuild], from: '02:00', to: '03:00'}]", set()),
        ("windows: [{verbs: [rebuild], from: '02:00', to: '03:00'}]", {"instance/bistro"}),
        ("", set()),
    ],
    ids=["window", "window and by hand", "cannot be built"],
)
def test_while_a_new_version_waits_a_new_password_is_set_and_customers_are_cloned(held: str, codes: set[str]) -> None:
    async def story() -> None:
        world = await made()
        if not held:
            world.hosts["one"].faults.add(FaultSpec.parse("db.create_database:unique-violation"))
            await world.reconcile(NEWER)
        uuid = world.hosts["one"].databases["template_base"].uuid
        edited = with_bistro(NEWER).replace("parameters:", "admin_password: {derived: {generation: 2}}\nparameters:", 1)
        text = edited.replace("secret_key:", f"{held}\nsecret_key:", 1)
        passed = await world.reconcile(text, limits=Limits(Selection(addresses=frozenset(codes)), DEEP.depth))
        assert passed.ok, passed
        clone = ["rotate-password template/base", "clone instance/bistro"]
        assert done(passed) == ([*clone, "configure instance/acme"] if held and not codes else clone)
        assert world.hosts["one"].databases["template_base"].uuid == uuid
        assert noted(world, "bistro", "made_of") == noted(world, "template_base", "made_of")
        world.hosts["one"].faults.clear()
        await asyncio.sleep(timedelta(hours=7).total_seconds())
        opened = await world.reconcile(edited, limits=DEEP)
        assert "rebuild template/base" in done(opened), "a new password is nobody's work in it"
        assert (await world.plan(edited, limits=DEEP)).changeset.actions == ()

    run(story())


def test_an_edit_that_changes_more_than_is_allowed_replaces_no_template() -> None:
    async def story() -> None:
        world = await made()
        text = NEWER.replace("secret_key:", "safety: {max_changes: 0}\nsecret_key:", 1)
        changes = (await world.plan(text)).changeset
        assert changes.actions == ()
        assert "more than safety.max_changes (0)" in next(b.why for b in changes.blocked if b.kind == "template")

    run(story())


def test_who_is_named_by_hand_is_cloned_from_the_present_one_at_once() -> None:
    async def story() -> None:
        world = await made()
        by_hand = Limits(Selection(addresses=frozenset({"instance/bistro"})))
        passed = await world.reconcile(with_bistro(NEWER), limits=by_hand)
        assert (passed.ok, done(passed)) == (True, ["clone instance/bistro"])
        assert noted(world, "bistro", "made_of") == noted(world, "template_base", "made_of")
        assert done(await world.reconcile(with_bistro(NEWER))) == ["rebuild template/base", "configure instance/acme"]

    run(story())


def test_a_version_that_another_run_has_built_meanwhile_is_not_built_twice_but_by_a_command() -> None:
    async def story() -> None:
        world = await made()
        desired = read(NEWER)
        ports = world.world(desired, Process())
        planned = await plan(desired, ports, Limits())
        assert (await world.reconcile(NEWER)).ok
        uuid = world.hosts["one"].databases["template_base"].uuid
        first = (await carry_out(planned, desired, ports, Limits())).outcomes[0]
        told = "another run has built it meanwhile"
        assert (first.action.verb, first.result, first.detail) == (verbs.REBUILD, Result.DONE, told)
        assert world.hosts["one"].databases["template_base"].uuid == uuid
        by_hand = Limits(depth=DEEP.depth, replacing=Replacing("base", kind="template"))
        assert done(await world.reconcile(NEWER, limits=by_hand)) == ["rebuild template/base"]
        assert world.hosts["one"].databases["template_base"].uuid != uuid

    run(story())
