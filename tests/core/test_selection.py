"""What a run is limited to: documents that are named, and those that bear all the labels."""

from __future__ import annotations

from reconciler.core.selection import EVERYTHING, Selection
from tests.core.scenes import desired, instance

FLEET = desired(
    instance("acme", labels="{tier: gold, region: eu}"), instance("beta", labels="{tier: gold}"), instance("gamma")
)


def selected(selection: Selection) -> set[str]:
    return {i.code for i in FLEET.instances.values() if selection.includes(i)}


def test_nothing_given_selects_everything() -> None:
    assert EVERYTHING.is_everything
    assert selected(EVERYTHING) == {"acme", "beta", "gamma"}


def test_documents_are_selected_by_address_kind_included() -> None:
    assert selected(Selection(frozenset({"instance/acme"}))) == {"acme"}
    assert selected(Selection(frozenset({"template/acme"}))) == set()


def test_a_document_must_bear_all_labels() -> None:
    assert selected(Selection(labels=(("tier", "gold"),))) == {"acme", "beta"}
    assert selected(Selection(labels=(("tier", "gold"), ("region", "eu")))) == {"acme"}
    assert selected(Selection(labels=(("tier", "silver"),))) == set()


def test_addresses_and_labels_add_up() -> None:
    assert selected(Selection(frozenset({"instance/gamma"}), (("region", "eu"),))) == {"acme", "gamma"}


def test_a_template_concerns_a_run_that_selects_one_of_its_instances() -> None:
    template = FLEET.templates["base"]
    assert Selection(frozenset({"instance/acme"})).concerns_template(FLEET, template)
    assert Selection(frozenset({"template/base"})).concerns_template(FLEET, template)
    assert not Selection(frozenset({"server/one"})).concerns_template(FLEET, template)
    assert not Selection(frozenset({"server/one"})).includes(template)
