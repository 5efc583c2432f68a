"""Why an instance is neither touched nor made: each refusal whole, with what it is about, where, why and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, ORPHANED, Inventory
from reconciler.core.model.observed import Access, DatabaseLook, ObservedHost
from reconciler.core.policies.claims import Doubt
from tests.core.one_instance import ACME, ON_ONE, RENAMED, SUSPENDED, look_of, plan, ready, refusal, remembered
from tests.core.scenes import (
    EXPIRED,
    FRESH,
    NOW,
    as_declared,
    changed,
    desired,
    instance,
    mark_for,
    observed,
    offline,
    online,
    spec,
)
from tests.harness.universe import fleet, read

# What is there and is not touched


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        (DatabaseLook("acme", Access.FAILED, "too many clients"), "acme: too many clients", ""),
        (
            replace(look_of(ACME), mark=None),
            "acme: it bears no mark of this fleet",
            "it was not made by this fleet: choose another `database_name`",
        ),
        (
            replace(look_of(ACME), modules={"base": "to upgrade"}),
            "acme: somebody is at work in it: modules base are 'to upgrade'; it is looked at again later",
            "let it end; where nobody is at work any more, reset the states of the modules there, or wait",
        ),
    ],
)
def test_a_database_that_is_not_ours_or_not_ours_alone_is_named_with_what_stands_against_it(
    look: DatabaseLook, why: str, advice: str
) -> None:
    assert refusal(plan(ACME, online("one", look))) == ("one", why, advice)


def test_a_password_that_is_not_taken_is_drift_only_of_what_is_remembered_there() -> None:
    refused = online("one", DatabaseLook("acme", Access.REFUSED))
    for inventory, why in (
        (remembered(("acme", "one", "acme")), "its account 'admin' no longer answers to the declared password"),
        (
            remembered(("beta", "one", "beta"), ("acme", "two", "acme")),
            "it does not answer to the fleet's password for 'admin', so it is not taken for ours",
        ),
    ):
        assert refusal(plan(ACME, refused, inventory=inventory))[1] == f"acme: {why}"


def test_a_database_on_a_host_that_cannot_be_trusted_is_left_alone() -> None:
    older = online("one", look_of(ACME), version="18.0")
    where = (
        "one",
        "server one runs Odoo 18.0, declared is 19.0",
        "correct odoo_version, or look why the host runs another version",
    )
    assert refusal(plan(SUSPENDED, older)) == where
    assert refusal(plan(ON_ONE, older)) == where


def test_several_databases_that_may_be_it_are_all_named_and_none_is_chosen() -> None:
    advice = "decide which one it is and rename the others"
    forms = online("one", look_of(ACME), replace(look_of(ACME, "suspended.acme"), mark=None))
    both = "several databases claim to be it: acme on one, suspended.acme on one"
    assert refusal(plan(ACME, forms)) == ("one", both, advice), "two forms on one host, though one is proven"
    foreign = [online(s, replace(look_of(ACME, server=s), mark=None)) for s in ("one", "two")]
    neither = "several databases claim to be it: acme on one, acme on two"
    assert refusal(plan(ACME, *foreign)) == ("one", neither, advice)
    unseen = online("two", lists=("acme",))
    assert refusal(plan(ACME, online("one", lists=("acme",)), unseen)) == ("one", neither, advice)


@pytest.mark.parametrize(
    ("document", "listed", "why"),
    [
        (SUSPENDED, "acme", "it was never looked at"),
        (ACME, "suspended.acme", "it was never looked at"),
        (RENAMED, "old-acme", "a rename needs a deep look"),
    ],
)
def test_what_was_neither_looked_at_nor_verified_is_not_moved(document: str, listed: str, why: str) -> None:
    elsewhere = remembered(("acme", "two", "acme"), ("beta", "one", "beta"))
    for inventory in (NOTHING_REMEMBERED, elsewhere):
        found = plan(document, online("one", lists=(listed,)), inventory=inventory)
        assert refusal(found) == ("one", why, "run without --shallow")


def test_a_rename_needs_a_look_whatever_is_remembered() -> None:
    found = plan(RENAMED, online("one", lists=("old-acme",)), inventory=remembered(("acme", "one", "acme")))
    assert refusal(found) == ("one", "a rename needs a deep look", "run without --shallow")


# What an earlier document left behind

OWNED = instance("acme", owner="{name: Manager, login: manager@here.example}")
ADOPT = (
    "if it is the same customer, write `adopt: {}` to take it over with all that is in it (nobody's login changes);"
    " if not, choose another `database_name`"
)


def made_for(owner: str | None, name: str = "acme") -> DatabaseLook:
    """Make the look of a database that another text than today's made, for an owner, for nobody, or not noted for whom."""
    look = look_of(OWNED, name)
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, owner=owner, digest="of another text"))


