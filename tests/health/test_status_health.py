"""`status --health`: from the history of a daemon where there is one, else by one look; login pages are asked for now."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from reconciler.core.model.observed import ObservedHost, host
from reconciler.health.verdicts import HealthRecord, Vitals, judge
from reconciler.store.opening import open_store
from tests.cli.world import ENVIRONMENT, World, serving
from tests.health.looks import LIMITS, QUARTER, server

OUTAGE = (8, 11)  # looks, counted from the oldest


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def converged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that was applied once, whose servers no daemon has looked at. Tests do not change it."""
    root = tmp_path_factory.mktemp("converged")
    with pytest.MonkeyPatch.context() as patch, serving(root) as world:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        world.store = f"sqlite:///{root}/state.sqlite"
        ran = world.run("apply", "--yes")
        assert ran.code == 0, ran.err
        yield world


@pytest.fixture(scope="module")
def watched(converged: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with a store in which a daemon has kept looks at `prod-1` until three minutes ago."""
    url = f"sqlite:///{tmp_path_factory.mktemp('watched')}/state.sqlite"
    with open_store(url, "test") as store:
        for record in looks(datetime.now(UTC) - timedelta(minutes=3)):
            store.record_health(record)
    return replace(converged, store=url)


def looks(last: datetime, number: int = 20) -> list[HealthRecord]:
    """Looks at `prod-1`, a quarter of an hour apart, with an outage between."""
    of = server(code="prod-1", server_url="https://prod-1.example.com")
    records: list[HealthRecord] = []
    for n in range(number):
        at, ends = last - (number - 1 - n) * QUARTER, last + timedelta(days=12, minutes=9)
        seen = {"master_password_accepted": True, "certificate_expires_at": ends}
        well = {"version": "19.0", "latency_ms": 50.0, "databases": 3, "available_capacity": 80.0}
        probe = Vitals(host("prod-1", (), version="19.0"), at, {**seen, **well})
        if OUTAGE[0] <= n <= OUTAGE[1]:
            probe = Vitals(ObservedHost("prod-1", online=False, problem="no connection: refused"), at, seen)
        records.append(judge(of, records[-1] if records else None, probe, LIMITS))
    return records


def without_times(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "(time)", text)
    return re.sub(r"\(\d{4}-\d\d-\d\d\)", "(date)", re.sub(r" +\d+ ms", "  (latency)", text))


def test_without_a_history_one_look_is_made_now_and_said_to_be_the_first(converged: World) -> None:
    calls = {code: len(host.calls) for code, host in converged.hosts.items()}
    ran = converged.run("status", "--health")
    assert (ran.code, ran.err) == (0, "")
    assert without_times(ran.out) == (
        "Health of servers\n"
        "CODE    STATUS   SINCE  ONLINE  LAST CHECK  LATENCY  FREE  CERTIFICATE\n"
        "prod-1  healthy  -      yes     now  (latency)  80 %  -\n"
        "prod-2  healthy  -      yes     now  (latency)  90 %  -\n"
        "! Looked at now, for the first time: no daemon has kept a history, so one look\n"
        "  decides.\n"
        "\n"
        "Fleet 'test', (time) UTC.\n"
    )
    made = {code: [c.method for c in host.calls[calls[code] :]] for code, host in converged.hosts.items()}
    assert made == {code: ["version", "list", "list_countries"] for code in ("prod-1", "prod-2")}


def test_it_writes_nothing_down(converged: World) -> None:
    converged.run("status", "--health")
    with open_store(converged.store, "test") as store:
        assert store.latest_health() == {}


def test_a_host_that_does_not_answer_is_critical_by_one_look_and_the_exit_code_stays_zero(converged: World) -> None:
    ran = converged.run("status", "--health", "--server-url", "prod-2=http://127.0.0.1:9")
    assert ran.code == 0
    assert re.search(r"^prod-2  critical  - +no +now +- +- +-$", ran.out, re.MULTILINE)
    assert "! prod-2: offline: common.version: no connection" in ran.out


def test_a_master_password_that_was_changed_on_the_host_is_critical(
    converged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_PASSWORD", "another-master-password")
    ran = converged.run("status", "--health", "servers", "prod-1")
    assert "! prod-1: the master password is refused" in ran.out
    assert "another-master-password" not in ran.out


def test_with_a_history_it_is_shown_without_asking_the_host(watched: World) -> None:
    calls = len(watched.hosts["prod-1"].calls)
    ran = watched.run("status", "--health")
    assert len(watched.hosts["prod-1"].calls) == calls
    header, kept, first, *notes = ran.out.splitlines()[1:]
    assert header.split("  ")[0] == "CODE"
    assert re.split(r"  +", kept) == ["prod-1", "warning", "1 h", "yes", "3 min ago", "50 ms", "80 %", "12 days"]
    assert first.startswith("prod-2  healthy")
    assert notes[0].startswith("! prod-1: its certificate expires in 12 days")
    assert notes[1].startswith("! Looked at now: prod-2, for the first time")


def test_the_history_of_one_server_is_told_by_its_transitions(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")  # what is piped has a line for each row
    ran = watched.run("status", "--health", "servers", "prod-1")
    _, history = ran.out.split("\n\n")[:2]
    rows = [re.split(r"  +", line) for line in history.splitlines()[2:]]
    assert [(row[1], row[2], row[4]) for row in rows] == [
        ("warning", "yes", "7"),
        ("critical", "no", "4"),
        ("warning", "yes", "9"),
    ]
    assert rows[1][5].startswith("offline: no connection: refused")
    assert [row[3] for row in rows[1:]] == ["1 h", "2 h"]


def test_machines_get_every_field_and_every_look(watched: World) -> None:
    document = json.loads(watched.run("status", "--health", "servers", "prod-1", "-o", "json").out)
    (row,) = document["servers"]
    last = looks(datetime.now(UTC))[-1]
    assert (row["code"], row["health_status"], row["is_online"], row["first_look"]) == (
        "prod-1",
        "warning",
        True,
        False,
    )
    assert datetime.fromisoformat(row["last_check_date"]) < datetime.now(UTC)
    assert (row["available_capacity"], row["latency_ms"], row["databases"]) == (80.0, 50.0, 3)
    assert row["successes_in_a_row"] == last.successes_in_a_row
    assert [look["is_online"] for look in document["history"]].count(False) == 4
    assert len(document["history"]) == 20
    as_yaml = yaml.safe_load(watched.run("status", "--health", "servers", "prod-1", "-o", "yaml").out)
    assert as_yaml["history"] == document["history"]


def test_wide_cuts_nothing_and_has_the_dates(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    header, row = watched.run("status", "--health", "servers", "prod-1", "-o", "wide").out.splitlines()[1:3]
    assert re.split(r"  +", header)[-3:] == ["MASTER PASSWORD", "CERTIFICATE", "WHY"]
    assert re.split(r"  +", without_times(row))[-3:] == [
        "accepted",
        "12 days (date)",
        "its certificate expires in 12 days (date)",
    ]


def test_old_looks_are_said_to_be_old(converged: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('stale')}/state.sqlite"
    with open_store(url, "test") as store:
        for record in looks(datetime.now(UTC) - timedelta(days=3), 2):
            store.record_health(record)
    ran = replace(converged, store=url).run("status", "--health", "servers", "prod-1")
    assert "3 days ago" in ran.out
    assert "! No look for 3 days at prod-1: does the daemon run?" in ran.out


def test_instances_are_shown_with_their_login_pages_asked_for_now(converged: World) -> None:
    ran = converged.run("status", "--health", "instances")
    assert (ran.code, ran.err) == (0, "")
    assert without_times(ran.out) == (
        "Health of instances\n"
        "CODE    SERVER  PRESENT  PUBLISHED  LOGIN PAGE  URL\n"
        "acme    prod-1  yes      yes        yes         acme.example.com\n"
        "bistro  prod-1  yes      yes        yes         bistro.example.com\n"
        "cafe    prod-2  yes      no         -           cafe.example.com\n"
        "\n"
        "Fleet 'test', (time) UTC.\n"
    )


def test_a_login_page_that_does_not_come_is_said_with_its_reason(converged: World) -> None:
    converged.hosts["prod-1"].faults.add("page.web/login:502")
    try:
        ran = converged.run("status", "--health", "instances", "acme")
    finally:
        converged.hosts["prod-1"].faults.clear()
    assert re.search(r"^acme +prod-1 +yes +yes +no +acme\.example\.com$", ran.out, re.MULTILINE)
    assert "! acme: a proxy answers in Odoo's place: HTTP 502, a page titled “502 Bad Gateway”" in ran.out.replace(
        "\n ", ""
    )


def test_an_instance_whose_server_is_away_is_unknown(converged: World) -> None:
    ran = converged.run(
        "status", "--health", "instances", "cafe", "--server-url", "prod-2=http://127.0.0.1:9", "-o", "json"
    )
    (row,) = json.loads(ran.out)["instances"]
    assert (row["present"], row["published"], row["page_reachable"]) == (None, None, None)
    assert row["why"] == "its server does not answer"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("templates",), "there is no health of 'templates', only of servers and instances"),
        (("server", "prod-3"), "the fleet has no server 'prod-3' (did you mean 'prod-2'?)"),
        (("instance", "acne"), "the fleet has no instance 'acne' (did you mean 'acme'?)"),
    ],
)
def test_what_has_no_health_or_is_not_there_is_wrong_usage(
    converged: World, words: tuple[str, ...], problem: str
) -> None:
    ran = converged.run("status", "--health", *words)
    assert ran.code == 64
    assert problem in ran.err


def test_nothing_is_wider_than_80_columns(watched: World) -> None:
    for words in (("servers",), ("servers", "prod-1"), ("instances",)):
        out = watched.run("status", "--health", *words).out
        assert max(map(len, out.splitlines())) <= 80
