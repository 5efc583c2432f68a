"""Drift that comes back: told with how often, since when and how far apart; never with a value, whatever the order."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.notices.notices import Level, NoticeName
from reconciler.notices.records import OutcomeRecord
from reconciler.notices.recurrence import WINDOW, Repair, drifted_fields, ordinal, repairs, returned, told
from tests.harness.virtual_time import EPOCH

SECRET = "s3cr3t-v4lu3"


def repair(hours_ago: float = 0, *fields: str, code: str = "acme", server: str = "prod-1") -> Repair:
    return Repair("instance", code, server, fields or ("lang",), EPOCH - timedelta(hours=hours_ago))


def drift(*fields: str, code: str = "acme", reason: Reason = Reason.DRIFTED) -> Action:
    changes = tuple(FieldChange(field, "there", "wanted") for field in fields)
    return Action(verbs.CONFIGURE, "instance", code, "prod-1", reason, code, code, changes)


def test_the_first_repair_is_told_as_it_is() -> None:
    notice = told(repair(0, "lang"), [], "abc")
    assert (notice.name, notice.level) == (NoticeName.DRIFT_REPAIRED, Level.INFO)
    assert notice.detail == "lang of instance/acme on prod-1 had drifted from the text and was repaired"
    assert (notice.kind, notice.code, notice.server, notice.revision) == ("instance", "acme", "prod-1", "abc")
    assert notice.fields == ("lang",)


def test_a_field_that_comes_back_is_a_question() -> None:
    notice = told(repair(), [repair(24), repair(48), repair(96)], "abc")
    assert (notice.name, notice.level) == (NoticeName.DRIFT_RETURNED, Level.WARNING)
    assert notice.detail == (
        "lang of instance/acme on prod-1 was repaired for the 4th time since 2026-11-20 (about every 32 h): "
        "someone or something keeps changing it"
    )


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        (0.01, "2nd time since 2026-11-24 11:59 UTC (about 36 s apart)"),
        (1, "2nd time since 2026-11-24 11:00 UTC (about 60 min apart)"),
        (23, "2nd time since 2026-11-23 13:00 UTC (about 23 h apart)"),
        (120, "2nd time since 2026-11-19 (about 5 days apart)"),
    ],
)
def test_how_far_apart_is_said_in_fitting_units(hours: float, says: str) -> None:
    assert says in told(repair(), [repair(hours)], "").detail


def test_several_fields_each_have_their_own_history() -> None:
    earlier = [repair(24, "lang", "company"), repair(48, "lang", "company"), repair(12, "timezone")]
    notice = told(repair(0, "company", "country_code", "lang", "timezone"), earlier, "")
    assert notice.detail == (
        "company and lang of instance/acme on prod-1 were repaired for the 3rd time since 2026-11-22 (about every 24 h), "
        "timezone for the 2nd time since 2026-11-24 00:00 UTC (about 12 h apart): "
        "someone or something keeps changing them (repaired as well, for the first time: country_code)"
    )


def test_many_fields_are_counted_and_not_all_named() -> None:
    fields = tuple(f"modules.m{number}" for number in range(9))
    assert "modules.m0, modules.m1, modules.m2, modules.m3 and 5 more of" in told(repair(0, *fields), [], "").detail


@pytest.mark.parametrize(
    "other",
    [
        repair(24, "company"),
        repair(24, code="bistro"),
        repair(24, server="prod-2"),
        repair(24 * 7 + 1),
        repair(0),  # itself, as the journal already has it
        repair(-1),
    ],
)
def test_only_the_same_field_of_the_same_database_in_the_week_before_counts(other: Repair) -> None:
    assert told(repair(), [other], "").name is NoticeName.DRIFT_REPAIRED


def test_a_week_ago_to_the_second_still_counts() -> None:
    assert told(repair(), [repair(24 * 7)], "").name is NoticeName.DRIFT_RETURNED


def test_a_plan_notes_on_each_action_how_often_its_drift_came_back() -> None:
    earlier = [repair(24), repair(48), repair(72), repair(24, "company", code="bistro")]
    actions = [drift("lang", "mark.digest"), drift("company", "lang", code="bistro"), drift("lang", code="cafe")]
    assert returned(actions, earlier, EPOCH) == {
        "configure instance/acme on prod-1": "drifted again (4th time in 7 days)",
        "configure instance/bistro on prod-1": "company drifted again (2nd time in 7 days)",
    }


def test_what_is_planned_because_the_text_changed_is_no_drift() -> None:
    assert returned([drift("lang", reason=Reason.CHANGED)], [repair(24)], EPOCH) == {}


ENDED = OutcomeRecord(
    pass_id=1,
    at=EPOCH,
    action_id="configure instance/acme on prod-1",
    verb="configure",
    kind="instance",
    code="acme",
    server="prod-1",
    database="acme",
    becomes="acme",
    reason="drifted",
    result="done",
    detail="",
    seconds=1.0,
    changes=(("lang", "de_DE", "fr_BE"), ("mark.digest", "a", "b")),
    revision=None,
    command="daemon",
    ran_by=None,
)
"""An action as a journal gives it back."""


def test_only_drift_that_was_repaired_is_a_repair() -> None:
    others = [replace(ENDED, reason=reason) for reason in ("changed", "of-a-later-version")]
    others += [replace(ENDED, result=result) for result in ("failed", "unknown")]
    assert repairs([ENDED, *others]) == (repair(),)


def test_the_mark_counts_only_by_itself() -> None:
    assert drifted_fields(["mark.digest", "lang", "lang"]) == ("lang",)
    assert drifted_fields(["mark.digest"]) == ("mark.digest",)


@pytest.mark.parametrize(
    ("number", "rank"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (22, "22nd")]
)
def test_ranks(number: int, rank: str) -> None:
    assert ordinal(number) == rank


names = st.sampled_from(["lang", "company", "timezone", "parameters.a{0}b", "modules.{x}", "mark.digest"])
some_fields = st.lists(names, min_size=1, unique=True).map(drifted_fields)
a_repair = st.builds(
    Repair,
    st.just("instance"),
    st.sampled_from(["acme", "bistro"]),
    st.sampled_from(["prod-1", "prod-2"]),
    some_fields,
    st.timedeltas(-2 * WINDOW, 2 * WINDOW).map(lambda delta: EPOCH + delta),
)


@given(a_repair, st.lists(a_repair), st.randoms(use_true_random=False))
def test_the_order_of_the_past_does_not_matter(new: Repair, past: list[Repair], chance: random.Random) -> None:
    shuffled = [*past, *past[:3]]
    chance.shuffle(shuffled)
    assert told(new, past, "r") == told(new, shuffled, "r")
    actions = [drift(*each.fields, code=each.code) for each in past[:1]]
    assert returned(actions, past, EPOCH) == returned(actions, shuffled, EPOCH)


@given(a_repair, st.lists(a_repair))
def test_it_is_a_warning_exactly_when_one_of_its_fields_was_repaired_in_the_week_before(
    new: Repair, past: list[Repair]
) -> None:
    same = [e for e in past if (e.code, e.server) == (new.code, new.server) and set(e.fields) & set(new.fields)]
    came_back = any(timedelta(0) < new.at - e.at <= timedelta(days=7) for e in same)
    notice = told(new, past, "r")
    assert (notice.level is Level.WARNING) == came_back
    assert all(field in notice.detail for field in new.fields)


@given(st.lists(st.tuples(names, st.just(SECRET), st.just(f"{SECRET}-wanted")), min_size=1, max_size=4))
def test_no_value_is_ever_told(changes: list[tuple[str, str, str]]) -> None:
    (old,) = repairs([replace(ENDED, changes=tuple(changes), at=EPOCH - timedelta(hours=1))])
    (new,) = repairs([replace(ENDED, changes=tuple(changes))])
    action = Action(
        verbs.CONFIGURE, "instance", "acme", "prod-1", Reason.DRIFTED, changes=tuple(FieldChange(*c) for c in changes)
    )
    said = f"{told(old, [], 'r')} {told(new, [old], 'r')} {returned([action], [old], EPOCH)}"
    assert "2nd time" in said
    assert SECRET not in said
