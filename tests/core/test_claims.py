"""Whose a database is: proven by its mark and uuid, never by its name alone; and where a document's database is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.diffs import fleet_diffs
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.observed import Access, DatabaseLook, Mark, Observed
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import claims
from reconciler.core.policies.claims import Doubt
from tests.core.scenes import (
    CRONS,
    FRESH,
    NOW,
    as_declared,
    desired,
    instance,
    observed,
    offline,
    online,
    remembering,
    seen_as,
    spec,
)

FLEET = desired(instance("acme"), servers=("one", "two"))
ACME = spec(FLEET, "instance/acme")
LOOK = as_declared(ACME)
assert LOOK.mark is not None
MARK = LOOK.mark
NOT_MADE_HERE = "it was not made by this fleet: choose another `database_name`"


def doubt(
    look: DatabaseLook, wanted: DatabaseSpec = ACME, *, former: str = "", remembered: bool = False
) -> Doubt | None:
    return claims.doubt(look, wanted, former or None, remembered=remembered)


def test_a_database_with_our_mark_and_its_own_uuid_is_ours() -> None:
    assert doubt(LOOK) is None
    assert doubt(replace(LOOK, access=Access.FORMER)) is None


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        (DatabaseLook("acme", Access.FAILED, "PostgreSQL is down"), "PostgreSQL is down", ""),
        (
            DatabaseLook("acme", Access.HALF_MADE),
            "its initialisation never ended",
            "nothing of this fleet left it so: look at the host",
        ),
        (replace(LOOK, mark=None), "it bears no mark of this fleet", NOT_MADE_HERE),
        (replace(LOOK, mark=replace(MARK, fleet="")), "it bears no mark of this fleet", NOT_MADE_HERE),
        (
            replace(LOOK, uuid="another"),
            "it is a copy of instance/acme, not the original",
            "if it is to be instance/acme, set its parameter odoo_fleet.uuid to its database.uuid",
        ),
        (replace(LOOK, mark=replace(MARK, fleet="theirs")), "it belongs to fleet 'theirs'", ""),
        (
            replace(LOOK, mark=replace(MARK, code="beta")),
            "it belongs to instance/beta",
            (
                "if it is instance/acme, once renamed, write `renamed_from: beta`; only if it is not, choose another"
                " `database_name`"
            ),
        ),
        (
            replace(LOOK, mark=replace(MARK, kind="template")),
            "it belongs to template/acme",
            "choose another name for one of the two",
        ),
    ],
)
def test_anything_else_is_doubted_with_what_its_operator_can_do(look: DatabaseLook, why: str, advice: str) -> None:
    assert doubt(look) == Doubt(why, advice)
    assert doubt(look, remembered=True) == Doubt(why, advice), "memory proves nothing against what was seen"


def test_a_template_is_no_instance_that_could_have_been_renamed() -> None:
    assert doubt(LOOK, spec(FLEET, "template/base")) == Doubt(
        "it belongs to instance/acme", "choose another name for one of the two"
    )


def test_the_former_code_is_ours_while_a_rename_is_declared() -> None:
    old = replace(LOOK, mark=replace(MARK, code="old-acme"))
    assert doubt(old) is not None
    assert doubt(old, former="old-acme") is None


def test_a_refused_password_is_drift_of_what_we_know_and_foreign_otherwise() -> None:
    refused = DatabaseLook("acme", Access.REFUSED)
    assert doubt(refused) == Doubt(
        "it does not answer to the fleet's password for 'admin', so it is not taken for ours",
        "what this fleet built has odoo_fleet.code in its system parameters (Odoo: Settings, Technical). With `acme` there it"
        " is instance/acme: give that account what `odoo-fleet secret show instance/acme admin_password` prints; with a former"
        " code write `renamed_from`. Without it no password alone makes it this fleet's: choose another `database_name`, or have"
        " it taken over with `adopt`",
    )
    assert claims.doubt(refused, ACME, None) == doubt(refused), "memory counts where it is asked"
    assert doubt(refused, remembered=True) == Doubt(
        "its account 'admin' no longer answers to the declared password",
        "set the password of that account to what `odoo-fleet secret show instance/acme admin_password` prints"
        " (if the text names another secret now, too); the tool never resets it by force",
    )


def test_a_database_under_the_former_name_leads_back_to_the_text_that_renamed_it_to_that() -> None:
    """Renamed twice, the first time cut short: nobody is told to give up what is still the customer's."""
    twice = (
        "if it is instance/acme, its rename to shop was cut short: write back the text that renamed it to shop, with {}, apply"
        " that, and rename it again after that; only if it is not, remove `renamed_from`"
    )
    theirs = replace(LOOK, database="shop", mark=replace(MARK, code="beta"))
    belongs = Doubt("it belongs to instance/beta", twice.format("`renamed_from: beta`"))
    refused = Doubt(
        "it does not answer to the fleet's password for 'admin', so it is not taken for ours",
        twice.format("the `renamed_from` and the `admin_password` that it had"),
    )
    for remembered in (False, True):
        assert doubt(theirs, former="shop", remembered=remembered) == belongs
        assert doubt(DatabaseLook("shop", Access.REFUSED), former="shop", remembered=remembered) == refused


