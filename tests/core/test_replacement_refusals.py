"""What takes the place of a database, and what does not: what is shown of it, where it comes from, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.diffs import copies
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, ORPHANED, Inventory
from reconciler.core.model.observed import Access, BackupSeen, DatabaseLook, ObservedHost
from reconciler.core.policies.replacements import LOST, Replacing
from reconciler.core.policies.replacements import NOW as AS_OF_NOW
from reconciler.fleet.desired import Desired
from tests.core.one_instance import look_of, refusal, remembered
from tests.core.scenes import CRONS, NOW, as_declared, desired, instance, observed, online, seen_as, spec

TARGETS = {"backup_targets": "{main: {url: file:///srv/odoo-backups}}"}
ACME, BETA = instance("acme"), instance("beta")
RESTORED = instance("acme", restore_from="{}")
TRIAL = "kind: instance\ncode: trial\nclone_of: acme\nplan: starter\n"
WEEKLY = f'{TRIAL}refresh: "0 4 * * 1"\n'
BY_COMMAND = Replacing("trial", backup_first=False)
MADE = NOW - timedelta(days=30)
SOURCE = "a1b2"
TRASH = names.trash("acme", NOW - timedelta(days=1))
KNOWN = remembered(("acme", "one", "acme"))
AS_IT_IS: Mapping[str, Any] = {}


def fleet_of(*documents: str) -> Desired:
    return desired(*documents, servers=["one", "two"], **TARGETS)


def look(text: Desired, address: str, server: str = "one", **seen: Any) -> DatabaseLook:
    """Make the look of what is as declared, its modules of the one version that all code here has."""
    found = as_declared(spec(text, address, server))
    return seen_as(replace(found, versions=dict.fromkeys(found.modules, ("1", "1"))), **seen)


def source(text: Desired, server: str = "one", uuid: str = SOURCE, **seen: Any) -> DatabaseLook:
    """Make the look of the database that is copied, whose uuid is as one word as they are."""
    found = look(text, "instance/acme", server)
    assert found.mark is not None
    return seen_as(found, **{"uuid": uuid, "mark": replace(found.mark, uuid=uuid), **seen})


def trial(text: Desired, made_of: str = "instance/acme", uuid: str = SOURCE, **seen: Any) -> DatabaseLook:
    """Make the look of a copy on the server `one` that was made a month ago."""
    noted = copies.noted(made_of, MADE, uuid)
    return look(text, "instance/trial", **{"quiesced_crons": None, "restored_from": noted, **seen})


def decided(
    text: Desired,
    *looks: DatabaseLook,
    two: ObservedHost | None = None,
    asked: Replacing | None = None,
    inventory: Inventory = NOTHING_REMEMBERED,
    lists: Iterable[str] = (),
    one: Mapping[str, Any] = AS_IT_IS,
) -> Changeset:
    """Plan for looks on the server `one`, which has its template; `one` changes what else is seen of that."""
    here = replace(online("one", look(text, "template/base"), *looks, lists=lists), **one)
    there = two or online("two", look(text, "template/base", "two"))
    return decide(text, observed(here, there), inventory, NOW, Limits(replacing=asked)).changeset


def replaced(changes: Changeset, code: str = "trial") -> Action:
    (action,) = [a for a in changes.actions if a.code == code]
    assert action.verb is verbs.REPLACE
    assert not [b for b in changes.blocked if b.code == code]
    return action


def held(changes: Changeset) -> tuple[Action, str]:
    """Say what of the copy is withheld, and why; it is not blocked, and not replaced."""
    assert not [b for b in changes.blocked if b.code == "trial"]
    assert not [a for a in changes.actions if a.verb is verbs.REPLACE]
    (each,) = changes.withheld
    assert (each.action.verb, each.action.address) == (verbs.REPLACE, "instance/trial")
    return each.action, each.why


# By a rhythm


def test_what_is_planned_and_what_is_in_the_way_of_others_stays_beside_one_that_is_due() -> None:
    text = fleet_of(ACME, BETA, instance("gamma"), instance("delta"), WEEKLY)
    rotated, foreign = look(text, "instance/beta", access=Access.FORMER), look(text, "instance/gamma", mark=None)
    changes = decided(text, source(text), rotated, foreign, trial(text))
    assert {"instance/beta", "instance/delta"} <= {a.address for a in changes.actions}
    assert [b.address for b in changes.blocked] == ["instance/gamma"]
    assert replaced(changes).changes[0] == FieldChange(
        "contents", f"{AS_OF_NOW}, made {MADE:%Y-%m-%d %H:%M} UTC", "instance/acme as it is then"
    )


def test_what_is_not_noted_to_be_a_copy_is_blocked_with_what_may_be_done() -> None:
    text = fleet_of(ACME, WEEKLY)
    own = trial(text, "customer.zip", "")
    server, why, advice = refusal(decided(text, source(text), own), "trial")
    assert (server, why) == ("one", f"trial: it is not made anew by its rhythm: {copies.NO_COPY}")
    assert "`odoo-fleet refresh trial`" in advice


def test_of_another_database_than_before_it_is_not_made_anew_by_its_rhythm() -> None:
    text = fleet_of(ACME, WEEKLY)
    server, why, advice = refusal(decided(text, source(text), trial(text, uuid="former")), "trial")
    assert server == "one"
    assert f"({SOURCE}, not former)" in why
    assert "`odoo-fleet refresh trial`" in advice


def test_a_source_that_was_not_looked_into_is_no_other_database() -> None:
    text = fleet_of(ACME, WEEKLY)
    changes = decided(text, trial(text), lists=["acme"])
    assert replaced(changes).reason is Reason.SCHEDULED


def test_one_that_was_begun_lately_waits_for_nothing_and_says_how_it_is_done_at_once() -> None:
    text = fleet_of(ACME, WEEKLY)
    begun = copies.tried(trial(text, uuid="former"), NOW - timedelta(hours=1))
    changes = decided(text, source(text, access=Access.FORMER), trial(text, restored_from=begun))
    action, why = held(changes)
    assert action.after == ()
    assert "`odoo-fleet refresh trial`" in why
    assert {a.code for a in changes.actions} == {"acme"}, "what its source needs is done"


def test_what_its_text_changes_in_it_comes_first() -> None:
    text = fleet_of(ACME, f"{WEEKLY}parameters: {{a: b}}\n")
    edited = trial(text)
    edited = replace(edited, parameters={**edited.parameters, "a": "c"})
    changes = decided(text, source(text), edited)
    assert held(changes)[1] == "the other changes of it come first; a later run makes it anew"
    assert [(a.verb, a.code) for a in changes.actions] == [(verbs.CONFIGURE, "trial")]


def test_what_a_source_that_is_built_in_the_same_run_will_hold_takes_the_place_of_nothing() -> None:
    text = fleet_of(ACME, WEEKLY)
    changes = decided(text, trial(text))
    assert held(changes)[1].startswith("instance/acme, of which it is a copy, is built in this very run")
    assert [(a.verb, a.code) for a in changes.actions] == [(verbs.CLONE, "acme")]


@pytest.mark.parametrize("asked", [None, BY_COMMAND])
def test_what_else_is_done_to_its_source_in_the_same_run_comes_before_it(asked: Replacing | None) -> None:
    text = fleet_of(ACME, WEEKLY)
    changes = decided(text, source(text, access=Access.FORMER), trial(text), asked=asked)
    first = tuple(a.id for a in changes.actions if a.code == "acme")
    assert first
    assert replaced(changes).after == first


# On another server than its source

KEPT = BackupSeen("2026-11-01-x", "main", NOW, "19.0", dict.fromkeys(["base", "mail", "web"], "1"), uuid=SOURCE)
BACKED_UP = instance("acme", server="two", backup="{}")
STANDING = "c3d4"


def elsewhere(document: str, kept: BackupSeen | None, asked: Replacing | None = None, **made: str) -> Changeset:
    """Plan for a copy on `one` whose source is on `two`: made of this uuid's, and of what `made_of` says."""
    text = fleet_of(document, WEEKLY)
    two = online("two", look(text, "template/base", "two"), source(text, "two", STANDING))
    backups = {"acme": kept} if kept else {}
    return decided(text, trial(text, **made), two=two, asked=asked, one={"backups": backups})