def test_what_an_earlier_document_left_behind_is_not_given_away_unseen() -> None:
    orphan = remembered(("acme", "one", "acme"), digest=f"{ORPHANED}of its text")
    assert refusal(plan(ACME, online("one", lists=("acme",)), inventory=orphan)) == (
        "one",
        "acme: an earlier document of this code left it behind",
        "run without --shallow, so that it is looked at",
    )


@pytest.mark.parametrize(
    ("owner", "made"),
    [("", " was made without an owner"), ("a@b.example", " was made for owner a@b.example"), (None, "")],
)
def test_what_an_earlier_document_of_another_text_left_behind_is_not_given_to_a_new_one(owner: str, made: str) -> None:
    orphan = remembered(("acme", "one", "acme"), digest=f"{ORPHANED}of another text")
    found = plan(ACME, online("one", made_for(owner)), inventory=orphan)
    assert refusal(found) == ("one", f"acme{made}: an earlier document of this code left it behind", ADOPT)


@pytest.mark.parametrize(
    ("document", "owner", "why"),
    [
        (OWNED, "a@b.example", "acme was made for owner a@b.example: its text named another owner then"),
        (OWNED, "", "acme was made without an owner: its text named none then"),
        (ACME, "a@b.example", "acme was made for owner a@b.example: its text named one then"),
    ],
)
def test_what_was_made_for_another_owner_is_not_given_away(document: str, owner: str, why: str) -> None:
    elsewhere = remembered(("acme", "two", "acme"), ("beta", "one", "beta"))
    for inventory in (NOTHING_REMEMBERED, elsewhere):
        assert refusal(plan(document, online("one", made_for(owner)), inventory=inventory)) == ("one", why, ADOPT)


def test_one_document_all_the_time_may_get_an_owner_or_lose_it_but_not_change_it() -> None:
    there = remembered(("acme", "one", "acme"))
    assert plan(OWNED, online("one", made_for("")), inventory=there).blocked == ()
    assert plan(ACME, online("one", made_for("a@b.example")), inventory=there).blocked == ()
    why = "acme was made for owner a@b.example: its text named another owner then"
    assert refusal(plan(OWNED, online("one", made_for("a@b.example")), inventory=there)) == ("one", why, ADOPT)


@pytest.mark.parametrize(
    ("document", "look"),
    [
        (OWNED, made_for("manager@here.example")),
        (OWNED, made_for(None)),
        (ACME, made_for("")),
        (changed(OWNED, "owner:", "adopt: {}\nowner:"), made_for("a@b.example")),
        (instance("acme", adopt="{}"), made_for("a@b.example")),
    ],
)
def test_what_was_made_for_this_owner_or_is_adopted_is_kept(document: str, look: DatabaseLook) -> None:
    assert plan(document, online("one", look)).blocked == ()


