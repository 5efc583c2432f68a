"""What operators were told, newest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.notices.notices import Level, NoticeName
from reconciler.notices.records import NoticeRecord
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, notice


def test_a_notice_is_read_as_it_was_written(store: Store) -> None:
    told = notice('"é" \x00', NoticeName.DRIFT_REPAIRED, kind="instance", code="acme", fields=("lang", 'a "b"'))
    store.record_notice(told, NOW)
    (seen,) = store.notices()
    assert seen == NoticeRecord(
        id=seen.id,
        at=NOW,
        name="drift-repaired",
        level="error",
        detail='"é" \\x00',
        kind="instance",
        code="acme",
        server="prod-1",
        revision="abc123",
        fields=("lang", 'a "b"'),
    )


def test_notices_are_found_by_what_they_are_about_their_name_and_time_newest_first(store: Store) -> None:
    store.record_notice(notice("first"), NOW)
    store.record_notice(notice("second", kind="instance", code="acme"), NOW + timedelta(minutes=1))
    store.record_notice(
        notice("third", NoticeName.HOST_ONLINE, code="prod-2", server="prod-2"), NOW + timedelta(minutes=2)
    )
    store.record_notice(
        notice("of the past", NoticeName.DAEMON_STARTED, kind="", code="", server=""), NOW - timedelta(days=1)
    )

    def told(**wanted: Any) -> list[str]:
        return [n.detail for n in store.notices(**wanted)]

    assert told() == ["third", "second", "first", "of the past"]
    assert told(kind="instance", code="acme") == ["second"]
    assert told(kind="server") == ["third", "first"]
    assert told(server="prod-1") == ["second", "first"]
    assert told(names=["host-offline"]) == ["second", "first"]
    assert told(names=["host-online", "daemon-started"]) == ["third", "of the past"]
    assert told(since=NOW + timedelta(minutes=1)) == ["third", "second"]
    assert told(server="prod-1", names=["host-offline"], since=NOW, limit=1) == ["second"]
    assert told(kind="") == ["of the past"], "what is about no document is asked for by the empty word"


def test_levels_are_left_out_and_one_that_nobody_knows_is_not(store: Store) -> None:
    for level in (*Level, "cosmic"):
        store.record_notice(replace(notice(str(level)), level=level), NOW)
    assert [n.detail for n in store.notices(but_levels=["info", "warning"])] == ["cosmic", "error"]
    assert [n.detail for n in store.notices(but_levels=["info"], limit=1)] == ["cosmic"]


def test_notices_of_one_moment_come_in_the_order_of_writing(store: Store) -> None:
    for detail in "abc":
        store.record_notice(notice(detail), NOW)
    assert [n.detail for n in store.notices()] == ["c", "b", "a"]
