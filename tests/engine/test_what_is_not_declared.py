"""What a text leaves out is given to a database once, at its build; from then on it is the customer's to change."""

import pytest

from reconciler.core.model.actions import FieldChange
from reconciler.simulator.databases import SimulatedDatabase
from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import run

OWNER = "{name: Boss, login: boss@acme.example}"
SPEAKING = ("modules: [base, web, mail]", "lang: fr_BE\ncountry_code: BE\nmodules: [base, web, mail]")
LUXEMBOURGISH = ("modules: [base, web, mail]", "lang: de_DE\ncountry_code: LU\nmodules: [base, web, mail]")
VERSIONS = ("19.0", "14.0")


def text(*documents: str, version: str = "19.0", template: tuple[str, str] = SPEAKING) -> str:
    return fleet(*documents, servers={"one": version}).replace(*template)


def partner_of(database: SimulatedDatabase, login: str) -> int:
    user = database.user(login)
    assert user is not None
    partner: int = user["partner_id"]
    return partner


def seen(database: SimulatedDatabase, login: str = "admin") -> dict[str, str]:
    company = database.rows("res.company")[1]
    country = database.rows("res.country").get(company["country_id"] or 0)
    return {
        "company": company["name"],
        "country": country["code"] if country else "",
        "lang": database.rows("res.partner")[partner_of(database, login)]["lang"],
    }


def make_it_their_own(database: SimulatedDatabase) -> dict[str, str]:
    """Change what a customer changes in the settings: name and country of the company, languages, the admin's language."""
    for code in ("nl_BE", "de_DE"):
        database.update("res.lang", next(database.matching("res.lang", code=code))["id"], {"active": True})
    country = next(database.matching("res.country", code="NL"))["id"]
    database.update("res.company", 1, {"name": "First Trading Ltd", "country_id": country})
    database.update("res.partner", partner_of(database, "admin"), {"lang": "nl_BE"})
    database.update("res.partner", partner_of(database, "boss@acme.example"), {"lang": "de_DE"})
    database.update("res.lang", next(database.matching("res.lang", code="fr_BE"))["id"], {"active": False})
    return seen(database)


async def built(world: Universe, whole: str) -> SimulatedDatabase:
    passed = await world.reconcile(whole)
    assert passed.ok, [str(o) for o in passed.outcomes]
    return world.hosts["one"].databases["acme"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_database_is_born_with_the_instances_name_and_what_its_template_has(version: str) -> None:
    async def story() -> None:
        whole = text(instance("acme", name="Acme of Ghent", owner=OWNER), version=version)
        acme = await built(universe({"one": version}), whole)
        assert seen(acme) == {"company": "Acme of Ghent", "country": "BE", "lang": "fr_BE"}
        assert seen(acme, "boss@acme.example")["lang"] == "fr_BE"

    run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_customer_makes_of_what_is_not_declared_is_left_alone(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version}, store=False)
        whole = text(instance("acme", name="Acme of Ghent", owner=OWNER), version=version)
        acme = await built(world, whole)
        theirs = make_it_their_own(acme)
        assert (await world.plan(whole)).changeset.is_converged
        more = text(instance("acme", modules="[contacts]", owner=OWNER), version=version)
        assert (await world.reconcile(more)).ok
        assert "contacts" in acme.installed()
        assert seen(acme) == theirs

    run(story())


def test_what_is_declared_is_put_right() -> None:
    async def story() -> None:
        world = universe(store=False)
        whole = text(instance("acme", company="Acme SA", country_code="LU", lang="fr_BE", owner=OWNER))
        acme = await built(world, whole)
        make_it_their_own(acme)
        (action,) = (await world.plan(whole)).changeset.actions
        assert action.changes == (
            FieldChange("company", "First Trading Ltd", "Acme SA"),
            FieldChange("country_code", "NL", "LU"),
            FieldChange("lang", "nl_BE", "fr_BE"),
            FieldChange("languages.fr_BE", "not active", "active"),
        )
        assert (await world.reconcile(whole)).ok
        assert seen(acme) == {"company": "Acme SA", "country": "LU", "lang": "fr_BE"}

    run(story())


def test_a_default_of_the_fleet_is_declared_and_put_right() -> None:
    async def story() -> None:
        world = universe(store=False)
        defaults = "defaults: {instance: {company: Everyone SA}}"
        whole = text(instance("acme", owner=OWNER)).replace("code: demo\n", f"code: demo\n{defaults}\n", 1)
        acme = await built(world, whole)
        make_it_their_own(acme)
        (action,) = (await world.plan(whole)).changeset.actions
        assert action.changes == (FieldChange("company", "First Trading Ltd", "Everyone SA"),)

    run(story())


def test_a_template_is_kept_and_what_it_gives_at_the_build_is_not_written_into_its_clones_later() -> None:
    async def story() -> None:
        world = universe()
        acme = await built(world, text(instance("acme", owner=OWNER)))
        other = text(instance("acme", owner=OWNER), instance("beta"), template=LUXEMBOURGISH)
        passed = await world.reconcile(other)
        assert passed.ok
        assert [(o.action.verb, o.action.address) for o in passed.outcomes] == [
            ("rebuild", "template/base"),
            ("clone", "instance/beta"),
        ]
        databases = world.hosts["one"].databases
        assert seen(databases["template_base"]) | {"company": ""} == {"company": "", "country": "LU", "lang": "de_DE"}
        assert seen(databases["beta"]) == {"company": "beta", "country": "LU", "lang": "de_DE"}
        assert seen(acme) == {"company": "acme", "country": "BE", "lang": "fr_BE"}
        databases["template_base"].update(
            "res.partner", partner_of(databases["template_base"], "admin"), {"lang": "fr_BE"}
        )
        world.memory = None
        (action,) = (await world.plan(other)).changeset.actions
        assert (action.address, action.changes) == ("template/base", (FieldChange("lang", "fr_BE", "de_DE"),))

    run(story())


def test_what_is_declared_later_is_written_then() -> None:
    async def story() -> None:
        world = universe()
        acme = await built(world, text(instance("acme", owner=OWNER)))
        make_it_their_own(acme)
        assert (await world.reconcile(text(instance("acme", owner=OWNER, company="Acme SA")))).ok
        assert seen(acme) == {"company": "Acme SA", "country": "NL", "lang": "nl_BE"}
        assert (await world.reconcile(text(instance("acme", owner=OWNER)))).ok
        assert seen(acme)["company"] == "Acme SA"

    run(story())