def test_what_this_very_text_was_applied_to_is_kept_whoever_it_was_made_for() -> None:
    look = look_of(OWNED)
    assert look.mark is not None
    assert plan(OWNED, online("one", replace(look, mark=replace(look.mark, owner="a@b.example")))).is_converged


def test_what_the_text_calls_its_former_name_is_its_own_whoever_it_was_made_for() -> None:
    document = changed(OWNED, "owner:", "renamed_from: old-acme\nowner:")
    former = look_of(instance("old-acme", owner="{name: M, login: a@b.example}"))
    assert plan(document, online("one", former)).blocked == ()


def test_what_a_reverted_rename_left_under_another_name_is_not_given_to_another_owner() -> None:
    found = plan(OWNED, online("one", made_for("a@b.example", "switching.shop")))
    why = "switching.shop was made for owner a@b.example: its text named another owner then"
    assert refusal(found) == ("one", why, ADOPT)


def test_the_same_document_that_comes_back_has_its_database_again() -> None:
    acme = spec(desired(ACME), "instance/acme")
    orphan = remembered(("acme", "one", "acme"), digest=f"{ORPHANED}{acme.digest()}")
    assert plan(ACME, online("one", look_of(ACME)), inventory=orphan).is_converged


def test_the_plan_says_of_whose_owner_a_database_becomes_that_nobodys_login_changes() -> None:
    def told(
        document: str, owner: str | None, inventory: Inventory = NOTHING_REMEMBERED
    ) -> list[tuple[Reason, str, str]]:
        actions = plan(document, online("one", made_for(owner)), inventory=inventory).actions
        return [(a.reason, c.observed, c.desired) for a in actions for c in a.changes if c.field == "owner"]

    adopted, without_owner = changed(OWNED, "owner:", "adopt: {}\nowner:"), instance("acme", adopt="{}")
    becomes = "manager@here.example (no account is made, and nobody's login changes)"
    nobodys = "nobody (no account goes, and nobody's login changes)"
    assert told(adopted, "a@b.example") == [(Reason.ADOPTED, "a@b.example", becomes)]
    assert told(adopted, "") == [(Reason.ADOPTED, "nobody", becomes)]
    assert told(without_owner, "a@b.example") == [(Reason.ADOPTED, "a@b.example", nobodys)]
    orphan = remembered(("acme", "one", "acme"), digest=f"{ORPHANED}of another text")
    assert told(adopted, None, orphan) == [(Reason.ADOPTED, "not noted", becomes)]
    there = remembered(("acme", "one", "acme"))
    assert told(OWNED, "", there) == [(Reason.CHANGED, "nobody", becomes)]
    assert told(ACME, "a@b.example", there) == [(Reason.CHANGED, "a@b.example", nobodys)]
    for document, owner in ((adopted, "manager@here.example"), (OWNED, None)):
        assert told(document, owner) == []


# What is missing and is not made


def test_nothing_is_made_while_something_unclaimed_is_between_two_names() -> None:
    assert refusal(plan(ACME, online("one", lists=("switching.ghost",)))) == (
        "",
        "switching.ghost on one is on its way between two names and no document claims it: it may be this one",
        (
            "restore the document that declared ghost, with its `renamed_from`, and apply it;"
            " only if that database is nobody's any more, rename it by hand to a name that no document declares"
        ),
    )


def test_nothing_is_made_beside_the_database_that_was_renamed_away() -> None:
    away = remembered(("acme", "one", "shop"))
    assert refusal(plan(ON_ONE, online("one", lists=("suspended.shop",)), inventory=away)) == (
        "one",
        "the database of this code was renamed to shop on one, and no document declares that",
        (
            "if it is the same customer, write `renamed_from: shop` to rename it back, or declare it under that name;"
            " a new customer gets another `code`"
        ),
    )
    assert plan(ON_ONE, online("one"), inventory=away).blocked == (), "it is not there any more"