def test_whose_a_database_is_only_its_own_mark_of_this_fleet_says() -> None:
    copy, theirs = replace(LOOK, uuid="another"), replace(LOOK, mark=replace(MARK, fleet="theirs"))
    assert claims.is_whose(LOOK, "demo") == ("instance", "acme")
    for look in (replace(LOOK, mark=None), copy, theirs):
        assert claims.is_whose(look, "demo") == ("", "")


def test_a_database_is_anothers_only_if_its_own_mark_names_another_document_or_fleet() -> None:
    acme = desired(instance("acme", renamed_from="old-acme")).instances["acme"]

    def is_anothers(**mark: Any) -> bool:
        return claims.is_anothers(replace(LOOK, mark=replace(MARK, **mark)), "demo", acme)

    assert not is_anothers()
    assert not is_anothers(code="old-acme")
    assert not is_anothers(code="beta", uuid="of what it was copied from"), "a copy may be anybody's"
    assert not claims.is_anothers(replace(LOOK, mark=None), "demo", acme)
    assert is_anothers(code="beta")
    assert is_anothers(kind="template")
    assert is_anothers(fleet="theirs")


@pytest.mark.parametrize(
    ("mark", "unused", "kept"),
    [
        (None, False, ""),
        (replace(MARK, in_service=False), True, ""),
        (replace(MARK, in_service=False, uuid="its template's"), False, ""),
        (replace(MARK, in_service=True), False, "it was in service as instance/acme: it is somebody's data"),
        (replace(MARK, in_service=True, kind="template"), False, ""),
        (replace(MARK, in_service=None), False, "it may have been in service as instance/acme, which cannot be told"),
    ],
)
def test_only_a_mark_of_its_own_proves_a_build_unused_and_what_may_be_somebodys_is_kept(
    mark: Mark | None, *, unused: bool, kept: str
) -> None:
    assert claims.is_unused(LOOK.uuid, mark) is unused
    assert claims.why_kept(LOOK.uuid, mark) == kept


def test_a_database_is_found_in_service_or_on_its_way_but_not_as_build_or_trash() -> None:
    names = ("acme", "building-261124110000aaaaa.acme", "trash-261124110000.acme", "moved-261124110000.acme", "Acme")
    seen = observed(online("one", lists=names), online("two", lists=("suspended.acme", "switching.acme")))
    found = claims.find(seen, ("one", "two"), "acme", None)
    assert {(f.server, f.name.text) for f in found} == {
        ("one", "acme"),
        ("two", "suspended.acme"),
        ("two", "switching.acme"),
    }


def test_the_former_name_is_found_too_and_said_to_be_the_former() -> None:
    seen = observed(online("one", lists=("old-acme",)))
    found = claims.find(seen, ("one",), "acme", "old-acme")
    assert [(f.name.text, f.renamed) for f in found] == [("old-acme", True)]


def test_nothing_is_found_on_a_host_that_does_not_answer_or_was_not_asked() -> None:
    assert claims.find(observed(offline("one")), ("one", "two"), "acme", None) == ()


