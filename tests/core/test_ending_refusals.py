"""What is not ended, and what is not replaced: each refusal with where, why and what to do, and whose trash is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset, Left
from reconciler.core.model.inventory import NOTHING_REMEMBERED, PRUNES, Inventory
from reconciler.core.model.observed import Access, DatabaseLook, ObservedHost
from reconciler.core.policies.replacements import Replacing
from tests.core.one_instance import look_of, plan, ready, refusal, remembered
from tests.core.scenes import CRONS, NOW, desired, instance, observed, offline, online, seen_as

ABSENT = instance("acme", server="one", state="absent")
ANYWHERE = instance("acme", state="absent")
KNOWN = remembered(("acme", "one", "acme"))
SHUT = DatabaseLook("acme", Access.REFUSED)
UNSEEN = ("it was not looked into", "run without --shallow")
LATE = replace(online("one"), clock=NOW + timedelta(days=400))
TRASH = names.trash("acme", NOW - timedelta(days=1))
TARGETS = {"backup_targets": "{main: {url: file:///srv/odoo-backups}}"}


def ends(changeset: Changeset) -> list[tuple[str, str, str]]:
    return [(a.server, a.database, a.reason) for a in changeset.actions if a.verb is verbs.END]


def in_trash(name: str = TRASH, **seen: Any) -> DatabaseLook:
    """Make the look of what its text ended under this name, and that is awake again: it did not come there whole."""
    look = look_of(ABSENT)
    assert look.mark is not None
    mark = replace(look.mark, ended=name, **seen.pop("mark", {}))
    return seen_as(replace(look, database=name), mark=mark, **{"active_crons": CRONS, "quiesced_crons": None, **seen})


# What its text says is absent


def test_what_was_not_looked_into_is_not_ended() -> None:
    assert refusal(plan(ABSENT, online("one", lists=["acme"]))) == ("one", f"acme: {UNSEEN[0]}", UNSEEN[1])


def test_what_refuses_the_password_is_not_ended_and_it_is_told_whether_it_was_known_to_be_its() -> None:
    _, why, _ = refusal(plan(ABSENT, online("one", SHUT)))
    assert why == "acme: it does not answer to the fleet's password for 'admin', so it is not taken for ours"
    _, why, _ = refusal(plan(ABSENT, online("one", SHUT), inventory=KNOWN))
    assert why == "acme: its account 'admin' no longer answers to the declared password"


def test_what_is_on_a_server_that_cannot_be_asked_or_is_out_of_use_is_not_ended() -> None:
    there = online("one", look_of(ABSENT))
    changes = plan(ABSENT, replace(there, version="18.0"))
    server, why, _ = refusal(changes)
    assert (server, why) == ("one", "server one runs Odoo 18.0, declared is 19.0")
    assert ends(changes) == []


def test_under_its_former_name_and_mark_it_is_ended_too() -> None:
    renamed = instance("acme", server="one", state="absent", renamed_from="old")
    look = look_of(renamed)
    assert look.mark is not None
    former = replace(look, database="old", mark=replace(look.mark, code="old"))
    assert ends(plan(renamed, online("one", former))) == [("one", "old", Reason.DECLARED)]


def test_only_on_the_server_that_its_text_names_is_it_ended() -> None:
    assert ends(plan(ABSENT, online("one"), online("two", look_of(ANYWHERE, server="two")))) == []


def test_of_two_that_may_be_it_the_one_that_is_remembered_is_ended_and_without_memory_none() -> None:
    hosts = online("one", look_of(ANYWHERE)), online("two", look_of(ANYWHERE, server="two"))
    _, why, advice = refusal(plan(ANYWHERE, *hosts))
    assert why == "several databases claim to be it: acme on one, acme on two"
    assert advice == "decide which one it is and rename the others"
    known = remembered(("acme", "two", "acme"))
    assert ends(plan(ANYWHERE, *hosts, inventory=known)) == [("two", "acme", Reason.DECLARED)]


# What is in the trash and did not come there whole


@pytest.mark.parametrize("document", [ABSENT, ANYWHERE])
def test_its_own_trash_that_is_awake_is_ended_once_more(document: str) -> None:
    assert ends(plan(document, online("one", in_trash()))) == [("one", TRASH, Reason.INTERRUPTED)]


@pytest.mark.parametrize(
    "look",
    [
        in_trash(active_crons=(), quiesced_crons=CRONS),
        in_trash(mark={"code": "beta"}),
        in_trash(mark={"kind": "template"}),
        in_trash(mark={"fleet": "theirs"}),
        replace(in_trash(), uuid="another"),
        replace(in_trash(), mark=None),
        replace(in_trash(names.trash("acme", NOW)), database=TRASH),
        DatabaseLook(TRASH, Access.REFUSED),
    ],
)
def test_trash_that_is_whole_or_not_its_own_or_not_ended_as_that_stays_as_it_is(look: DatabaseLook) -> None:
    assert ends(plan(ABSENT, online("one", look))) == []


def test_what_came_to_the_trash_in_the_middle_of_a_move_is_ended_once_more_though_nothing_in_it_is_awake() -> None:
    look = in_trash(mark={"moving_from": "two"}, active_crons=(), quiesced_crons=CRONS)
    assert ends(plan(ABSENT, online("one", look))) == [("one", TRASH, Reason.INTERRUPTED)]


def test_trash_on_another_server_than_the_one_that_its_text_names_is_left_there() -> None:
    changes = plan(ABSENT, online("one"), online("two", in_trash()))
    assert ends(changes) == []


# What was removed


def removed(*hosts: ObservedHost, server: str = "one") -> Changeset:
    """Plan for a fleet that prunes and whose text names acme no more."""
    text = desired(servers=[h.server for h in hosts], prune="true")
    inventory = Inventory(remembered(("acme", server, "acme")).entries, {"one": "active", PRUNES: "yes"})
    return decide(
        text, observed(*(ready(text, h) for h in hosts)), inventory, NOW, Limits(allowed=["removals"])
    ).changeset


def kept(changeset: Changeset) -> list[str]:
    assert ends(changeset) == []
    return [each.what for each in changeset.left_alone if each.kind is Left.ORPHAN and each.database == "acme"]


def test_what_was_removed_and_is_nobody_elses_is_ended() -> None:
    assert ends(removed(online("one", look_of(ABSENT)))) == [("one", "acme", Reason.REMOVED)]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (SHUT, "it does not answer to the password that its document would have, so that nothing proves whose it is"),
        (replace(look_of(ABSENT), uuid="another"), "its mark does not say that it is instance/acme"),
        (
            replace(look_of(ABSENT), modules={"base": "to upgrade"}),
            "somebody is at work in it: modules base are 'to upgrade'; it is looked at again later",
        ),
    ],
)
def test_what_was_removed_and_cannot_be_told_or_is_worked_in_is_kept_and_that_is_told(
    look: DatabaseLook, why: str
) -> None:
    assert kept(removed(online("one", look))) == [f"its document was removed, and it is kept: {why}"]


def test_what_was_removed_is_kept_while_a_clock_is_not_believed() -> None:
    (said,) = kept(removed(replace(online("one", look_of(ABSENT)), clock=LATE.clock)))
    assert said.startswith("its document was removed, and it is kept: ")
    assert "clock" in said


def test_what_was_removed_is_kept_on_a_server_that_is_held() -> None:
    assert ends(removed(replace(online("one", look_of(ABSENT)), version="18.0"))) == []
    assert ends(removed(offline("one"))) == []


# What is to be dropped

OLD = names.trash("acme", NOW - timedelta(days=400))
GONE = instance("other", server="one")


def over(**seen: Any) -> DatabaseLook:
    """Make the look of trash past its time that its text ended as that."""
    return in_trash(OLD, active_crons=(), quiesced_crons=CRONS, **seen)


def drops(changes: Changeset) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(a.address, a.database, a.reason, a.after) for a in changes.actions if a.verb is verbs.DROP]


def said_of(changes: Changeset, name: str = OLD) -> list[str]:
    assert drops(changes) == []
    return [each.what for each in changes.left_alone if each.database == name]


def test_trash_past_its_time_is_dropped_as_its_documents_or_as_its_servers() -> None:
    assert drops(plan(ABSENT, online("one", over()))) == [("instance/acme", OLD, Reason.KEPT_LONG_ENOUGH, ())]
    assert drops(plan(GONE, online("one", over()))) == [("server/one", OLD, Reason.KEPT_LONG_ENOUGH, ())]
    of_template = over(mark={"kind": "template", "code": "acme"})
    assert drops(plan(ABSENT, online("one", of_template))) == [("server/one", OLD, Reason.KEPT_LONG_ENOUGH, ())]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (
            DatabaseLook(OLD, Access.REFUSED),
            "whether its text ended it cannot be told, it takes no password of this fleet",
        ),
        (
            DatabaseLook(OLD, Access.FAILED, "no memory"),
            "whether its text ended it cannot be told, it takes no password of this fleet: no memory",
        ),
        (replace(over(), mark=None), "nothing in it tells whose it is"),
        (over(mark={"fleet": "theirs"}), "it belongs to fleet 'theirs'"),
    ],
)
def test_trash_past_its_time_of_which_that_cannot_be_told_is_kept_and_why(look: DatabaseLook, why: str) -> None:
    assert said_of(plan(GONE, online("one", look))) == [f"trash, and kept: {why}"]


def test_trash_past_its_time_is_kept_unseen_or_while_a_document_may_want_it_back_or_a_clock_is_not_believed() -> None:
    assert said_of(plan(GONE, online("one", lists=[OLD]))) == [
        "trash, and kept: its time is over, and it was not looked into"
    ]
    wanted = instance("acme", server="one")
    both = online("one", over(), look_of(wanted))
    assert said_of(plan(wanted, both)) == ["trash, and kept: a document declares acme, and may want it back"]
    (said,) = said_of(plan(GONE, replace(online("one", over()), clock=LATE.clock)))
    assert "clock" in said


def test_what_was_replaced_is_dropped_once_its_time_is_over_though_its_document_is_there_and_not_before() -> None:
    wanted, name = instance("acme", server="one"), names.trash("acme", NOW - timedelta(days=1))
    swapped = over(mark={"replaced": OLD})
    assert [d[1] for d in drops(plan(wanted, online("one", swapped, look_of(wanted))))] == [OLD]
    young = in_trash(name, active_crons=(), quiesced_crons=CRONS, mark={"replaced": name})
    (said,) = said_of(plan(wanted, online("one", young, look_of(wanted))), name)
    assert said == f"trash: dropped for good after {NOW + timedelta(days=29):%Y-%m-%d %H:%M} UTC"


def test_trash_of_a_name_that_nobody_declares_or_remembers_is_said_to_be_dropped_only_if_it_is_ours() -> None:
    (said,) = said_of(plan(GONE, online("one", lists=[TRASH])), TRASH)
    assert said.endswith(", if it is this fleet's")
    known = remembered(("acme", "one", "acme"))
    (said,) = said_of(plan(GONE, online("one", lists=[TRASH]), inventory=known), TRASH)
    assert not said.endswith("if it is this fleet's")


# How it is ended, and what comes before


def goes(changes: Changeset) -> list[tuple[str, str]]:
    return [(str(a.verb), a.database) for a in changes.actions if a.database and a.kind == "instance"]


def at_the_lock(*, in_service: bool) -> DatabaseLook:
    look = look_of(ABSENT, "switching.acme")
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, in_service=in_service))


@pytest.mark.parametrize(("in_service", "verb"), [(False, verbs.DISCARD), (True, verbs.END)])
def test_at_the_lock_only_a_build_that_was_never_in_service_is_thrown_away(
    verb: verbs.Verb, *, in_service: bool
) -> None:
    look = at_the_lock(in_service=in_service)
    assert goes(plan(ABSENT, online("one", look))) == [(verb, "switching.acme")]
    assert goes(removed(online("one", look))) == [(verb, "switching.acme")]


def test_elsewhere_a_build_that_was_never_in_service_is_ended_like_any_other() -> None:
    look = look_of(ABSENT)
    assert look.mark is not None
    unused = replace(look, mark=replace(look.mark, in_service=False))
    assert goes(plan(ABSENT, online("one", unused))) == [(verbs.END, "acme")]


def test_what_was_backed_up_and_noted_as_ended_is_not_backed_up_once_more() -> None:
    document = instance("acme", server="one", state="absent", backup="{}")
    text = desired(document, **TARGETS)
    for look, shown in ((look_of(ABSENT), ["backup"]), (in_trash(), [])):
        changes = decide(text, observed(ready(text, online("one", look))), KNOWN, NOW, Limits()).changeset
        (end,) = [a for a in changes.actions if a.verb is verbs.END]
        assert [c.field for c in end.changes] == shown


def test_what_is_ended_or_dropped_on_a_server_that_is_not_in_use_yet_waits_until_it_is() -> None:
    text = desired(ABSENT)
    for look, verb in ((in_trash(), verbs.END), (over(), verbs.DROP)):
        changes = decide(text, observed(online("one", look)), NOTHING_REMEMBERED, NOW, Limits()).changeset
        (activate,) = [a for a in changes.actions if a.verb is verbs.ACTIVATE]
        assert [a.after for a in changes.actions if a.verb is verb] == [(activate.id,)]


def test_what_a_move_left_behind_is_dropped_once_its_time_is_over_and_it_is_in_service_where_it_went() -> None:
    name = names.moved("acme", NOW - timedelta(days=400))
    left = look_of(ANYWHERE, name)
    text = desired(instance("acme", server="two"), servers=["one", "two"])
    there = ready(text, online("one", left))
    for form, gone in (("acme", [name]), ("switching.acme", [])):
        two = ready(text, online("two", look_of(instance("acme", server="two"), form, "two")))
        changes = decide(text, observed(there, two), NOTHING_REMEMBERED, NOW, Limits()).changeset
        assert [a.database for a in changes.actions if a.verb is verbs.DROP] == gone
    why = "nothing in it says that it is in service elsewhere: it may be all that there is"
    assert said_of(plan(GONE, online("one", left)), name) == [f"left behind by a move, and kept: {why}"]


# What is to be replaced

RESTORED = {"server": "one", "restore_from": "{}"}
ACTIVE = instance("acme", **RESTORED)


def replaced(document: str, host: ObservedHost, asked: Replacing, inventory: Inventory = KNOWN) -> Changeset:
    text = desired(document, **TARGETS)
    return decide(text, observed(ready(text, host)), inventory, NOW, Limits(replacing=asked)).changeset


def why_not(document: str, host: ObservedHost, trash: str = "") -> tuple[str, str, str]:
    return refusal(replaced(document, host, Replacing("acme", trash)))


def test_what_its_text_asks_for_is_replaced() -> None:
    (action,) = replaced(ACTIVE, online("one", look_of(instance("acme"))), Replacing("acme")).actions
    assert (action.verb, action.database, action.becomes) == (verbs.REPLACE, "acme", "acme")
    assert [(c.field, c.observed) for c in action.changes] == [("contents", "as of now")]


def test_what_is_protected_is_not_replaced() -> None:
    document = instance("acme", deletion_protection="true", **RESTORED)
    assert why_not(document, online("one", look_of(instance("acme")))) == (
        "one",
        "acme: it is protected against deletion, and would go to the trash",
        "take `deletion_protection` out in a change of its own",
    )


def test_what_was_not_looked_into_is_not_replaced() -> None:
    assert why_not(ACTIVE, online("one", lists=["acme"])) == ("one", f"acme: {UNSEEN[0]}", UNSEEN[1])


@pytest.mark.parametrize("name", ["switching.acme", "old"])
def test_what_is_on_its_way_or_still_to_be_renamed_is_not_replaced(name: str) -> None:
    document = instance("acme", renamed_from="old", **RESTORED)
    look = look_of(instance("acme", renamed_from="old"), name)
    assert look.mark is not None
    look = replace(look, mark=replace(look.mark, code="old", in_service=True))
    assert why_not(document, online("one", look)) == (
        "one",
        f"{name}: what its text says of it is not done yet",
        "run `odoo-fleet apply`, and replace it after that",
    )


@pytest.mark.parametrize(
    "trash", [names.trash("acme", NOW), names.trash("beta", NOW - timedelta(days=1)), names.moved("acme", NOW), "beta"]
)
def test_what_is_not_listed_as_trash_of_its_own_name_takes_its_place_never(trash: str) -> None:
    there = online(
        "one",
        look_of(instance("acme")),
        lists=[names.trash("beta", NOW - timedelta(days=1)), names.moved("acme", NOW), "beta"],
    )
    assert why_not(ACTIVE, there, trash) == (
        "one",
        f"{trash} is not listed on one as trash of acme",
        "see `status trash`",
    )


def test_its_own_trash_that_is_listed_takes_its_place() -> None:
    (action,) = replaced(
        ACTIVE, online("one", look_of(instance("acme")), lists=[TRASH]), Replacing("acme", TRASH)
    ).actions
    assert [(c.field, c.desired) for c in action.changes] == [("contents", TRASH)]


def test_nothing_is_replaced_while_a_clock_is_not_believed() -> None:
    _, why, _ = why_not(ACTIVE, replace(online("one", look_of(instance("acme"))), clock=LATE.clock))
    assert "clock" in why


def test_what_can_have_no_backup_before_comes_back_from_the_trash_only_where_none_is_asked_for() -> None:
    document = instance("acme", server="one", backup="{}")
    text = desired(document)
    seen = observed(ready(text, online("one", look_of(instance("acme")), lists=[TRASH])))
    for backup_first in (True, False):
        limits = Limits(replacing=Replacing("acme", TRASH, backup_first))
        changes = decide(text, seen, NOTHING_REMEMBERED, NOW, limits).changeset
        assert [a.verb for a in changes.actions if a.code == "acme"] == ([] if backup_first else [verbs.REPLACE])
