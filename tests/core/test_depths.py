"""Which databases are worth a login: what changed, what was never verified, and a few of the long unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.core.depths import Depth, targets
from reconciler.core.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.selection import EVERYTHING, Selection
from tests.core.scenes import NOW, desired, instance, observed, offline, online, remembering, spec

CODES = ("alpha", "beta", "delta", "gamma")
FLEET = desired(*(instance(code) for code in CODES))
LISTED = observed(online("one", lists=("template_base", *CODES, "shop", "Bad Name!", "suspended.ghost")))
SPECS = [spec(FLEET, "template/base"), *(spec(FLEET, f"instance/{code}") for code in CODES)]
KNOWN = remembering(*SPECS)


def looked_at(inventory: Inventory, depth: Depth | None = None, later: timedelta = timedelta(0)) -> list[str]:
    found = targets(FLEET, LISTED, inventory, NOW + later, depth or Depth(), EVERYTHING)
    return [t.database for t in found]


def test_what_was_never_verified_is_looked_at_and_nothing_foreign() -> None:
    assert looked_at(NOTHING_REMEMBERED) == [*CODES, "template_base"]


def test_what_was_verified_as_it_is_declared_now_is_not_looked_at() -> None:
    assert looked_at(KNOWN) == []
    assert looked_at(KNOWN, later=timedelta(hours=24)) == []


def test_what_changed_in_the_text_since_is_looked_at() -> None:
    entries = dict(KNOWN.entries)
    key = ("instance", "beta", "one")
    entries[key] = replace(entries[key], digest="of an earlier text")
    assert looked_at(Inventory(entries)) == ["beta"]


def test_a_record_that_was_cleared_before_a_write_is_looked_at() -> None:
    assert looked_at(remembering(*SPECS, digest="")) == [*CODES, "template_base"]


def test_old_verifications_come_round_oldest_first_and_a_few_at_a_time() -> None:
    entries = {
        key: replace(entry, verified_at=NOW - timedelta(hours=number))
        for number, (key, entry) in enumerate(KNOWN.entries.items())
    }
    seen = looked_at(Inventory(entries), Depth(rotation_per_host=2), later=timedelta(hours=25))
    assert seen == ["delta", "gamma"]
    assert len(looked_at(Inventory(entries), later=timedelta(hours=25))) == Depth().rotation_per_host


def test_a_change_is_looked_at_whatever_the_rotation_allows() -> None:
    assert len(looked_at(NOTHING_REMEMBERED, Depth(rotation_per_host=0))) == len(SPECS)


def test_a_shallow_run_looks_at_nothing() -> None:
    assert looked_at(NOTHING_REMEMBERED, Depth(shallow=True)) == []


def test_suspended_and_switching_forms_are_looked_at_under_their_own_names() -> None:
    seen = observed(online("one", lists=("suspended.alpha", "switching.beta", "trash-261124110000.gamma")))
    found = targets(FLEET, seen, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == ["suspended.alpha", "switching.beta"]


def test_a_database_under_its_former_name_is_always_looked_at_as_the_former_account() -> None:
    renamed = desired(instance("acme", renamed_from="old-acme"))
    seen = observed(online("one", lists=("old-acme",)))
    inventory = remembering(spec(renamed, "instance/acme"))
    found = targets(renamed, seen, inventory, NOW, Depth(), EVERYTHING)
    assert [(t.database, t.former_code) for t in found] == [("old-acme", "old-acme")]


def test_absent_instances_and_offline_hosts_are_not_looked_at() -> None:
    absent = desired(instance("alpha", state="absent"))
    assert targets(absent, LISTED, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING) == targets(
        desired(), LISTED, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING
    )
    assert targets(FLEET, observed(offline("one")), NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING) == ()


def test_a_limited_run_looks_at_what_is_selected_and_at_its_template() -> None:
    selection = Selection(frozenset({"instance/beta"}))
    found = targets(FLEET, LISTED, NOTHING_REMEMBERED, NOW, Depth(), selection)
    assert [t.database for t in found] == ["beta", "template_base"]