@pytest.mark.parametrize(
    "look",
    [None, DatabaseLook("suspended.acme", Access.REFUSED), replace(look_of(ACME, "suspended.acme", "two"), mark=None)],
)
def test_nothing_is_made_beside_a_database_on_another_server_that_may_be_it(look: DatabaseLook | None) -> None:
    two = online("two", *filter(None, [look]), lists=("suspended.acme",))
    assert refusal(plan(ON_ONE, online("one"), two)) == (
        "one",
        "a database suspended.acme is on two, and may be this instance's",
        (
            "if it is, set `server: two`, apply, and then name the other server; only if it is another's, choose another"
            " `database_name`"
        ),
    )


def test_a_database_of_its_former_name_on_another_server_holds_it_back_unless_that_name_is_anothers_there() -> None:
    document = instance("acme", server="one", renamed_from="old-acme")
    two = online("two", lists=("old-acme",))
    assert refusal(plan(document, online("one"), two)) == (
        "one",
        "a database old-acme is on two, and may be this instance's",
        (
            "if it is, set `server: two`, apply, and then name the other server; only if it is another's, remove"
            " `renamed_from`"
        ),
    )
    text = desired(document, instance("beta", server="two", database_name="old-acme"), servers=("one", "two"))
    found = diff(text, observed(ready(text, online("one")), ready(text, two)), NOTHING_REMEMBERED, NOW)
    assert [a.id for a in found.actions if a.code == "acme"] == ["clone instance/acme on one"]


def test_a_namesake_on_another_server_that_is_proven_anothers_or_declared_and_remembered_so_is_none_of_its() -> None:
    beta = instance("beta", server="two", database_name="acme")
    text = desired(ON_ONE, beta, servers=("one", "two"))
    look = as_declared(spec(text, "instance/beta", "two"))
    proven = observed(ready(text, online("one")), ready(text, online("two", look)))
    listed = observed(ready(text, online("one")), ready(text, online("two", lists=("acme",))))
    known = remembered(("beta", "two", "acme"))
    for seen, inventory in ((proven, NOTHING_REMEMBERED), (listed, known)):
        found = diff(text, seen, inventory, NOW)
        assert [a.id for a in found.actions if a.kind == "instance"] == ["clone instance/acme on one"]
    for inventory in (NOTHING_REMEMBERED, remembered(("acme", "two", "acme")), remembered(("beta", "one", "acme"))):
        assert refusal(diff(text, listed, inventory, NOW))[0] == "one"


def test_one_namesake_that_is_anothers_does_not_clear_the_next() -> None:
    beta = instance("beta", server="two", database_name="acme")
    text = desired(ON_ONE, beta, servers=("one", "two", "zoo"))
    why = "a database acme is on zoo, and may be this instance's"
    proven = online("two", as_declared(spec(text, "instance/beta", "two")))
    remembered_so = online("two", lists=("acme",))
    for two, inventory in ((proven, NOTHING_REMEMBERED), (remembered_so, remembered(("beta", "two", "acme")))):
        seen = observed(*(ready(text, h) for h in (online("one"), two, online("zoo", lists=("acme",)))))
        assert refusal(diff(text, seen, inventory, NOW))[1] == why


