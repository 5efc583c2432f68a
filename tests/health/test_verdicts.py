"""From looks at a server to its health: thresholds, hysteresis, and what a person is told of it."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import free_percent, is_watched, judge, judge_once
from reconciler.notices.notices import Level, NoticeName
from schemas.fleet import Health
from tests.harness.virtual_time import EPOCH
from tests.health.looks import LIMITS, good, row, server, silent, told

HEALTHY, WARNING, CRITICAL, UNKNOWN = (
    HealthStatus.HEALTHY,
    HealthStatus.WARNING,
    HealthStatus.CRITICAL,
    HealthStatus.UNKNOWN,
)


def days(number: float) -> Any:
    return EPOCH + timedelta(days=number)


@pytest.mark.parametrize(
    ("found", "status", "why"),
    [
        ({}, HEALTHY, ""),
        ({"version": "18.0"}, CRITICAL, "runs Odoo 18.0, declared is 19.0"),
        ({"master_password_accepted": False}, CRITICAL, "the master password is refused"),
        ({"master_password_accepted": None}, HEALTHY, ""),
        (
            {"master_password_accepted": None, "master_password_problem": "MASTER is not set"},
            WARNING,
            "the master password cannot be checked: MASTER is not set",
        ),
        ({"available_capacity": 20.0}, HEALTHY, ""),
        ({"available_capacity": 19.0}, WARNING, "19 % free, below 20 %"),
        ({"available_capacity": 5.0}, WARNING, "5 % free, below 20 %"),
        ({"available_capacity": 4.0}, CRITICAL, "4 % free, below 5 %"),
        ({"latency_ms": 2000.0}, HEALTHY, ""),
        ({"latency_ms": 2500.0}, WARNING, "slow: 2500 ms, above 2000 ms"),
        ({"certificate_expires_at": days(22)}, HEALTHY, ""),
        ({"certificate_expires_at": days(20)}, WARNING, "its certificate expires in 20 days (2026-12-14)"),
        ({"certificate_expires_at": days(1.5)}, CRITICAL, "its certificate expires in 1 day (2026-11-26)"),
        ({"certificate_expires_at": days(-2)}, CRITICAL, "its certificate expired on 2026-11-22"),
        (
            {"certificate_expires_at": days(99), "certificate_problem": "Hostname mismatch"},
            CRITICAL,
            "its certificate is not accepted: Hostname mismatch",
        ),
    ],
)
def test_each_threshold_of_the_fleet_document(found: dict[str, Any], status: HealthStatus, why: str) -> None:
    record = judge(server(), None, good(**found), LIMITS)
    assert (record.status, record.why, record.online) == (status, why, True)


def test_all_that_is_wrong_is_named_and_the_worst_first() -> None:
    record = judge(
        server(), None, good(available_capacity=10.0, latency_ms=3000.0, master_password_accepted=False), LIMITS
    )
    assert record.status is CRITICAL
    assert record.why == "the master password is refused; slow: 3000 ms, above 2000 ms; 10 % free, below 20 %"


def test_what_a_look_found_is_in_the_record() -> None:
    record = judge(server(), None, good(certificate_expires_at=days(99)), LIMITS)
    assert (record.server, record.at, record.signs["version"], record.signs["databases"]) == ("one", EPOCH, "19.0", 3)
    assert (record.signs["latency_ms"], record.signs["available_capacity"]) == (20.0, 90.0)
    assert record.signs["certificate_expires_at"] == days(99)


def test_one_failed_look_is_no_outage_and_the_last_status_stands() -> None:
    records = row([good(available_capacity=10.0), silent(), good(available_capacity=10.0)])
    assert [(r.status, r.online) for r in records] == [(WARNING, True)] * 3
    assert records[1].why == "no answer, 1 of the 2 looks in a row that make it offline: no connection: refused"
    assert told(records) == told(records[:1])


def test_offline_and_back_each_take_as_many_looks_in_a_row_as_the_fleet_says() -> None:
    limits = Health(offline_after=3, online_after=2)
    records = row([good(), *[silent()] * 4, good(), silent(), good(), good()], limits=limits)
    assert [r.online for r in records] == [True, True, True, False, False, False, False, False, True]
    assert [r.status for r in records][3:] == [CRITICAL] * 5 + [HEALTHY]
    assert records[3].why == "offline: no connection: refused"
    assert records[5].why == "was offline, answers again: 1 of the 2 looks in a row that make it online"
    assert [(n, notice.name) for n, notice in told(records, limits)] == [
        (3, NoticeName.HOST_OFFLINE),
        (8, NoticeName.HOST_ONLINE),
    ]


def test_a_server_of_which_nothing_is_known_is_online_with_its_first_answer_and_unknown_until_decided() -> None:
    assert row([good()])[0].online
    records = row([silent(), silent()])
    assert [(r.status, r.online) for r in records] == [(UNKNOWN, False), (CRITICAL, False)]
    assert [(n, notice.name) for n, notice in told(records)] == [(1, NoticeName.HOST_OFFLINE)]
    assert [(r.status, r.online) for r in row([silent(), good()])] == [(UNKNOWN, False), (HEALTHY, True)]
    assert told(row([silent(), good()])) == []


def test_a_look_that_no_other_follows_decides_alone() -> None:
    record = judge_once(server(), silent(), LIMITS)
    assert (record.status, record.online, record.why) == (CRITICAL, False, "offline: no connection: refused")


def test_the_status_says_since_when_it_stands() -> None:
    records = row([good(), good(), good(available_capacity=1.0), good(available_capacity=1.0), good()])
    assert [r.since for r in records] == [records[n].at for n in (0, 0, 2, 2, 4)]


def test_one_slow_answer_is_not_worth_a_notice_two_in_a_row_are() -> None:
    slow = good(latency_ms=5000.0)
    assert [r.status for r in row([good(), slow, good(), slow, slow, good()])] == [HEALTHY] * 4 + [WARNING, HEALTHY]
    assert told(row([good(), slow] * 48)) == []


def test_a_change_of_health_is_told_with_its_reason_and_what_it_was() -> None:
    ((_, worse), (_, better)) = told(row([good(), good(available_capacity=3.0), good()]))
    assert (worse.name, worse.level) == (NoticeName.HEALTH_CHANGED, Level.ERROR)
    assert worse.detail == "server one is critical: 3 % free, below 5 % (was healthy)"
    assert (worse.kind, worse.code, worse.server) == ("server", "one", "one")
    assert (better.level, better.detail) == (Level.INFO, "server one is healthy (was critical)")


def test_the_first_look_is_told_only_if_something_is_wrong() -> None:
    assert told(row([good()])) == []
    ((_, notice),) = told(row([good(available_capacity=10.0)]))
    assert notice.detail == "server one is warning: 10 % free, below 20 %"


def test_a_server_that_comes_back_in_a_bad_state_is_told_as_bad() -> None:
    records = row([good(), silent(), silent(), good(version="18.0"), good(version="18.0")])
    _, (_, back) = told(records)
    assert (back.name, back.level) == (NoticeName.HOST_ONLINE, Level.ERROR)
    assert back.detail == "server one is online again, critical: runs Odoo 18.0, declared is 19.0"


def test_a_certificate_is_told_of_once_for_each_threshold_also_when_looks_fail_between() -> None:
    https = server(server_url="https://one.example.com")
    end = days(30)
    answers = [good(certificate_expires_at=end) if n % 7 else silent() for n in range(96 * 31)]
    notices = [(n, x) for n, x in told(row(answers, https)) if x.name is NoticeName.CERTIFICATE_EXPIRING]
    assert [(n // 96, x.level) for n, x in notices] == [(9, Level.WARNING), (27, Level.ERROR), (30, Level.ERROR)]
    assert notices[0][1].detail == "the certificate of server one expires in 21 days (2026-12-24)"


def test_a_renewed_certificate_is_told_of_again_when_its_time_comes() -> None:
    answers = [
        good(certificate_expires_at=days(20)),
        good(certificate_expires_at=days(90)),
        good(certificate_expires_at=days(2)),
    ]
    names = [notice.name for _, notice in told(row(answers)) if notice.name is NoticeName.CERTIFICATE_EXPIRING]
    assert len(names) == 2


def test_the_date_of_a_certificate_is_known_while_the_host_is_away_but_not_after_a_move_to_http() -> None:
    https = server(server_url="https://one.example.com")
    first = judge(https, None, good(certificate_expires_at=days(99)), LIMITS)
    assert judge(https, first, silent(), LIMITS).signs["certificate_expires_at"] == days(99)
    assert judge(server(), first, good(), LIMITS).signs.get("certificate_expires_at") is None


def test_an_expired_certificate_is_named_as_the_reason_why_a_host_cannot_be_asked() -> None:
    refused = silent(
        problem="the certificate is not accepted", certificate_expires_at=days(-1), certificate_problem="expired"
    )
    assert row([refused, refused])[1].why == (
        "offline: the certificate is not accepted; its certificate expired on 2026-11-23"
    )


@pytest.mark.parametrize(
    ("fields", "watched"),
    [
        ({"state": "active"}, True),
        ({"state": "maintenance"}, True),
        ({"state": "draft"}, False),
        ({"state": "disabled"}, False),
        ({"active": False}, False),
    ],
)
def test_only_servers_in_use_are_looked_at(fields: dict[str, Any], watched: bool) -> None:  # noqa: FBT001
    assert is_watched(server(**fields)) is watched


def test_more_databases_than_allowed_is_no_capacity_not_less_than_none() -> None:
    assert free_percent(server(max_instances=10), 15) == 0.0


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_a_standing_changes_only_after_so_many_looks_in_a_row_that_say_so(
    answers: list[bool], offline_after: int, online_after: int
) -> None:
    limits = Health(offline_after=offline_after, online_after=online_after)
    records = row([good() if answered else silent() for answered in answers], limits=limits)
    for number, (before, after) in enumerate(pairwise(records), start=1):
        if before.online and not after.online:
            assert not any(answers[max(0, number + 1 - offline_after) : number + 1])
            assert number + 1 >= offline_after
        if not before.online and after.online and before.status is not HealthStatus.UNKNOWN:
            assert all(answers[number + 1 - online_after : number + 1])
    assert len(told(records, limits)) <= 1 + sum(a.online != b.online for a, b in pairwise(records))