def test_of_several_hosts_the_remembered_one_is_meant() -> None:
    seen = observed(online("one", lists=("acme",)), online("two", lists=("acme",)))
    found = claims.find(seen, ("one", "two"), "acme", None)
    on_two = remembering(spec(FLEET, "instance/acme", "two"))
    assert [f.server for f in claims.narrow(found, on_two, "instance", "acme")] == ["two"]
    assert claims.narrow(found, remembering(), "instance", "acme") == found
    gone = remembering(spec(FLEET, "instance/acme", "two"))
    assert claims.narrow(found[:1], gone, "instance", "acme") == found[:1], "memory of what is gone counts for nothing"


def test_namesakes_are_all_forms_of_its_name_and_of_its_former_one_on_other_servers() -> None:
    acme = instance("acme", server="one", renamed_from="old-acme")
    lists = ("acme", "suspended.acme", "old-acme", "building-261124110000aaaaa.acme")
    seen = observed(online("one", lists=lists), online("two", lists=lists), offline("three"))

    def found(*documents: str) -> list[tuple[str, str]]:
        text = desired(*documents, servers=("one", "two", "three"))
        return [(server, name.text) for server, name in claims.namesakes(text, seen, text.instances["acme"])]

    assert found(acme) == [("two", "acme"), ("two", "suspended.acme"), ("two", "old-acme")]
    assert found(acme, instance("zoo", server="two", database_name="old-acme")) == [
        ("two", "acme"),
        ("two", "suspended.acme"),
    ]
    assert found(instance("acme", server="one")) == [("two", "acme"), ("two", "suspended.acme")]


def test_an_instance_that_is_nowhere_was_last_seen_where_it_is_remembered_or_else_where_its_name_was_listed() -> None:
    acme = FLEET.instances["acme"]
    both_away, listed = observed(offline("one"), offline("two")), {"one": ("acme",), "two": ("acme", "beta")}
    known = remembering(spec(FLEET, "instance/acme", "two"))

    def last(seen: Observed, inventory: Inventory) -> str:
        return claims.last_seen(FLEET, seen, inventory, acme)

    assert last(both_away, known) == "two"
    assert last(observed(online("one"), offline("two")), replace(known, listings=listed)) == "two"
    assert last(both_away, replace(known, listings=listed)) == "two", "what is remembered counts before what was listed"
    assert last(observed(offline("one"), online("two")), replace(known, listings=listed)) == "", (
        "where it was, it is not"
    )
    assert last(observed(), known) == "two", "one that was not asked answers nothing either"
    assert last(both_away, Inventory(listings={"two": ("acme",)})) == "two"
    assert last(both_away, Inventory(listings={"two": ("beta",)})) == ""
    assert last(observed(offline("one"), online("two")), Inventory(listings=listed)) == "one"
    assert last(both_away, Inventory({("template", "acme", "two"): known.entries["instance", "acme", "two"]})) == ""


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        (MARK, ""),
        (None, "nothing in it tells whose it is"),
        (replace(MARK, uuid="another"), "nothing in it tells whose it is"),
        (
            replace(MARK, ended="moved-261124110000.acme", moved_to="two"),
            "it has gone on on two since: what is here was overtaken",
        ),
        (
            replace(MARK, ended="moved-261124110000.acme"),
            "it has gone on on another server since: what is here was overtaken",
        ),
    ],
)
def test_what_a_move_left_behind_comes_back_only_as_long_as_it_never_went_on_elsewhere(
    mark: Mark | None, why: str
) -> None:
    assert claims.why_not_back(LOOK.uuid, mark) == why


ENDED = "trash-261124110000.acme"
LEFT = "moved-261124110000.acme"


@pytest.mark.parametrize(
    ("mark", "name", "succeeded", "why"),
    [
        (None, ENDED, False, "nothing in it tells whose it is"),
        (replace(MARK, uuid="another", ended=ENDED), ENDED, False, "nothing in it tells whose it is"),
        (replace(MARK, fleet="theirs", ended=ENDED), ENDED, False, "it belongs to fleet 'theirs'"),
        (replace(MARK, in_service=True, ended=ENDED), ENDED, False, ""),
        (replace(MARK, in_service=False), ENDED, False, ""),
        (
            replace(MARK, in_service=True),
            ENDED,
            True,
            "it was in service as instance/acme, and nothing in it says that its text ended it",
        ),
        (
            replace(MARK, in_service=None),
            ENDED,
            False,
            "it was in service as instance/acme, and nothing in it says that its text ended it",
        ),
        (
            replace(MARK, in_service=True, ended="trash-261124100000.acme"),
            ENDED,
            False,
            "its text ended it as trash-261124100000.acme, and nothing says why it bears this name",
        ),
        (replace(MARK, in_service=True), LEFT, True, ""),
        (replace(MARK, in_service=True, ended=LEFT), LEFT, False, ""),
        (
            replace(MARK, in_service=False),
            LEFT,
            False,
            "nothing in it says that it is in service elsewhere: it may be all that there is",
        ),
    ],
)
def test_trash_past_its_time_is_kept_unless_its_mark_says_why_it_is_that(
    mark: Mark | None, name: str, why: str, *, succeeded: bool
) -> None:
    assert claims.why_trash_kept(LOOK.uuid, mark, name, "demo", succeeded=succeeded) == why