OLD_BUILD = names.building("old-acme", NOW - timedelta(hours=3), "ccccc")
NEVER_SAID = replace(mark_for(spec(desired(ACME), "instance/acme"), look_of(ACME).uuid), in_service=None)
UNTOLD = replace(look_of(ACME, EXPIRED), mark=NEVER_SAID)
"""A build past its limit of which nothing is written about whether it was ever in service, as 0.1.0 left it."""


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        (None, "it was not looked into", "run without --shallow"),
        (UNTOLD, "it may have been in service as instance/acme, which cannot be told", "look inside"),
        (look_of(ACME, EXPIRED), "it was in service as instance/acme: it is somebody's data", "look inside"),
        (
            DatabaseLook(EXPIRED, Access.FAILED, "500"),
            "whether it was ever in service cannot be told: 500",
            "look inside",
        ),
        (DatabaseLook(EXPIRED, Access.REFUSED), "whether it was ever in service cannot be told", "look inside"),
    ],
)
@pytest.mark.parametrize("document", [ACME, ON_ONE])
def test_nothing_is_made_beside_a_build_that_may_be_its_customers(
    document: str, look: DatabaseLook | None, why: str, advice: str
) -> None:
    found = plan(document, online("one", *filter(None, [look]), lists=(FRESH, EXPIRED)))
    by_hand = (
        "look inside: if it is the customer's, rename it by hand to acme, with its files, as Odoo does; only if nobody needs"
        " it, drop it by hand"
    )
    where = "one" if document is ON_ONE else ""
    told = by_hand if advice == "look inside" else advice
    assert refusal(found) == (where, f"{EXPIRED} on one may be this instance's: {why}", told)


@pytest.mark.parametrize(
    "look",
    [
        replace(UNTOLD, mark=replace(NEVER_SAID, in_service=False)),
        replace(UNTOLD, mark=None),
        replace(look_of(ACME, EXPIRED), uuid="its own"),
        DatabaseLook(EXPIRED, Access.HALF_MADE),
    ],
)
def test_beside_a_build_that_was_never_in_service_it_is_made(look: DatabaseLook) -> None:
    assert [a.verb for a in plan(ACME, online("one", look)).actions if a.code == "acme"] == [verbs.CLONE]


def test_beside_a_build_within_its_limit_it_is_made_unless_there_is_one_past_it_too() -> None:
    assert [a.verb for a in plan(ACME, online("one", lists=(FRESH,))).actions] == [verbs.CLONE]
    elsewhere = online("two", lists=(EXPIRED,))
    why = f"{EXPIRED} on two may be this instance's: it was not looked into"
    assert refusal(plan(ACME, online("one", lists=(FRESH,)), elsewhere))[1] == why


def test_a_build_that_is_proven_another_customers_holds_nothing_back_and_the_next_one_does() -> None:
    theirs = replace(UNTOLD, mark=replace(NEVER_SAID, code="beta"))
    assert [a.verb for a in plan(ACME, online("one", theirs)).actions if a.code == "acme"] == [verbs.CLONE]
    later = names.building("acme", NOW - timedelta(hours=3), "zzzzz")
    found = plan(
        ACME, online("one", theirs, replace(UNTOLD, mark=replace(NEVER_SAID, in_service=False)), lists=(later,))
    )
    assert refusal(found)[1] == f"{later} on one may be this instance's: it was not looked into"


def test_what_failed_to_open_is_proven_to_be_nobodys() -> None:
    """A mark that a look without success brings along, from whatever memory, proves nothing."""
    failed = replace(UNTOLD, mark=replace(NEVER_SAID, code="beta"), access=Access.FAILED, problem="500")
    assert refusal(plan(ACME, online("one", failed)))[1].endswith("whether it was ever in service cannot be told: 500")


def test_a_build_of_its_former_name_holds_it_back_too_and_is_to_get_that_name() -> None:
    look = replace(UNTOLD, database=OLD_BUILD)
    _, why, advice = refusal(plan(RENAMED, online("one", look)))
    assert why.startswith(f"{OLD_BUILD} on one may be this instance's: ")
    assert "rename it by hand to old-acme, with its files" in advice


def test_a_build_on_another_server_is_that_ones_where_another_instance_has_the_name_there() -> None:
    beta = instance("beta", server="two", database_name="acme")
    text = desired(ON_ONE, beta, servers=("one", "two"))
    beside = as_declared(spec(text, "instance/beta", "two"))

    def found(*hosts: ObservedHost) -> Changeset:
        return diff(text, observed(*(ready(text, host) for host in hosts)), NOTHING_REMEMBERED, NOW)

    there = found(online("one"), online("two", beside, lists=(EXPIRED,)))
    assert [a.id for a in there.actions if a.code == "acme"] == ["clone instance/acme on one"]
    here = found(online("one", lists=(EXPIRED,)), online("two", beside))
    assert refusal(here)[1] == f"{EXPIRED} on one may be this instance's: it was not looked into"
    nobodys = plan(ON_ONE, online("one"), online("two", lists=(EXPIRED,)))
    assert refusal(nobodys)[1] == f"{EXPIRED} on two may be this instance's: it was not looked into"


