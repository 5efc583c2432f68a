"""Names at their edges: clocks elsewhere, and the longest name that PostgreSQL keeps; each failed while its line was wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.core.model import names


@pytest.mark.usefixtures("far_east")
def test_times_in_names_are_utc_on_a_machine_that_is_elsewhere() -> None:
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    for moment in (noon, noon.astimezone(timezone(timedelta(hours=-5)))):
        made = names.building("acme", moment, "abcde")
        assert made == "building-261124120000abcde.acme"
        assert names.parse(made).since == noon


def test_the_longest_name_that_postgresql_keeps_may_be_borne_and_a_longer_one_may_not() -> None:
    longest = "switching.".ljust(names.POSTGRESQL_LIMIT, "a")
    assert names.forbidden_rename("acme", longest) == ""
    assert names.forbidden_rename("acme", longest + "a") == f"{longest + 'a'!r} is longer than 63 bytes"


@pytest.mark.parametrize("makes", [names.trash, names.moved])
def test_what_is_kept_is_kept_until_its_last_moment_has_passed(makes: Callable[[str, datetime], str]) -> None:
    since, kept = datetime(2026, 11, 24, 12, 0, tzinfo=UTC), timedelta(days=30)
    name = names.parse(makes("acme", since))
    assert not names.is_expired_trash(name, since + kept, kept)
    assert names.is_expired_trash(name, since + kept + timedelta(seconds=1), kept)