def test_it_is_made_anew_of_the_newest_backup_for_which_no_server_packs_anything() -> None:
    told = FieldChange(copies.BACKUP_OF_SOURCE, f"in main, taken {NOW:%Y-%m-%d %H:%M} UTC", KEPT.id)
    contents = f"backup {KEPT.id} of instance/acme"
    action = replaced(elsewhere(BACKED_UP, KEPT))
    assert (action.changes, action.origin) == (
        (FieldChange("contents", f"{AS_OF_NOW}, made {MADE:%Y-%m-%d %H:%M} UTC", contents), told),
        "",
    )
    action = replaced(elsewhere(BACKED_UP, KEPT, BY_COMMAND, made_of=f"instance/acme {KEPT.id}"))
    assert action.changes == (FieldChange("contents", AS_OF_NOW, contents), told), "by command of the same one too"


def test_without_a_backup_the_server_of_its_source_packs_it() -> None:
    action = replaced(elsewhere(instance("acme", server="two"), None, BY_COMMAND))
    assert (action.server, action.origin) == ("one", "two")
    assert [(c.field, c.desired) for c in action.changes] == [
        ("contents", "instance/acme as it is then"),
        ("source", "packed there as it is then, since there is no backup of it"),
    ]


def test_of_the_backup_that_it_was_made_of_its_rhythm_makes_it_not_once_more() -> None:
    _, why = held(elsewhere(BACKED_UP, KEPT, made_of=f"instance/acme {KEPT.id}"))
    assert why == f"there is no newer backup of instance/acme than the one that it was made of, {KEPT.id}"


