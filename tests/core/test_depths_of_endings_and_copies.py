"""What is looked into before it ends, is dropped, or is copied."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.core.depths import Depth, Inspection, targets
from reconciler.core.model import names
from reconciler.core.model.inventory import NOTHING_REMEMBERED, PRUNES, Entry, Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, desired, instance, observed, offline, online, remembering, spec

PRUNED = desired(instance("beta"), prune="true")
OF_ACME = Entry("instance", "acme", "one", "acme", "", NOW)
REMOVED = Inventory(
    {("instance", "acme", "one"): OF_ACME, **remembering(spec(PRUNED, "instance/beta")).entries}, {PRUNES: "yes"}
)
OLD, YOUNG = (names.trash("acme", NOW - timedelta(days=days)) for days in (31, 29))


def looked_into(text: Desired, seen: Observed, memory: Inventory, *skipped: tuple[str, str]) -> dict[str, Inspection]:
    found = targets(text, seen, memory, NOW, Depth(passed_over=frozenset(skipped)), EVERYTHING)
    return {each.database: each for each in found if each.database != "template_base"}


@pytest.mark.parametrize("form", ["acme", "suspended.acme"])
def test_what_a_removed_document_had_is_looked_into_as_its_account_before_it_ends(form: str) -> None:
    (target,) = looked_into(PRUNED, observed(online("one", lists=(form, "beta"))), REMOVED).values()
    assert (target.server, target.database, target.is_gone) == ("one", form, True)
    assert (target.spec.kind, target.spec.code, target.spec.target) == ("instance", "acme", "acme")
    assert looked_into(PRUNED, observed(online("one", lists=(form, "beta"))), REMOVED, ("one", form)) == {}
    assert looked_into(PRUNED, observed(offline("one")), REMOVED) == {}


def test_trash_past_its_retention_is_looked_into_as_whoever_may_have_owned_it() -> None:
    seen = observed(online("one", lists=(OLD, YOUNG, "beta")), online("gone", lists=(OLD,)))
    (target,) = looked_into(PRUNED, seen, REMOVED).values()
    assert (target.server, target.database, target.is_gone) == ("one", OLD, False)
    assert (target.spec.kind, target.spec.code) == ("instance", "acme"), "whom memory names comes first"
    assert target.builders[0] == target.spec
    assert len(target.builders) > 1
    assert looked_into(PRUNED, seen, REMOVED, ("one", OLD)) == {}


COPY = "kind: instance\ncode: copy\nclone_of: acme\nplan: starter\nserver: {server}\n"
RHYTHM = 'refresh: "0 4 * * 1"\n'


def of_a_copy(
    server: str, *lists: str, rhythm: str = "", known: tuple[str, ...] = ("acme",), chosen: Selection = EVERYTHING
) -> set[tuple[str, str, bool]]:
    """What is looked into on which host, and whether its versions are read, where all but the copy was verified just now."""
    text = desired(instance("acme", server="one"), (COPY + rhythm).format(server=server), servers=("one", "two"))
    here = {"one": ["acme", "template_base"], "two": ["template_base"]}
    here[server] += lists
    seen = observed(*(online(code, lists=names) for code, names in here.items()))
    specs = [spec(text, "template/base", code) for code in here]
    specs += [spec(text, f"instance/{code}", server if code == "copy" else "one") for code in known]
    found = targets(text, seen, remembering(*specs), NOW, Depth(), chosen)
    return {(each.server, each.database, each.moves) for each in found}


def test_of_a_copy_that_is_not_there_yet_the_source_is_looked_into_where_it_is_on_another_server() -> None:
    assert of_a_copy("two") == {("one", "acme", True), ("two", "template_base", True)}
    assert of_a_copy("one") == set()
    assert of_a_copy("one", rhythm=RHYTHM) == set()


def test_of_a_copy_that_is_looked_into_so_is_its_source_if_it_has_a_rhythm_or_is_elsewhere() -> None:
    assert of_a_copy("one", "copy") == {("one", "copy", False)}
    assert of_a_copy("one", "copy", rhythm=RHYTHM) == {("one", "copy", False), ("one", "acme", False)}
    assert of_a_copy("two", "copy") == {("two", "copy", False), ("one", "acme", True), ("two", "template_base", True)}


def test_of_a_copy_that_was_verified_lately_nothing_is_looked_into() -> None:
    both = ("acme", "copy")
    assert of_a_copy("two", "copy", known=both) == set()
    assert of_a_copy("one", "copy", known=both) == set()


def test_a_run_that_is_limited_to_others_looks_into_no_source() -> None:
    assert of_a_copy("two", chosen=Selection(frozenset({"instance/acme"}))) == set()
    assert of_a_copy("two", chosen=Selection(frozenset({"instance/copy"}))) == of_a_copy("two")


def test_nothing_is_looked_into_on_a_host_of_no_server() -> None:
    seen = observed(online("one", lists=("beta",)), online("gone", lists=(OLD,)))
    assert looked_into(PRUNED, seen, NOTHING_REMEMBERED).keys() == {"beta"}
