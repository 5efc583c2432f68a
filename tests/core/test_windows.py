"""Windows and freezes: what may not begin now waits, with until when; what was begun before is finished at any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.policies.windows import closed, is_open, opens_at
from reconciler.fleet.desired import Desired
from schemas.windows import WEEK, VerbName, Window
from tests.core.scenes import desired, instance

BRUSSELS = ZoneInfo("Europe/Brussels")
NIGHTS = {"verbs": ["configure"], "days": ["mon", "tue"], "from": "22:00", "to": "05:00", "timezone": "Europe/Brussels"}
HOLIDAYS = {"from": "2026-12-24", "to": "2027-01-03", "reason": "closed", "except": ["resume"]}


def fleet(**settings: object) -> Desired:
    return desired(instance("acme", labels={"tier": "gold"}), **{name: str(value) for name, value in settings.items()})


def why(text: Desired, moment: datetime, verb: verbs.Verb = verbs.CONFIGURE, reason: Reason = Reason.CHANGED) -> str:
    action = Action(verb, "instance", "acme", "one", reason, "acme", "acme")
    return closed([action], text, moment.astimezone(UTC)).get(action.id, "")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Brussels; the 30th is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=BRUSSELS)


def test_what_a_window_names_begins_inside_of_it_only() -> None:
    text = fleet(windows=[NIGHTS])
    assert why(text, at(30, 21, 59)) == "its window opens at 2026-11-30 22:00 Europe/Brussels"
    assert why(text, at(30, 22)) == ""
    assert why(text, at(30, 12), verbs.RENAME) == ""


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opened() -> None:
    text = fleet(windows=[NIGHTS])
    assert why(text, at(30, 4)) == "its window opens at 2026-11-30 22:00 Europe/Brussels"  # Sunday's night is none
    assert why(text, at(30, 23) + timedelta(days=1, hours=5)) == ""  # on Wednesday at 4
    assert why(text, at(30, 23) + timedelta(days=1, hours=6)) == "its window opens at 2026-12-07 22:00 Europe/Brussels"


def test_of_several_windows_one_that_is_open_is_enough() -> None:
    noon = {"verbs": ["configure"], "from": "12:00", "to": "13:00"}
    assert why(fleet(windows=[NIGHTS, noon]), datetime(2026, 11, 28, 12, 30, tzinfo=UTC)) == ""
    assert "opens at 2026-11-29 12:00 UTC" in why(fleet(windows=[NIGHTS, noon]), datetime(2026, 11, 28, 14, tzinfo=UTC))


def test_a_selector_goes_by_labels_of_the_document_and_of_its_server() -> None:
    others, gold = {**NIGHTS, "selector": {"tier": "silver"}}, {**NIGHTS, "selector": {"tier": "gold"}}
    assert why(fleet(windows=[others]), at(30, 12)) == ""
    assert why(fleet(windows=[gold]), at(30, 12)) != ""


def test_a_freeze_holds_all_but_what_it_excepts_on_its_days_in_its_time_zone() -> None:
    text = fleet(freezes=[{**HOLIDAYS, "timezone": "Europe/Brussels"}])
    during = datetime(2026, 12, 31, 12, tzinfo=UTC)
    assert why(text, during) == "a freeze holds until 2027-01-04 00:00 Europe/Brussels: closed"
    assert why(text, during, verbs.RESUME) == ""
    assert why(text, datetime(2026, 12, 23, 22, 59, tzinfo=UTC)) == ""
    assert why(text, datetime(2026, 12, 23, 23, tzinfo=UTC)) != ""
    assert why(text, datetime(2027, 1, 3, 23, tzinfo=UTC)) == ""


@pytest.mark.parametrize("text", [fleet(windows=[NIGHTS]), fleet(freezes=[{**HOLIDAYS, "from": "2026-01-01"}])])
def test_what_was_begun_is_finished_at_any_time(text: Desired) -> None:
    assert why(text, at(28, 12)) != ""
    assert why(text, at(28, 12), reason=Reason.INTERRUPTED) == ""


def test_the_schema_knows_every_verb() -> None:
    ours = {
        str(value) for value in vars(verbs).values() if isinstance(value, verbs.Verb)
    }  # without those of other tests
    assert set(get_args(VerbName)) == ours


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds
TIMES = st.times().map(lambda t: f"{t:%H:%M}")
ZONES = st.sampled_from(["UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
DAYS = st.lists(st.sampled_from(WEEK), min_size=1, unique=True)


@given(MOMENTS, TIMES, TIMES, ZONES, DAYS, st.floats(0, 0.999))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_what_waits_waits_until_the_window_opens_and_not_longer(
    now: datetime, opens: str, closes: str, zone: str, days: list[str], share: float
) -> None:
    given = {"verbs": ["configure"], "from": opens, "to": closes, "timezone": zone, "days": days}
    window = Window.model_validate(given)
    until = opens_at(window, now)
    assert now < until
    assert is_open(window, until)
    assert is_open(window, now) or not is_open(window, now + share * (until - now))


def test_a_window_that_the_change_to_summer_time_swallows_is_promised_for_the_day_after() -> None:
    given = {"verbs": ["configure"], "from": "02:30", "to": "03:15", "timezone": "Europe/Brussels"}
    window = Window.model_validate(given)
    swallowed = datetime(2027, 3, 28, 0, 0, tzinfo=BRUSSELS).astimezone(UTC)
    assert opens_at(window, swallowed) == datetime(2027, 3, 29, 2, 30, tzinfo=BRUSSELS)