def test_a_backup_of_another_database_than_before_is_not_what_its_rhythm_makes_it_of() -> None:
    _, why, _ = refusal(elsewhere(BACKED_UP, KEPT, uuid=STANDING), "trial")
    assert f"({SOURCE}, not {STANDING})" in why


def test_without_a_source_a_command_makes_nothing_anew_and_says_which_it_lacks() -> None:
    text = fleet_of(instance("acme", expires="2026-01-01"), TRIAL)
    server, why, _ = refusal(decided(text, trial(text), asked=BY_COMMAND), "trial")
    assert (server, why) == ("one", "instance/acme, of which it is a copy, is absent")


# By a backup, or from the trash


def restored(document: str, *looks: DatabaseLook, trash: str = "", inventory: Inventory = KNOWN) -> Changeset:
    """Plan for a command that puts what `restore_from` says, or this trash, which is there, in the place of `acme`."""
    asked = Replacing("acme", trash)
    return decided(fleet_of(document), *looks, asked=asked, inventory=inventory, lists=[trash] if trash else [])


@pytest.mark.parametrize(
    ("says", "shown"),
    [("{backup: b-1}", "backup b-1 of instance/acme"), ("{backup: b-1, of: old}", "backup b-1 of instance/old")],
)
def test_the_backup_that_takes_its_place_is_named_with_whose_it_is(says: str, shown: str) -> None:
    action = replaced(restored(instance("acme", restore_from=says), look_of(ACME)), "acme")
    assert action.changes == (FieldChange("contents", AS_OF_NOW, shown),)
    assert (action.after, action.origin) == ((), "")


def test_a_suspended_one_is_replaced_by_one_that_sleeps() -> None:
    document = instance("acme", restore_from="{}", state="suspended")
    action = replaced(restored(document, look_of(instance("acme", state="suspended"), "suspended.acme")), "acme")
    assert (action.database, action.becomes) == ("suspended.acme", "suspended.acme")


