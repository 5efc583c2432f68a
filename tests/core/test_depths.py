"""Which databases are worth a login: what changed, what was never verified, and a few of the long unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.core.depths import Depth, targets
from reconciler.core.model import names
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.fleet.desired import Desired
from schemas.references import DerivedSecret
from tests.core.scenes import (
    EXPIRED,
    FRESH,
    NOW,
    changed,
    desired,
    instance,
    observed,
    offline,
    online,
    remembering,
    spec,
)
from tests.harness.universe import fleet, read

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
    seen = observed(online("one", lists=("suspended.alpha", "switching.beta", "trash-261124110000.beta")))
    found = targets(FLEET, seen, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == ["suspended.alpha", "switching.beta"]


def test_trash_is_looked_at_while_what_may_be_wanted_back_is_missing_and_when_its_time_is_over() -> None:
    young, old = (names.trash("gamma", NOW - timedelta(days=days)) for days in (29, 31))
    missing = observed(online("one", lists=(young,)))
    found = targets(FLEET, missing, remembering(*SPECS), NOW, Depth(), EVERYTHING)
    assert [(t.database, t.builders) for t in found] == [(young, ())]
    there = observed(online("one", lists=("gamma", young, old)))
    found = targets(FLEET, there, remembering(*SPECS), NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == [old]
    assert targets(FLEET, there, NOTHING_REMEMBERED, NOW, Depth(shallow=True), EVERYTHING) == ()


def test_a_database_under_its_former_name_is_always_looked_at_as_the_former_account() -> None:
    renamed = desired(instance("acme", renamed_from="old-acme"))
    seen = observed(online("one", lists=("old-acme",)))
    inventory = remembering(spec(renamed, "instance/acme"))
    found = targets(renamed, seen, inventory, NOW, Depth(), EVERYTHING)
    assert [(t.database, t.former_code) for t in found] == [("old-acme", "old-acme")]


def test_what_is_to_be_ended_is_looked_at_first_and_in_the_trash_once() -> None:
    absent = desired(instance("alpha", state="absent"))
    memory, trash = remembering(spec(absent, "instance/alpha")), names.trash("alpha", NOW)
    for listed, inventory, looks in (
        ("alpha", memory, ["alpha"]),
        (trash, NOTHING_REMEMBERED, [trash]),
        (trash, memory, []),
    ):
        seen = observed(online("one", lists=(listed,)))
        found = targets(absent, seen, inventory, NOW, Depth(), EVERYTHING)
        assert [t.database for t in found] == looks


def test_offline_hosts_are_not_looked_at() -> None:
    assert targets(FLEET, observed(offline("one")), NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING) == ()


def test_a_limited_run_looks_at_what_is_selected_and_at_its_template() -> None:
    selection = Selection(frozenset({"instance/beta"}))
    found = targets(FLEET, LISTED, NOTHING_REMEMBERED, NOW, Depth(), selection)
    assert [t.database for t in found] == ["beta", "template_base"]


# What an earlier plan looked at


def test_what_an_earlier_plan_looked_at_is_looked_at_again_and_what_it_passed_over_is_not() -> None:
    """Whatever memory says, and however due it has become: the plan that was approved is made again."""
    depth = Depth(again=frozenset({("one", "beta"), ("two", "alpha")}), passed_over=frozenset({("one", "gamma")}))
    assert looked_at(KNOWN, depth) == ["beta"]
    assert looked_at(NOTHING_REMEMBERED, depth) == ["alpha", "beta", "delta", "template_base"]
    assert looked_at(KNOWN, Depth(passed_over=depth.passed_over), later=timedelta(days=9)) == ["alpha", "beta", "delta"]


# Builds that were left behind


def builders(text: Desired, *lists: str, server: str = "one", depth: Depth | None = None) -> dict[str, list[str]]:
    """Name by database the accounts as which what is listed is looked at, in order."""
    seen = observed(online(server, lists=lists))
    found = targets(text, seen, NOTHING_REMEMBERED, NOW, depth or Depth(), EVERYTHING)
    return {t.database: [f"{b.kind}/{b.code}" for b in t.builders or (t.spec,)] for t in found}


OTHER = "kind: template\ncode: other\ntemplate_db: template_other\nservers: [two]\n"
BUILD_OF_BASE = names.building("template_base", NOW - timedelta(hours=3), "ccccc")


def test_an_abandoned_build_is_looked_at_as_its_document_and_as_each_template_of_its_server() -> None:
    """A clone answers to its template until it gets credentials of its own."""
    text = desired(instance("acme"), instance("beta"), OTHER, servers=("one", "two"))
    assert builders(text, EXPIRED) == {EXPIRED: ["instance/acme", "template/base"]}
    assert builders(text, EXPIRED, server="two") == {EXPIRED: ["instance/acme", "template/base", "template/other"]}
    assert builders(text, BUILD_OF_BASE, server="two") == {BUILD_OF_BASE: ["template/base", "template/other"]}


def test_a_build_of_a_document_that_is_gone_is_looked_at_as_the_accounts_that_it_had() -> None:
    gone = {EXPIRED: ["instance/acme", "template/acme", "template/base"]}
    assert builders(desired(), EXPIRED) == gone
    elsewhere = desired(instance("acme", server="two"), servers=("one", "two"))
    assert builders(elsewhere, EXPIRED) == gone
    gone_beside_two = {EXPIRED: ["instance/acme", "template/acme", "template/base", "template/other"]}
    assert builders(desired(OTHER, servers=("one", "two")), EXPIRED, server="two") == gone_beside_two
    own = "template_db: template_base\nadmin_login: ops\nadmin_password: {env: OPS}\n"
    text = read(changed(fleet(), "template_db: template_base\n", own))
    (found,) = targets(text, observed(online("one", lists=(EXPIRED,))), NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
    as_instance, as_template, _ = found.builders
    for spec_ in (as_instance, as_template):
        assert (spec_.target, spec_.admin_login, spec_.admin_password) == ("acme", "admin", DerivedSecret())
    assert found.spec is as_instance


def test_without_a_key_nobody_can_tell_what_password_a_document_that_is_gone_had() -> None:
    text = desired()
    keyless = text.having("fleet", {"demo": text.settings.model_copy(update={"secret_key": None})})
    assert builders(keyless, EXPIRED) == {EXPIRED: ["template/base"]}


def test_a_build_is_left_alone_while_it_is_young_or_was_passed_over_or_its_host_cannot_be_asked() -> None:
    text = desired(instance("acme"))
    assert builders(text, FRESH) == {}
    assert builders(text, EXPIRED, depth=Depth(passed_over=frozenset({("one", EXPIRED)}))) == {}
    assert builders(desired(instance("acme"), retention="{building_hours: 4}"), EXPIRED) == {}
    assert builders(text, EXPIRED, server="undeclared") == {}
    away = ObservedHost("one", online=False, databases=(names.parse(EXPIRED),))
    assert targets(text, observed(away), NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING) == ()


def test_a_limited_run_looks_into_no_builds_but_those_that_may_be_its_own() -> None:
    foreign = names.building("zoo", NOW - timedelta(hours=4), "aaaaa")
    seen = observed(online("one", lists=(foreign, EXPIRED)))

    def found(document: str) -> list[str]:
        selection = Selection(frozenset({"instance/alpha"}))
        found = targets(desired(document), seen, NOTHING_REMEMBERED, NOW, Depth(), selection)
        return [t.database for t in found]

    assert found(instance("alpha")) == []
    assert found(instance("alpha", database_name="acme")) == [EXPIRED]
    assert found(instance("alpha", renamed_from="acme")) == [EXPIRED]


# What may be a missing instance's


def looks(text: Desired, seen: Observed, inventory: Inventory = NOTHING_REMEMBERED) -> list[tuple[str, str, str, str]]:
    found = targets(text, seen, inventory, NOW, Depth(), EVERYTHING)
    return [(t.server, t.database, t.spec.code, t.former_code or "") for t in found if t.spec.kind == "instance"]


def test_namesakes_of_a_missing_instance_on_other_servers_are_opened_before_it_is_cloned() -> None:
    text = desired(instance("acme", server="one", renamed_from="old-acme"), servers=("one", "two", "three"))
    seen = observed(online("one"), online("two", lists=("suspended.acme",)), online("three", lists=("old-acme",)))
    assert looks(text, seen) == [
        ("three", "old-acme", "acme", "old-acme"),
        ("two", "suspended.acme", "acme", "old-acme"),
    ]
    there = observed(online("one", lists=("acme",)), online("two", lists=("suspended.acme",)))
    assert looks(text, there) == [("one", "acme", "acme", "old-acme")]


def test_a_namesake_that_another_document_declares_is_left_to_that_one() -> None:
    text = desired(
        instance("acme", server="one"), instance("b", server="two", database_name="acme"), servers=("one", "two")
    )
    seen = observed(online("one"), online("two", lists=("acme",)))
    assert looks(text, seen) == [("two", "acme", "b", "")]


def test_what_nobody_claims_between_two_names_is_opened_by_a_few_of_the_missing_those_known_there_first() -> None:
    """Each try may be a wrong password on the host."""
    codes = ("a1", "b1", "c1", "d1", "e1")
    text = desired(*(instance(code) for code in codes), instance("f1", server="two"), servers=("one", "two"))
    seen = observed(online("one", lists=("switching.ghost",)), online("two"))
    assert [code for _, _, code, _ in looks(text, seen)] == ["a1", "b1", "c1", "ghost"]
    known = remembering(spec(text, "instance/e1"), spec(text, "instance/d1", "two"))
    assert [code for _, _, code, _ in looks(text, seen, known)] == ["e1", "a1", "b1", "ghost"]
    assert looks(text, seen, known)[0] == ("one", "switching.ghost", "e1", "ghost")


def test_what_nobody_claims_is_opened_as_what_is_gone_from_the_text_too_while_something_is_missing() -> None:
    """First as whose it is remembered to be; else, after the missing, as whose its name says."""
    text = desired(instance("a1"), instance("gone", state="absent"))
    own = ("instance/a1", False)

    def accounts(*lists: str, inventory: Inventory = NOTHING_REMEMBERED) -> list[tuple[str, bool]]:
        found = targets(text, observed(online("one", lists=lists)), inventory, NOW, Depth(), EVERYTHING)
        return [(f"{t.spec.kind}/{t.spec.code}", t.is_gone) for t in found if t.database.startswith("switching.")]

    assert accounts("switching.ghost") == [own, ("instance/ghost", True), ("template/ghost", True)]
    assert accounts("switching.template_old_base")[1:] == [
        ("instance/template_old_base", True),
        ("template/template_old_base", True),
        ("template/old-base", True),
    ]
    gone = Inventory({("instance", "old", "one"): Entry("instance", "old", "one", "ghost", "", NOW)})
    assert accounts("switching.ghost", inventory=gone) == [("instance/old", True), own]
    assert accounts("switching.ghost", "a1") == []


def test_of_several_databases_that_may_be_it_the_remembered_one_is_looked_at() -> None:
    text = desired(instance("acme"), servers=("one", "two"))
    seen = observed(online("one", lists=("acme",)), online("two", lists=("acme",)))
    known = remembering(spec(text, "instance/acme", "two"), digest="of an earlier text")
    assert looks(text, seen, known) == [("two", "acme", "acme", "")]
    assert looks(text, seen) == [("one", "acme", "acme", ""), ("two", "acme", "acme", "")]


def test_what_is_passed_over_or_not_wanted_hides_nothing_that_comes_after_it() -> None:
    """Neither a database, nor a build, nor a template: each is judged by itself."""
    depth = Depth(passed_over=frozenset({("one", "alpha"), ("one", EXPIRED), ("one", "template_base")}))
    later_build = names.building("zoo", NOW - timedelta(hours=3), "ddddd")
    assert builders(FLEET, EXPIRED, later_build, "alpha", "beta", "template_base", depth=depth).keys() == {
        "beta",
        later_build,
    }
    retired = FLEET.templates["base"].model_copy(update={"code": "aaa", "active": False, "template_db": "template_aaa"})
    text = FLEET.having("template", {"aaa": retired, **FLEET.templates})
    assert builders(text, "template_aaa", "template_base").keys() == {"template_base"}


def test_a_limited_run_looks_at_no_template_that_it_does_not_need_and_at_those_after_it() -> None:
    other = "kind: template\ncode: aaa\ntemplate_db: template_aaa\nservers: [one]\n"
    text = desired(instance("beta"), other)
    seen = observed(online("one", lists=("template_aaa", "template_base", "beta")))
    found = targets(text, seen, NOTHING_REMEMBERED, NOW, Depth(), Selection(frozenset({"instance/beta"})))
    assert [t.database for t in found] == ["beta", "template_base"]


def test_the_rotation_counts_for_each_host_and_comes_on_top_of_what_changed() -> None:
    text = desired(*(instance(code) for code in CODES), servers=("one", "two"))
    specs = {(s, c): spec(text, f"instance/{c}", s) for s, c in (("one", "alpha"), ("one", "beta"), ("two", "delta"))}
    entries = dict(remembering(*specs.values()).entries)
    entries |= remembering(spec(text, "instance/gamma", "two"), digest="of an earlier text").entries
    seen = observed(online("one", lists=("alpha", "beta")), online("two", lists=("delta", "gamma")))
    depth = Depth(rotation_per_host=1)
    found = targets(text, seen, Inventory(entries), NOW + timedelta(days=2), depth, EVERYTHING)
    assert [(t.server, t.database) for t in found] == [("one", "alpha"), ("two", "delta"), ("two", "gamma")]


def test_how_deep_a_run_looks_is_as_the_text_says_but_for_what_is_asked_for() -> None:
    text = desired(verification="{max_age_hours: 5, databases_per_pass: 7}")
    assert Depth.of(text) == Depth(shallow=False, verify_after=timedelta(hours=5), rotation_per_host=7)
    assert not Depth.of(text).code
    assert Depth.of(text, shallow=True).shallow
    assert Depth.of(text, refresh=True).refresh
    assert Depth.of(text, code=True).code


def test_hosts_are_asked_for_their_code_where_that_is_wanted_or_somebody_follows_it_and_nothing_is_looked_into_never() -> (
    None
):
    holds, follows = desired(instance("acme")), desired(instance("acme", upgrade="follow"))
    for text, depth, asked in (
        (holds, Depth(), False),
        (holds, Depth(code=True), True),
        (follows, Depth(), True),
        (follows, Depth(shallow=True), False),
        (follows, Depth(shallow=True, code=True), False),
    ):
        assert depth.asks_for_code(text) is asked


def test_of_what_moves_the_template_where_it_goes_is_looked_into_if_it_is_there() -> None:
    text = desired(instance("acme", server="two"), servers=("one", "two"))
    one = online("one", lists=("acme", "template_base"))

    def looked_into(*there: str) -> list[tuple[str, str]]:
        seen = observed(one, online("two", lists=there))
        found = targets(text, seen, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
        return [(t.server, t.database) for t in found if t.moves]

    assert looked_into("template_base") == [("one", "acme"), ("two", "template_base")]
    assert looked_into() == [("one", "acme")]


def test_of_several_that_move_each_template_where_one_goes_is_looked_into() -> None:
    going = instance("acme", server="two"), instance("beta", server="three")
    text = desired(*going, servers=("one", "two", "three"))
    ready = {code: spec(text, "template/base", code) for code in ("one", "two", "three")}
    seen = observed(
        online("one", lists=("acme", "beta", "template_base")),
        *(online(code, lists=("template_base",)) for code in ("two", "three")),
    )
    found = targets(text, seen, remembering(*ready.values()), NOW, Depth(), EVERYTHING)
    there = [("one", "acme"), ("one", "beta"), ("three", "template_base"), ("two", "template_base")]
    assert [(t.server, t.database) for t in found if t.moves] == there
