"""What a run is limited to: documents that are named, and those that bear all the labels."""

from __future__ import annotations

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.names import building
from reconciler.core.model.selection import EVERYTHING, Selection
from tests.core.scenes import NOW, desired, instance, observed, online

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


BUILD, FORMER_BUILD = building("beta", NOW, "xxxxx"), building("b0", NOW, "zzzzz")
TEMPLATE_BUILD = building("template_base", NOW, "yyyyy")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("instance/beta", [("one", FORMER_BUILD), ("two", BUILD)]),
        ("instance/alpha", []),
        ("template/base", [("one", TEMPLATE_BUILD)]),
        ("server/two", [("two", BUILD), ("two", "suspended.gone")]),
    ],
)
def test_what_is_left_alone_is_told_of_what_was_selected_only(address: str, said: list[tuple[str, str]]) -> None:
    fleet = desired(instance("alpha"), instance("beta", renamed_from="b0"), servers=("one", "two"))
    seen = observed(online("one", lists=(FORMER_BUILD, TEMPLATE_BUILD)), online("two", lists=("suspended.gone", BUILD)))
    whole = diff(fleet, seen, NOTHING_REMEMBERED, NOW).left_alone
    assert len(whole) == 4
    some = diff(fleet, seen, NOTHING_REMEMBERED, NOW, Selection(frozenset({address}))).left_alone
    assert [(each.server, each.database) for each in some] == said