def test_what_is_replaced_or_stayed_behind_is_told_from_what_was_ended() -> None:
    assert claims.is_replaced(replace(MARK, ended=ENDED, replaced=ENDED), ENDED)
    assert not claims.is_replaced(replace(MARK, ended=ENDED), ENDED)
    assert not claims.is_replaced(replace(MARK, ended=ENDED, replaced="trash-261124100000.acme"), ENDED)
    assert not claims.is_replaced(None, ENDED)
    assert claims.is_replaced(MARK, LEFT)
    assert not claims.is_replaced(None, LEFT)


def test_what_is_not_said_to_be_remembered_is_not_taken_for_ours() -> None:
    found = claims.objection(DatabaseLook("acme", Access.REFUSED), ACME, None)
    assert found is not None
    assert "so it is not taken for ours" in found.why


@pytest.mark.parametrize("remembered", [True, False])
def test_who_is_refused_is_told_where_the_declared_password_comes_from_if_that_is_known(*, remembered: bool) -> None:
    refused = DatabaseLook("acme", Access.REFUSED)
    known = doubt(replace(refused, declared_password="what API_KEY says"), remembered=remembered)
    unknown = doubt(refused, remembered=remembered)
    assert known is not None
    assert unknown is not None
    assert known.advice.startswith("the declared one is what API_KEY says: ")
    assert "the declared one is" not in unknown.advice


NOTE = UpgradeNote(NOW, "", {"mail": "19.0.1.1"})


@pytest.mark.parametrize(("state", "own"), [("to upgrade", {"upgrading": NOTE}), ("to remove", {"removing": NOTE})])
def test_what_this_fleet_noted_before_it_began_is_nobody_elses_work(state: str, own: dict[str, Any]) -> None:
    begun = replace(LOOK, modules={**LOOK.modules, "mail": state})
    found = claims.others_work(begun, NOW)
    assert found is not None
    assert found.why.startswith(f"somebody is at work in it: modules mail are '{state}'")
    assert claims.others_work(seen_as(begun, **own), NOW) is None
    other = {name: replace(NOTE, to={"web": "19.0.1.1"}) for name in own}
    assert claims.others_work(seen_as(begun, **other), NOW) == found


def test_what_is_taken_over_in_service_stays_awake_and_all_else_is_quiet() -> None:
    for name, awake in (("acme", CRONS), ("suspended.acme", ())):
        found = replace(LOOK, database=name, mark=None, active_crons=CRONS)
        assert claims.as_adopted(found, ACME).active_crons == awake
    base = spec(FLEET, "template/base")
    assert claims.as_adopted(replace(as_declared(base), active_crons=CRONS), base).active_crons == ()


def test_the_databases_of_others_are_listed_by_server_and_none_that_this_fleet_declares_made_or_remembers() -> None:
    text = desired(instance("acme"), servers=("one", "two"))
    gone = "trash-261124110000.acme"
    lists = ("acme", "template_base", "theirs", "Theirs too", "suspended.orphan", FRESH, "known", gone)
    seen = observed(online("two", lists=("theirs",)), online("one", lists=lists), offline("three"))
    memory = Inventory({("instance", "known", "one"): Entry("instance", "known", "one", "known", "", NOW)})
    found = [(server, name.text) for server, name in fleet_diffs.foreign_databases(text, seen, memory, NOW)]
    assert found == [("one", "Theirs too"), ("one", "theirs"), ("two", "theirs")]
