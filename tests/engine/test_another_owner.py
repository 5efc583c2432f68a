"""A text that names another owner, none any more or one now: who gets what, and what the plan says of it."""

from collections.abc import Mapping

import pytest

from reconciler.core.deciding import Planned
from reconciler.core.model.actions import Reason
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from tests.harness.universe import Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

OLD = "{name: Old, login: old@acme.test}"
NEW = "{name: New, login: new@acme.test}"


def acme(**fields: object) -> str:
    return fleet(instance("acme", server="one", **fields))


def said(planned: Planned, text: str) -> str:
    return " ".join(render_plan(planned.changeset, read(text), Paper(width=300)).split())


async def made(fields: Mapping[str, object], *, store: bool = True) -> Universe:
    world = universe(store=store)
    assert (await world.reconcile(acme(**fields))).ok
    return world


def logins(world: Universe) -> set[str]:
    database = next(d for name, d in world.hosts["one"].databases.items() if name.endswith("acme"))
    return {str(row["login"]) for row in database.tables["res.users"].rows.values()}


@pytest.mark.parametrize("state", ["active", "suspended"])
@pytest.mark.parametrize(
    ("before", "after"), [({"owner": OLD}, {"owner": NEW}), ({"owner": OLD}, {}), ({}, {"owner": NEW})]
)
@pytest.mark.parametrize("store", [True, False])
def test_a_text_that_differs_in_the_owner_alone_gets_nothing_however_often_it_is_tried(
    before: dict[str, str], after: dict[str, str], state: str, *, store: bool
) -> None:
    async def story() -> None:
        world = await made({**before, "state": state}, store=store)
        await world.reconcile(fleet())
        text = acme(**after)
        for _ in range(3):
            passed = await world.reconcile(text)
            assert passed.outcomes == ()
            (blocked,) = (await world.plan(text)).changeset.blocked
            assert "adopt: {}" in blocked.advice
        assert (await world.reconcile(acme(adopt="{}", **after))).ok
        assert (await world.plan(text)).changeset.is_converged

    run(story())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"owner": NEW}, "owner: nobody → new@acme.test (no account is made, and nobody's login changes)"),
        ({"owner": OLD}, {}, "owner: old@acme.test → nobody (no account goes, and nobody's login changes)"),
    ],
)
def test_one_that_a_living_customer_gets_or_loses_in_the_text_is_told_once_and_holds_nothing_back(
    before: dict[str, str], after: dict[str, str], told: str
) -> None:
    async def story() -> None:
        world = await made(before)
        had, text = logins(world), acme(company="Acme NV", **after)
        planned = await world.plan(text)
        assert [a.reason for a in planned.changeset.actions] == [Reason.CHANGED]
        assert told in said(planned, text)
        assert (await world.reconcile(text)).ok
        assert logins(world) == had
        assert (await world.plan(text)).changeset.is_converged
        world.memory = None
        assert (await world.plan(text)).changeset.is_converged, "a store that is lost brings no new question"

    run(story())


def test_whom_a_database_was_made_for_is_not_forgotten_by_way_of_a_text_without_an_owner() -> None:
    async def story() -> None:
        world = await made({"owner": OLD})
        assert (await world.reconcile(acme())).ok
        (blocked,) = (await world.plan(acme(owner=NEW))).changeset.blocked
        assert "acme was made for owner old@acme.test: its text named another owner then" in blocked.why

    run(story())


def test_an_owner_is_told_by_the_login_alone() -> None:
    async def story() -> None:
        world = await made({"owner": OLD})
        world.memory = None
        renamed = acme(owner="{name: Old and Sons, login: old@acme.test, lang: fr_BE}")
        assert (await world.plan(renamed)).changeset.is_converged

    run(story())


def test_an_adoption_says_that_an_orphan_is_taken_over_and_that_the_owner_is_not_made() -> None:
    async def story() -> None:
        world = await made({"owner": OLD, "company": "Old Acme"})
        await world.reconcile(fleet())
        text = acme(owner=NEW, company="New Acme", adopt="{}")
        had, planned = logins(world), await world.plan(text)
        assert [a.reason for a in planned.changeset.actions] == [Reason.ADOPTED]
        shown = said(planned, text)
        assert "an earlier document left it behind: taken over with all that is in it, as `adopt` says" in shown
        assert "owner: old@acme.test → new@acme.test (no account is made, and nobody's login changes)" in shown
        page = render_changeset_markdown(planned.changeset, read(text))
        assert "taken over with all that is in it" in page
        assert "no account is made, and nobody's login changes" in page
        await world.reconcile(text)
        assert logins(world) == had

    run(story())


def test_without_an_owner_the_sentence_is_whole() -> None:
    async def story() -> None:
        world = await made({"company": "Old Acme"})
        await world.reconcile(fleet())
        (blocked,) = (await world.plan(acme(company="New Acme"))).changeset.blocked
        assert blocked.why == "acme was made without an owner: an earlier document of this code left it behind"

    run(story())
