"""What a pass looks into beside what changed: on news of a host or account, for copies, in trash, on hosts that are alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.core.depths import Depth, Inspection, targets
from reconciler.core.diffs import support
from reconciler.core.model import names
from reconciler.core.model.inventory import NOTHING_REMEMBERED, PRUNES, Entry, Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import code_moves
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, desired, instance, observed, online, remembering, spec

HOUR = timedelta(hours=1)


def found(
    text: Desired,
    seen: Observed,
    memory: Inventory = NOTHING_REMEMBERED,
    selection: Selection = EVERYTHING,
    now: datetime = NOW,
    passed_over: frozenset[tuple[str, str]] = frozenset(),
) -> tuple[Inspection, ...]:
    return targets(text, seen, memory, now, Depth(passed_over=passed_over), selection)


def places(looks: tuple[Inspection, ...]) -> list[tuple[str, str]]:
    return [(each.server, each.database) for each in looks]


# News


def two_verified(states: Mapping[str, str]) -> list[str]:
    text = desired(instance("acme"), instance("beta"))
    memory = remembering(
        *(spec(text, each) for each in ("template/base", "instance/acme", "instance/beta")), states=states
    )
    seen = observed(online("one", lists=("acme", "beta", "template_base")))
    return [each.database for each in found(text, seen, memory, now=NOW + 2 * HOUR)]


def test_where_an_account_for_support_may_be_open_that_database_is_looked_into_however_lately_it_was() -> None:
    until = (NOW + HOUR).isoformat(timespec="seconds")
    assert two_verified({support.row_of("instance", "beta", "one"): until}) == ["beta"]
    assert two_verified({}) == []


def test_where_the_code_of_a_host_has_moved_since_all_that_is_there_is_looked_into() -> None:
    row = code_moves.row_of("one")
    assert two_verified({row: f"acme 0123456789abcdef {NOW + HOUR:%Y-%m-%dT%H:%M:%S+00:00}"}) == [
        "acme",
        "beta",
        "template_base",
    ]
    assert two_verified({row: f"acme 0123456789abcdef {NOW - HOUR:%Y-%m-%dT%H:%M:%S+00:00}"}) == []


# Hosts that list the same names


def test_what_was_never_seen_is_looked_into_on_a_host_that_lists_the_very_same_names_too() -> None:
    """Two servers of the text may be one host."""
    text = desired(instance("acme", server="one"), servers=("one", "two"))
    templates = [spec(text, "template/base", code) for code in ("one", "two")]
    seen = observed(*(online(code, lists=("acme", "template_base")) for code in ("one", "two")))

    def of_acme(memory: Inventory, *skipped: tuple[str, str]) -> list[tuple[str, str]]:
        looks = found(text, seen, memory, passed_over=frozenset(skipped))
        return [place for place in places(looks) if place[1] == "acme"]

    assert of_acme(remembering(*templates)) == [("one", "acme"), ("two", "acme")]
    assert of_acme(remembering(*templates), ("two", "acme")) == [("one", "acme")]
    assert of_acme(remembering(*templates, spec(text, "instance/acme"))) == []


# What is ended, and trash


def test_a_limited_run_looks_into_nothing_that_was_removed_and_no_trash_that_is_over() -> None:
    text = desired(instance("beta"), prune="true")
    of_acme = Entry("instance", "acme", "one", "acme", "", NOW)
    known = remembering(spec(text, "template/base"))
    memory = Inventory({**known.entries, ("instance", "acme", "one"): of_acme}, {PRUNES: "yes"})
    old = names.trash("acme", NOW - timedelta(days=31))
    seen = observed(online("one", lists=("acme", "beta", old, "template_base")))
    assert places(found(text, seen, memory)) == [("one", "acme"), ("one", "beta"), ("one", old)]
    assert places(found(text, seen, memory, Selection(frozenset({"instance/beta"})))) == [("one", "beta")]


def test_trash_of_a_former_name_is_opened_as_the_former_account_too() -> None:
    name = names.trash("old-acme", NOW - HOUR)
    text = desired(instance("acme", renamed_from="old-acme"))
    (look,) = found(text, observed(online("one", lists=(name,))))
    assert (look.database, look.spec.code, look.former_code) == (name, "acme", "old-acme")


def test_the_trash_of_a_template_is_looked_into_on_the_server_where_it_is() -> None:
    text = desired(servers=("one", "two", "three"))
    here, there = (names.trash("template_base", NOW - hours * HOUR) for hours in (1, 2))
    seen = observed(online("one", lists=(here,)), online("two", lists=(there,)), online("three"))
    looks = found(text, seen)
    assert places(looks) == [("one", here), ("two", there)]
    assert [each.spec.server for each in looks] == ["one", "two"]


# What copies are made of


def copy(code: str, of: str, server: str) -> str:
    return f"kind: instance\ncode: {code}\nclone_of: {of}\nplan: starter\nserver: {server}\n"


SERVERS = ("one", "two")


def test_each_copy_that_is_not_there_yet_has_its_own_source_looked_into_whatever_another_needs() -> None:
    """The first is on the server of its source, and needs nothing; each of the others needs a source of its own."""
    copies = copy("aaa", "acme", "one"), copy("bbb", "acme", "two"), copy("ccc", "beta", "two")
    sources = instance("acme", server="one"), instance("beta", server="one")
    text = desired(*copies, *sources, servers=SERVERS)
    assert next(iter(text.instances)) == "aaa", "what needs nothing hides nothing that comes after it"
    specs = [spec(text, "template/base", code) for code in SERVERS]
    specs += [spec(text, f"instance/{code}") for code in ("acme", "beta")]
    seen = observed(online("one", lists=("acme", "beta", "template_base")), online("two", lists=("template_base",)))
    looks = found(text, seen, remembering(*specs))
    assert places(looks) == [("one", "acme"), ("one", "beta"), ("two", "template_base")]
    assert all(each.moves for each in looks)


def test_what_is_copied_under_its_former_name_is_opened_as_the_former_account() -> None:
    source = instance("acme", server="one", renamed_from="old-acme")
    text = desired(source, copy("copy", "acme", "two"), servers=SERVERS)
    seen = observed(online("one", lists=("old-acme", "template_base")), online("two", lists=("template_base",)))
    only = Selection(frozenset({"instance/copy"}))
    looks = found(text, seen, remembering(*(spec(text, "template/base", code) for code in SERVERS)), only)
    assert [(t.server, t.database, t.former_code) for t in looks if t.spec.kind == "instance"] == [
        ("one", "old-acme", "old-acme")
    ]