CANNOT_BE_SEEN = (
    "it may be on two, which cannot be seen now",
    "bring the server back; set it inactive only if what it held is lost",
)


@pytest.mark.parametrize(
    ("document", "inventory"),
    [
        (ACME, NOTHING_REMEMBERED),
        (ACME, remembered(listings={"two": ("switching.acme", "shop")})),
        (RENAMED, remembered(listings={"two": ("old-acme",)})),
        (ACME, remembered(("acme", "two", "acme"), listings={"two": ("shop",)})),
    ],
)
def test_nothing_is_made_while_a_server_that_may_hold_it_cannot_be_seen(document: str, inventory: Inventory) -> None:
    found = plan(document, online("one"), offline("two"), inventory=inventory)
    assert refusal(found) == ("", *CANNOT_BE_SEEN)


def test_it_is_made_where_the_last_list_of_what_cannot_be_seen_holds_only_anothers_of_its_name() -> None:
    text = desired(ON_ONE, instance("beta", server="two", database_name="acme"), servers=("one", "two"))
    seen = observed(ready(text, online("one")), offline("two"))
    known = remembered(("beta", "two", "acme"), listings={"two": ("acme",)})
    assert [a.id for a in diff(text, seen, known, NOW).actions] == ["clone instance/acme on one"]
    for others in ((("beta", "one", "acme"),), (("acme", "one", "acme"),), ()):
        found = diff(text, seen, remembered(*others, listings={"two": ("acme",)}), NOW)
        assert refusal(found) == ("one", *CANNOT_BE_SEEN)


@pytest.mark.parametrize("line", ["state: draft", "state: active\nactive: false"])
def test_a_server_out_of_use_holds_nothing_back(line: str) -> None:
    text = fleet(ON_ONE, servers={"one": "19.0", "two": "19.0"})
    two = 'http://two.invalid\nodoo_version: "19.0"\nmaster_password: {env: MASTER}\n'
    declared = read(changed(text, f"{two}state: active", f"{two}{line}"))
    found = diff(declared, observed(ready(declared, online("one"))), NOTHING_REMEMBERED, NOW)
    assert [a.id for a in found.actions] == ["clone instance/acme on one"]


def test_nothing_is_made_elsewhere_while_the_list_of_a_frozen_server_is_not_believed() -> None:
    frozen = {"two": Doubt("it no longer lists shop", "look at the host; if the list is right, confirm it")}
    found = plan(ACME, online("one"), online("two"), frozen=frozen)
    assert refusal(found) == (
        "",
        "it may be on two, which is frozen: it no longer lists shop",
        "look at the host; if the list is right, confirm it",
    )
    pinned = plan(instance("acme", server="two"), online("one"), online("two"), frozen=frozen)
    assert [a.id for a in pinned.actions] == ["clone instance/acme on two"], "there the gate holds it back"


def test_it_is_made_again_where_it_was_and_not_where_its_template_is_not_declared_any_more() -> None:
    text = fleet(ACME, servers={"one": "19.0", "two": "19.0"})
    moved = read(changed(text, "servers: [one, two]", "servers: [one]"))
    seen = observed(ready(moved, online("one")), online("two", lists=("wiki",)))
    was_on_two = remembered(("acme", "two", "acme"))
    found = diff(moved, seen, was_on_two, NOW)
    assert refusal(found) == ("two", "template base cannot be cloned on two: it is not declared there", "")
    forgotten = diff(moved, seen, remembered(("acme", "gone", "acme"), ("beta", "two", "beta")), NOW)
    assert [a.id for a in forgotten.actions] == ["clone instance/acme on one"]