def test_the_backup_that_is_made_first_is_shown_with_how_to_do_without_it() -> None:
    document = instance("acme", restore_from="{}", backup="{}")
    _, backup = replaced(restored(document, look_of(ACME)), "acme").changes
    assert backup == FieldChange("backup", "none", "one in main, made first (--without-backup: none)")


def test_what_notes_that_it_was_ended_after_its_backup_gets_no_second_one() -> None:
    document = instance("acme", restore_from="{}", backup="{}")
    there = look_of(ACME)
    assert there.mark is not None
    action = replaced(restored(document, replace(there, mark=replace(there.mark, ended=TRASH))), "acme")
    assert [c.field for c in action.changes] == ["contents"]


def test_what_is_about_to_come_back_from_the_trash_is_not_replaced_before_it_did() -> None:
    there = look_of(ACME)
    assert there.mark is not None
    in_trash = replace(
        there, database=TRASH, mark=replace(there.mark, ended=TRASH), active_crons=(), quiesced_crons=CRONS
    )
    rests = "it has no database that rests", "run `odoo-fleet apply`, and replace it after that"
    document = instance("acme", server="one", restore_from="{}")
    assert refusal(restored(document, in_trash)) == ("one", *rests)
    assert refusal(restored(RESTORED, in_trash)) == ("", *rests)


# What does not open

HALF_MADE = DatabaseLook("acme", Access.HALF_MADE)


def test_what_memory_knows_and_nobody_can_log_in_to_is_replaced_as_lost() -> None:
    action = replaced(restored(RESTORED, HALF_MADE), "acme")
    assert action.changes == (FieldChange("contents", LOST, "backup latest of instance/acme"),)
    action = replaced(restored(ACME, HALF_MADE, trash=TRASH), "acme")
    assert action.changes == (FieldChange("contents", LOST, TRASH),)


def test_what_is_lost_does_not_hide_what_is_in_the_way_of_others() -> None:
    text = fleet_of(RESTORED, BETA)
    foreign = look(text, "instance/beta", mark=None)
    changes = decided(text, HALF_MADE, foreign, asked=Replacing("acme"), inventory=KNOWN)
    assert [b.address for b in changes.blocked] == ["instance/beta"]


@pytest.mark.parametrize(
    "inventory", [NOTHING_REMEMBERED, remembered(("acme", "one", "other")), remembered(("acme", "two", "acme"))]
)
def test_what_nobody_can_log_in_to_and_memory_does_not_know_as_its_own_is_not_replaced(inventory: Inventory) -> None:
    server, why, advice = refusal(restored(RESTORED, HALF_MADE, inventory=inventory))
    assert (server, why) == ("one", "acme: its initialisation never ended")
    assert "`odoo-fleet restore acme --confirm-listing one`" in advice


def test_what_an_earlier_document_left_behind_is_not_taken_for_lost() -> None:
    left = {key: replace(entry, digest=f"{ORPHANED}x") for key, entry in KNOWN.entries.items()}
    changes = restored(RESTORED, HALF_MADE, inventory=replace(KNOWN, entries=left))
    assert refusal(changes)[1] == "acme: its initialisation never ended"


def test_what_is_still_to_be_renamed_is_not_taken_for_lost() -> None:
    document = instance("acme", renamed_from="old", restore_from="{}")
    there = replace(HALF_MADE, database="old")
    changes = restored(document, there, inventory=remembered(("acme", "one", "old")))
    assert refusal(changes)[1] == "old: its initialisation never ended"


def test_what_is_lost_is_not_replaced_on_a_server_that_runs_another_version() -> None:
    older = {"version": "18.0"}
    changes = decided(fleet_of(RESTORED), HALF_MADE, asked=Replacing("acme"), inventory=KNOWN, one=older)
    assert refusal(changes)[1] == "server one runs Odoo 18.0, declared is 19.0"
