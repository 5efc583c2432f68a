"""Rounds of a daemon: days in a second, clocks that jump, hosts that hang, texts that change."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Entry
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageAnswer, unreachable
from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import NoticeName
from tests.core.scenes import desired
from tests.harness.universe import instance
from tests.harness.virtual_time import EPOCH
from tests.health.ward import LOGIN, Patient, Ward

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
LOST = PageAnswer(problem="no connection: refused")


def fleet_of(*documents: str, servers: int = 3, **fleet_fields: str) -> Desired:
    return desired(*documents, servers=[f"s{n}" for n in range(servers)], **fleet_fields)


def longest_silence(patient: Patient) -> timedelta:
    return max(after - before for before, after in pairwise(patient.looks))


def test_a_day_of_fifty_servers_is_spread_out_and_takes_about_a_second() -> None:
    ward = Ward(fleet_of(servers=50))
    started = time.perf_counter()
    ward.pass_time(DAY)
    assert time.perf_counter() - started < 10
    for patient in ward.hosts.values():
        assert len(patient.looks) in (97, 98), "at the beginning, and once in each quarter of an hour"
        assert longest_silence(patient) <= QUARTER
    minutes = Counter((p.looks[-1] - EPOCH) // timedelta(minutes=1) for p in ward.hosts.values())
    assert max(minutes.values()) <= 10
    assert {r[-1].status for r in ward.records.values()} == {HealthStatus.HEALTHY}
    assert ward.notices == []


def test_a_clock_that_jumps_forward_makes_no_row_of_looks() -> None:
    ward = Ward(fleet_of())

    async def story() -> None:
        await asyncio.sleep(3600)
        before = {code: len(p.looks) for code, p in ward.hosts.items()}
        ward.clock.skew += timedelta(days=30)
        await asyncio.sleep(QUARTER.total_seconds())
        assert all(1 <= len(p.looks) - before[code] <= 2 for code, p in ward.hosts.items())

    ward.live(story)


@pytest.mark.parametrize("back", [timedelta(seconds=20), timedelta(hours=5), timedelta(days=400)])
def test_a_clock_that_jumps_back_makes_no_silence(back: timedelta) -> None:
    ward = Ward(fleet_of())

    async def story() -> None:
        await asyncio.sleep(4000)
        ward.clock.skew -= back
        for _ in range(8):
            before = {code: len(p.looks) for code, p in ward.hosts.items()}
            await asyncio.sleep(QUARTER.total_seconds())
            assert all(1 <= len(p.looks) - before[code] <= 2 for code, p in ward.hosts.items())

    ward.live(story)


def test_a_host_that_hangs_is_found_offline_and_delays_nobody() -> None:
    ward = Ward(fleet_of(servers=10))
    ward.hosts["s3"].seconds = None
    ward.pass_time(timedelta(hours=3))
    assert ward.records["s3"][-1].why == "offline: no whole answer within 70 s"
    assert [(n.name, n.server) for n in ward.notices] == [(NoticeName.HOST_OFFLINE, "s3")]
    for code, patient in ward.hosts.items():
        if code != "s3":
            assert longest_silence(patient) <= QUARTER


def test_at_most_twenty_looks_go_on_at_once_also_when_that_many_hang() -> None:
    ward = Ward(fleet_of(servers=60))
    for number in range(25):
        ward.hosts[f"s{number}"].seconds = None

    async def story() -> None:
        for _ in range(4000):
            assert ward.under_way["servers"] <= 20
            await asyncio.sleep(1)

    ward.live(story)
    for number in range(25, 60):
        assert longest_silence(ward.hosts[f"s{number}"]) <= QUARTER + timedelta(seconds=150)


def test_a_host_that_flaps_makes_no_flood() -> None:
    ward = Ward(fleet_of())
    ward.hosts["s0"].answers = lambda number: number % 2 == 0
    ward.hosts["s1"].answers = lambda number: number % 3 != 1
    ward.pass_time(3 * DAY)
    assert ward.notices == []
    assert len(ward.records["s0"]) > 280


def test_an_outage_is_told_when_it_begins_and_when_it_ends() -> None:
    ward = Ward(fleet_of())
    ward.hosts["s1"].answers = lambda number: not 10 <= number < 40
    ward.pass_time(DAY)
    assert [(n.name, n.server) for n in ward.notices] == [
        (NoticeName.HOST_OFFLINE, "s1"),
        (NoticeName.HOST_ONLINE, "s1"),
    ]
    wrong = [r for r in ward.records["s1"] if not r.online]
    assert len(wrong) == 30, "from the second look that failed to the first that succeeded"


def test_another_text_is_taken_up_without_a_restart() -> None:
    ward = Ward(fleet_of(servers=2))

    async def story() -> None:
        await asyncio.sleep(600)
        ward.desired = fleet_of(servers=3)
        ward.add(Patient("s2"))
        await asyncio.sleep(6)
        assert len(ward.hosts["s2"].looks) == 1, "a new server is looked at as soon as it is declared"
        ward.desired = fleet_of(servers=1)
        before = len(ward.hosts["s1"].looks)
        await asyncio.sleep(3600)
        assert len(ward.hosts["s1"].looks) == before
        ward.desired = fleet_of(servers=1, health="{interval_minutes: 1}")
        before = len(ward.hosts["s0"].looks)
        await asyncio.sleep(600)
        assert 9 <= len(ward.hosts["s0"].looks) - before <= 11

    ward.live(story)


def test_servers_that_are_not_in_use_are_not_looked_at() -> None:
    text = fleet_of()
    unused: dict[str, dict[str, Any]] = {"s0": {"state": "draft"}, "s1": {"active": False}}
    servers = {code: s.model_copy(update=unused.get(code, {})) for code, s in text.servers.items()}
    ward = Ward(text.having("server", servers))
    ward.pass_time(timedelta(hours=1))
    assert [bool(ward.hosts[code].looks) for code in ("s0", "s1", "s2")] == [False, False, True]


def test_what_was_looked_at_before_a_restart_waits_for_its_moment_and_keeps_its_standing() -> None:
    def kept(code: str, ago: timedelta) -> HealthRecord:
        at = EPOCH - ago
        return HealthRecord(code, at, HealthStatus.CRITICAL, online=False, why="offline", failures_in_a_row=9, since=at)

    ward = Ward(fleet_of())
    latest = {"s0": kept("s0", timedelta(minutes=3)), "s1": kept("s1", DAY)}
    ward.pass_time(timedelta(seconds=1), latest)
    assert [len(ward.hosts[code].looks) for code in ("s0", "s1", "s2")] == [0, 1, 1]
    assert [r.online for r in ward.records["s1"]] == [False], "one good look does not end an outage"

    again = Ward(fleet_of())
    again.pass_time(timedelta(hours=1), latest)
    assert again.records["s0"][0].at <= EPOCH + QUARTER
    assert {(n.name, n.server) for n in again.notices} == {
        (NoticeName.HOST_ONLINE, "s0"),
        (NoticeName.HOST_ONLINE, "s1"),
    }


def test_a_defect_in_a_look_is_what_it_found_and_the_rounds_go_on() -> None:
    ward = Ward(fleet_of())

    def broken(_number: int) -> bool:
        raise RuntimeError("with a secret in its words")

    ward.hosts["s0"].answers = broken
    ward.pass_time(timedelta(hours=2))
    assert ward.records["s0"][-1].why == "offline: the look itself failed (RuntimeError): a defect of odoo-fleet"
    assert ward.records["s1"][-1].status is HealthStatus.HEALTHY


def test_with_a_store_that_cannot_be_read_the_rounds_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ward = Ward(fleet_of())

    def fail(*_: object) -> None:
        raise MemoryFailure("disk full")

    monkeypatch.setattr(ward.memory, "inventory", fail)
    ward.pass_time(timedelta(hours=1))
    assert all(len(p.looks) >= 4 for p in ward.hosts.values())


def test_capacity_counts_databases_in_service() -> None:
    ward = Ward(fleet_of(instance("acme", server="s0")))
    ward.hosts["s0"].databases = ("acme", "foreign", "suspended.old", "template_base")
    ward.pass_time(timedelta(seconds=1))
    assert {"available_capacity": 98.0, "databases": 4}.items() <= ward.records["s0"][0].signs.items()


def test_login_pages_of_active_published_instances_are_asked_once_in_an_interval_and_spread() -> None:
    codes = [f"c{n}" for n in range(60)]
    ward = Ward(
        fleet_of(
            *(instance(code, server="s0") for code in codes),
            instance("placed"),
            instance("missing", server="s0"),
            instance("quiet", server="s0", state="suspended"),
        )
    )
    ward.hosts["s0"].databases = (*codes, "suspended.quiet")
    ward.hosts["s2"].databases = ("placed",)
    ward.pass_time(timedelta(hours=1, seconds=30))
    assert sorted(ward.visits.asked) == sorted([*codes, "placed"])
    assert {len(moments) for moments in ward.visits.asked.values()} <= {4, 5}
    assert ward.visits.most <= 4
    seconds = Counter((moments[0] - EPOCH) // timedelta(minutes=1) for moments in ward.visits.asked.values())
    assert len(seconds) >= 12
    assert all(record.reachable for record in ward.pages)
    assert {r.server for r in ward.pages if r.instance == "placed"} == {"s2"}


def test_one_that_names_no_server_is_asked_for_where_memory_has_it_though_its_template_is_there_no_more() -> None:
    text = desired(instance("left"), servers=["s0", "s1"])
    template = text.templates["base"].model_copy(update={"servers": ("s0",)})
    ward = Ward(text.having("template", {"base": template}))
    ward.memory.entries["instance", "left", "s1"] = Entry("instance", "left", "s1", "left", "", EPOCH)
    ward.hosts["s0"].databases = ward.hosts["s1"].databases = ("left",)
    ward.pass_time(timedelta(minutes=31))
    assert {page.server for page in ward.pages} == {"s1"}


def test_at_most_four_pages_of_a_server_are_asked_at_once() -> None:
    codes = [f"c{n}" for n in range(90)]
    ward = Ward(fleet_of(*(instance(code, server="s0") for code in codes)))
    ward.hosts["s0"].databases = tuple(codes)
    ward.visits.seconds = 100
    ward.pass_time(timedelta(hours=1))
    assert ward.visits.most == 4


def test_a_page_that_stays_away_is_told_once_and_so_is_its_return() -> None:
    ward = Ward(fleet_of(instance("acme", server="s0")))
    ward.hosts["s0"].databases = ("acme",)

    def answer(name: str) -> PageAnswer:
        number = len(ward.visits.asked[name])
        return LOST if number in (2, 5, 6, 7, 8) else PageAnswer("/web/login", 200, has_login_form=True)

    ward.visits.answer = answer
    ward.pass_time(timedelta(hours=4))
    assert [(n.name, n.code) for n in ward.notices] == [
        (NoticeName.LOGIN_PAGE_UNREACHABLE, "acme"),
        (NoticeName.LOGIN_PAGE_REACHABLE, "acme"),
    ]


def test_while_a_server_is_away_only_that_is_told_not_each_of_its_pages() -> None:
    codes = [f"c{n}" for n in range(30)]
    ward = Ward(fleet_of(*(instance(code, server="s0") for code in codes)))
    ward.hosts["s0"].databases = tuple(codes)
    ward.hosts["s0"].answers = lambda number: number < 4

    def answer(_name: str) -> PageAnswer:
        return LOST if len(ward.hosts["s0"].looks) >= 4 else PageAnswer("/web/login", 200, has_login_form=True)

    ward.visits.answer = answer
    ward.pass_time(timedelta(hours=6))
    assert [(n.name, n.code) for n in ward.notices] == [(NoticeName.HOST_OFFLINE, "s0")]


def test_what_was_known_of_a_page_is_forgotten_when_the_instance_goes_out_of_service() -> None:
    ward = Ward(fleet_of(instance("acme", server="s0")))
    ward.hosts["s0"].databases = ("acme",)
    ward.visits.answer = lambda _name: LOST

    async def story() -> None:
        await asyncio.sleep(1200)
        assert [p.failures_in_a_row for p in ward.pages] == [1]
        ward.hosts["s0"].databases = ("suspended.acme",)
        await asyncio.sleep(7200)
        assert len(ward.pages) == 1
        ward.hosts["s0"].databases = ("acme",)
        await asyncio.sleep(1800)
        assert ward.pages[1].failures_in_a_row == 1

    ward.live(story)


def test_without_a_domain_no_page_is_asked() -> None:
    text = fleet_of(instance("acme", server="s0"))
    servers = {code: s.model_copy(update={"domain": None}) for code, s in text.servers.items()}
    ward = Ward(text.having("server", servers))
    ward.hosts["s0"].databases = ("acme",)
    ward.pass_time(timedelta(hours=1))
    assert not ward.visits.asked


def test_pages_that_are_not_reached_are_counted_as_long_as_they_are_not() -> None:
    ward = Ward(fleet_of(instance("acme", server="s0"), instance("cafe", server="s0")))
    ward.hosts["s0"].databases = ("acme", "cafe")
    ward.visits.answer = lambda name: LOST if name.startswith(("acme", "https://acme")) else LOGIN
    counted: list[Mapping[str, int]] = []

    async def story() -> None:
        for _ in range(2):
            await asyncio.sleep(6 * 3600)
            counted.append(unreachable(ward.kept.values()))
            ward.visits.answer = lambda _name: LOGIN

    ward.live(story)
    assert counted == [{"s0": 1}, {"s0": 0}]