def test_a_full_server_takes_nothing_more() -> None:
    text = fleet(ON_ONE)
    full = read(changed(text, "domain: example.com\n", "domain: example.com\nmax_instances: 2\n"))
    hosts = ready(full, online("one", lists=("suspended.ghost", "aside-261124110000aaaaa.acme2", "wiki")))
    known = remembered(("ghost", "one", "wiki"))
    found = diff(full, observed(hosts), replace(known, listings={}), NOW)
    assert "is on its way between two names" in refusal(found)[1]
    hosts = ready(full, online("one", lists=("suspended.ghost", "wiki")))
    assert refusal(diff(full, observed(hosts), known, NOW)) == ("one", "server one is full: max_instances is 2", "")
    assert diff(full, observed(hosts), NOTHING_REMEMBERED, NOW).blocked == (), "a foreign database takes no place"


def test_each_that_is_made_takes_one_place() -> None:
    text = desired(*(instance(f"i{n}", server="one") for n in range(4)))
    text = text.having("server", {"one": text.servers["one"].model_copy(update={"max_instances": 3})})
    changeset = diff(text, observed(ready(text, online("one"))), NOTHING_REMEMBERED, NOW)
    assert [a.code for a in changeset.actions] == ["i0", "i1", "i2"]
    assert refusal(changeset, "i3") == ("one", "server one is full: max_instances is 3", "")


def test_what_names_a_server_takes_its_place_before_what_is_placed_anywhere() -> None:
    text = desired(instance("aa"), instance("zz", server="one"))
    text = text.having("server", {"one": text.servers["one"].model_copy(update={"max_instances": 1})})
    changeset = diff(text, observed(ready(text, online("one"))), NOTHING_REMEMBERED, NOW)
    assert [a.code for a in changeset.actions] == ["zz"]


def test_nothing_is_made_on_a_server_in_maintenance() -> None:
    text = read(changed(fleet(ON_ONE), "state: active", "state: maintenance"))
    found = diff(text, observed(ready(text, online("one"))), NOTHING_REMEMBERED, NOW)
    assert refusal(found) == ("one", "server one is in maintenance: nothing new is made there", "")


PLACES = ("full", "offline", "older", "paused", "resting", "template")


def test_an_instance_that_no_server_can_take_is_told_why_each_cannot() -> None:
    document = instance("acme", neutralize="true")
    text = desired(document, servers=PLACES)
    changes: dict[str, dict[str, object]] = {
        "full": {"max_instances": 1},
        "older": {"odoo_version": "16.0"},
        "paused": {"paused": True},
        "resting": {"state": "maintenance"},
    }
    servers = {code: s.model_copy(update=changes.get(code, {})) for code, s in text.servers.items()}
    text = text.having("server", servers)
    hosts = {code: ready(text, online(code, version=server.odoo_version)) for code, server in servers.items()}
    hosts["full"] = ready(text, online("full", lists=("suspended.ghost",)))
    hosts["offline"] = offline("offline")
    broken = DatabaseLook("template_base", Access.FAILED, "half-made")
    hosts["template"] = online("template", broken)
    states = dict.fromkeys(PLACES, "active") | {"resting": "maintenance"}
    known = Inventory(server_states=states, listings={"offline": ("template_base",)})
    why = (
        "no server can take it (full: 0 % free, below the 20 % that placement keeps; offline: it is offline;"
        " older: Odoo 16.0 cannot do what the instance asks; paused: it is paused; resting: its state is maintenance;"
        " template: the template is not there)"
    )
    assert refusal(diff(text, observed(*hosts.values()), known, NOW)) == ("", why, "see `odoo-fleet place`")
