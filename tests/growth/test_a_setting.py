"""A setting that is added from outside is read, built, kept, written and shown everywhere, without an edit anywhere else."""

from __future__ import annotations

import json

import pytest
from pydantic import Field

from reconciler.core.model.actions import FieldChange
from reconciler.core.model.settings import ADMIN, COMPANY, SETTINGS, Setting
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.fleet_reference import render_fleet_reference
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_json import plan_document
from reconciler.reports.plan_text import render_plan
from reconciler.reports.status import status
from reconciler.reports.status_json import status_document
from schemas.instance import Instance
from schemas.json_schema import json_schema
from schemas.kinds import KINDS
from schemas.texts import Line
from tests.core.scenes import desired, spec
from tests.harness.universe import Universe, fleet, instance, read, universe
from tests.harness.virtual_time import EPOCH, run


class Described(Instance):
    """An instance as it will be when it can declare two things more."""

    signature: Line | None = Field(default=None, description="What the admin signs with.", examples=["Yours, Acme"])
    currency: Line | None = Field(default=None, description="Currency of the company.", examples=["EUR"])


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let instances declare how the admin signs, and the currency of their company, which is another record."""
    monkeypatch.setitem(KINDS, "instance", Described)
    monkeypatch.setitem(SETTINGS, "signature", Setting("signature", ADMIN, "signature"))
    currency = Setting("currency", COMPANY, "currency_id", model="res.currency", key="name", noun="currency")
    monkeypatch.setitem(SETTINGS, "currency", currency)


def text(**fields: object) -> str:
    return fleet(instance("acme", **fields))


def made(**fields: object) -> Universe:
    world = universe()
    assert run(world.reconcile(text(**fields))).ok
    return world


def seen(world: Universe) -> tuple[object, object]:
    """What Odoo has: the admin's signature, and the name of the company's currency."""
    database = world.hosts["one"].databases["acme"]
    admin = database.rows("res.users")[database.reference("base.user_admin") or 0]
    company = database.rows("res.company")[database.reference("base.main_company") or 0]
    return admin.get("signature"), database.rows("res.currency")[company["currency_id"]]["name"]


def test_it_is_given_at_the_build_and_written_into_what_is_in_service() -> None:
    world = made(signature="Yours", currency="USD")
    assert seen(world) == ("Yours", "USD")
    passed = run(world.reconcile(text(signature="Ours", currency="EUR")))
    assert passed.ok
    assert seen(world) == ("Ours", "EUR")
    assert not run(world.plan(text(signature="Ours", currency="EUR"))).changeset.actions


def test_what_drifted_is_put_right_and_what_is_not_declared_is_left_alone() -> None:
    world = made(signature="Yours")
    database = world.hosts["one"].databases["acme"]
    database.update("res.users", database.reference("base.user_admin") or 0, {"signature": "Mine"})
    wanted = spec(read(text(signature="Yours")), "instance/acme")
    assert world.memory is not None
    world.memory.clear("instance", "acme", "one")
    (action,) = run(world.plan(text(signature="Yours"))).changeset.actions
    assert action.changes == (FieldChange("signature", "Mine", wanted.settings["signature"]),)
    assert run(world.reconcile(text())).ok
    assert seen(world)[0] == "Mine"


def test_plans_of_all_forms_tell_it() -> None:
    world, after = made(signature="Yours"), text(signature="Ours")
    planned = run(world.plan(after))
    fleet_, changes = read(after), planned.changeset
    assert "signature" in render_plan(changes, fleet_, Paper())
    assert "`Ours`" in render_changeset_markdown(changes, fleet_)
    (action,) = json.loads(json.dumps(plan_document(changes, "demo")))["actions"]
    assert {"field": "signature", "observed": "Yours", "desired": "Ours"} in action["changes"]
    found = status(fleet_, planned.observed, planned.inventory, changes, EPOCH)
    declared = fleet_.instances["acme"].model_dump(mode="json")
    assert status_document(found, ["instances"], declared)["instances"][0]["declared"]["signature"] == "Ours"


def test_what_odoo_does_not_know_is_refused_in_its_words() -> None:
    passed = run(made().reconcile(text(currency="XXX")))
    (outcome,) = passed.outcomes
    assert "Odoo knows no currency 'XXX'" in outcome.detail


def test_schema_documentation_and_defaults_have_it() -> None:
    assert "signature" in json_schema("instance")["properties"]
    assert "| `signature` |" in render_fleet_reference()
    everywhere = desired(instance("acme"), defaults="{instance: {signature: All of us}}")
    assert spec(everywhere, "instance/acme").settings == {"signature": "All of us"}


def test_a_digest_changes_only_where_it_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = spec(read(text()), "instance/acme").digest()
    assert spec(read(text(signature="Yours")), "instance/acme").digest() != plain
    monkeypatch.delitem(SETTINGS, "signature")
    assert spec(read(text()), "instance/acme").digest() == plain
