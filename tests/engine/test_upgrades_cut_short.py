"""What an upgrade counts, notes and sends when an earlier one was cut short, or fails, or is one too many; in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.failures import ConnectionCut, Rejected, UnknownOutcome
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.engine.carrying_out.performer import NotBegun
from tests.core.scenes import desired, instance
from tests.engine.test_carrying_out import Stand, act
from tests.engine.test_proving_upgrades import AGAIN, MAIL, UPGRADE, kept, notes, stand
from tests.harness.virtual_time import EPOCH, run

AT = {"server": "one", "database": "acme"}
BEGUN = UpgradeNote(EPOCH - timedelta(hours=1), "uuid of acme", {"crm": "19.0.1.1"}, 2)


def noted(made: Stand) -> list[UpgradeNote]:
    return [note for _, _, note, _ in made.host.done("note_upgrade")]


# How often it was begun


@pytest.mark.parametrize(
    ("before", "tries"),
    [
        (None, 1),
        (BEGUN, 3),
        (replace(BEGUN, why="the script is broken"), 1),  # its end is known: what follows is another one
    ],
    ids=["the first", "cut short twice", "failed"],
)
def test_each_time_that_it_was_begun_and_nobody_saw_its_end_counts(before: UpgradeNote | None, tries: int) -> None:
    made = stand()
    kept(made).seen["upgrading"] = before
    made.perform(UPGRADE)
    assert [note.tries for note in noted(made)] == [tries, tries]


def test_it_is_noted_as_done_at_the_moment_at_which_it_is_and_waits_begin_from_there() -> None:
    made = stand()
    made.host.answers["upgrade"] = [ConnectionCut("closed", **AT)]
    made.perform(UPGRADE)
    begun, proven = noted(made)
    assert proven.at > begun.at


# What it sends


def test_what_was_cut_short_goes_on_with_what_it_had_noted() -> None:
    made = stand()
    kept(made).seen = {"upgrading": BEGUN, "modules": {"base": "installed", "crm": "to upgrade"}}
    made.perform(UPGRADE)
    assert made.host.done("prepare_upgrade", "upgrade") == [("upgrade", "acme", "crm")]
    assert notes(made)[-1] == (True, "", False)


def test_what_had_come_to_its_end_unseen_is_only_proven() -> None:
    made = stand()
    kept(made).seen = {"upgrading": BEGUN}
    made.perform(UPGRADE)
    assert made.host.done("prepare_upgrade", "upgrade") == []
    assert [(note.to, note.tries) for note in noted(made)] == [(BEGUN.to, 3)] * 2


def test_what_is_broken_and_no_version_tells_by_what_has_all_its_modules_upgraded() -> None:
    made = stand()
    kept(made).seen = {"broken": "column x does not exist"}
    made.perform(UPGRADE)
    assert made.host.done("prepare_upgrade", "upgrade") == [
        ("prepare_upgrade", "acme", "base"),
        ("upgrade", "acme", "base"),
    ]


@pytest.mark.parametrize("broken", ["", "column x does not exist"])
def test_what_is_neutralized_is_kept_asleep_first_unless_nothing_can_be_made_in_it(broken: str) -> None:
    made = stand(text=desired(instance("acme", neutralize="true")))
    kept(made).seen["broken"] = broken
    made.perform(UPGRADE)
    calls = [call[0] for call in made.host.done("keep_asleep", "upgrade", "neutralize", "let_go")]
    assert calls == [*([] if broken else ["keep_asleep"]), "upgrade", "neutralize", "let_go"]


def test_one_whose_answer_is_lost_is_not_sent_twice_and_ends_the_rollout() -> None:
    made = stand()
    made.host.answers["upgrade"] = [UnknownOutcome("no answer", **AT)]
    assert made.fails(UPGRADE) == (UnknownOutcome, "no answer", "", "acme")
    assert len(made.host.done("upgrade")) == 1
    assert notes(made) == [(False, "", False)], "whoever comes next counts it as cut short"
    assert made.performer.failed_upgrades == {"instance/acme"}


# What a failure says


@pytest.mark.parametrize(("advice", "told"), [("", AGAIN), ("mend the script", f"{AGAIN} (mend the script)")])
def test_what_odoo_advises_is_told_beside_how_to_try_again(advice: str, told: str) -> None:
    made = stand()
    made.host.answers["upgrade"] = Rejected("the script is broken", advice=advice, **AT)
    assert made.fails(UPGRADE) == (Rejected, "the script is broken", told, "acme")
    assert notes(made) == [(False, "", False), (False, "the script is broken", True)]


def test_a_rollout_with_more_failures_than_it_may_have_stops_with_their_names() -> None:
    codes = ("dora", "acme", "bert")
    made = Stand(desired(*map(instance, codes)))
    for code in codes:
        made.host.hold(made.spec(f"instance/{code}")).seen = {"behind": (MAIL,)}
    made.host.answers["upgrade"] = Rejected("the script is broken", server="one")
    dora, acme, bert = (replace(act(verbs.UPGRADE, code, address=f"instance/{code}"), may_fail=1) for code in codes)
    for action in (dora, acme):
        with pytest.raises(Rejected):
            made.perform(action)
    with pytest.raises(NotBegun) as stopped:
        run(made.tell(bert))
    assert str(stopped.value) == "the rollout has stopped: the upgrade of instance/acme, instance/dora failed"
    assert not [call for call in made.host.asked if call[1:2] == ("bert",)], "it is not even looked into"
