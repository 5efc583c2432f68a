"""Edits of the text that change nothing in a database in service: the plan says so, once, and what is done instead."""

import pytest

from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from tests.harness.universe import Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

OTHER = """\
kind: template
code: other
template_db: template_other
server: one
modules: [base, web, mail]
"""


def acme(**fields: object) -> str:
    return fleet(OTHER, instance("acme", server="one", **fields))


async def told_once(world: Universe, text: str) -> str:
    """Apply an edit that is to be told once, and return what the plan said of it."""
    planned = await world.plan(text)
    said = " ".join(render_plan(planned.changeset, read(text), Paper(width=300)).split())
    assert (await world.reconcile(text)).ok
    assert (await world.plan(text)).changeset.is_converged
    world.memory = None
    assert (await world.plan(text)).changeset.is_converged
    return said


async def made(**fields: object) -> Universe:
    world = universe()
    assert (await world.reconcile(acme(**fields))).ok
    return world


def test_another_template_clones_nothing_anew() -> None:
    async def story() -> None:
        world = await made()
        text = acme().replace("template: base\nplan", "template: other\nplan")
        assert "template: base → other (what was cloned stays; only its modules and parameters" in await told_once(
            world, text
        )

    run(story())


def test_a_module_that_the_text_no_longer_names_stays_and_the_plan_says_how_it_goes() -> None:
    async def story() -> None:
        world = await made(modules="[contacts]")
        said = await told_once(world, acme())
        stays = "no longer declared (it stays, with its data; `modules_absent` uninstalls it)"
        assert f"modules.contacts: installed → {stays}" in said
        assert "ownership mark" not in said
        assert world.hosts["one"].databases["acme"].modules()["contacts"] == "installed"

    run(story())


def test_a_parameter_that_the_text_no_longer_names_stays() -> None:
    async def story() -> None:
        world = await made(parameters='{"a.b": "1"}')
        said = await told_once(world, acme())
        assert "nothing in the database differs: only the note of what was applied is written anew" in said

    run(story())


@pytest.mark.parametrize("store", [True, False])
def test_neutralize_on_a_database_in_service_is_not_believed(*, store: bool) -> None:
    """Who believes it lets a copy of a customer's database mail that customer's customers."""

    async def story() -> None:
        world = await made()
        if not store:
            world.memory = None
        before = world.hosts["one"].databases["acme"].revision
        for _ in range(2):
            passed = await world.reconcile(acme(neutralize="true", company="Acme NV"))
            (blocked,) = passed.planned.changeset.blocked
            assert "acme is not neutralized, which is done only while a database is built" in blocked.why
            assert "take `neutralize` out again" in blocked.advice
        assert world.hosts["one"].databases["acme"].revision == before
        assert (await world.reconcile(acme(company="Acme NV"))).ok

    run(story())


def test_a_clone_that_was_neutralized_stays_so() -> None:
    async def story() -> None:
        world = await made(neutralize="true")
        assert (await world.plan(acme(neutralize="true"))).changeset.is_converged
        assert "neutralize: true → false (it stays neutralized" in await told_once(world, acme())

    run(story())
