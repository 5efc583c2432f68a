"""`support`: a link alone on stdout, who asked for it in the history first, and no password anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.world import ENVIRONMENT, World, serving


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    changes = {"code: bistro": "code: bistro\nallow_support: false"}
    yield from mailing(tmp_path_factory.mktemp("support"), changes)


def mailing(root: Path, changes: Mapping[str, str]) -> Iterator[World]:
    """A world whose databases take links that choose a password, with changes of its instances."""
    with serving(root) as served, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        served.store = f"sqlite:///{root}/state.sqlite"
        served.replace("fleet.yaml", "country_code: BE", "country_code: BE\nmodules: [base, web, mail]")
        for old, new in changes.items():
            served.replace("instances.yaml", old, new)
        assert served.run("apply", "--yes").code == 0
        yield served


def inside(world: World, database: str = "acme") -> list[str]:
    rows = world.hosts["prod-1"].databases[database].rows("res.users").values()
    return [row["login"] for row in rows if row["login"].startswith("odoo-fleet-support-") and row["active"]]


def test_the_link_stands_alone_on_stdout_and_the_history_says_who_and_why(world: World) -> None:
    ran = world.run("support", "acme", "--for", "30m", "--reason", "ticket\n4711")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("https://acme.example.com/web/reset_password?db=acme&token=")
    assert ran.out.count("\n") == 1
    (login,) = inside(world)
    assert "acme on prod-1: Support (until " in ran.err
    assert login in " ".join(ran.err.split())
    (event,) = map(json.loads, world.run("events", "--name", "support-opened", "-o", "json").out.splitlines())
    assert event["detail"].startswith("instance/acme on prod-1 was opened for support by ")
    assert event["detail"].endswith(": ticket 4711")
    token = ran.out.strip().partition("token=")[2]
    assert token not in (world.root / "state.sqlite").read_bytes().decode("latin-1")
    assert world.run("plan").out.startswith("No changes."), "who is inside is left there until the end"
    shown = json.loads(world.run("status", "instances", "acme", "-o", "json").out)["instances"][0]
    assert (shown["in_sync"], shown["detail"][:36]) == ("yes", "an account for support is open until")


def test_who_forbids_it_is_refused_with_the_place_that_says_so(world: World) -> None:
    ran = world.run("support", "bistro", "--reason", "x")
    assert (ran.code, ran.out) == (1, "")
    assert "`allow_support: false` (" in " ".join(ran.err.split())
    assert "instances.yaml:" in ran.err


def test_a_date_is_no_length_of_time(world: World) -> None:
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="minutes")
    ran = world.run("support", "acme", "--reason", "x", "--for", an_hour_ago)
    assert (ran.code, ran.out) == (64, "")
    assert "is no length of time: write 30m or 2h" in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("acme", "--reason", " "), "--reason is empty"),
        (("acme",), "Missing option '--reason'"),
        (("acme", "--reason", "x", "--for", "1m"), "1m is no length of time from 5m to 8h: write 30m or 2h"),
        (("acme", "--reason", "x", "--for", "9h"), "9h is no length of time from 5m to 8h"),
        (("acme", "--reason", "x", "--store", "none"), "support needs a store"),
        (("nobody", "--reason", "x"), "the fleet has no"),
    ],
)
def test_wrong_usage_lets_nobody_in(world: World, words: tuple[str, ...], why: str) -> None:
    before = inside(world)
    ran = world.run("support", *words)
    assert (ran.code, ran.out, why in " ".join(ran.err.split())) == (64, "", True), ran.err
    assert inside(world) == before


def test_a_suspended_instance_is_refused(world: World) -> None:
    ran = world.run("support", "cafe", "--reason", "x")
    assert (ran.code, "not in service" in " ".join(ran.err.split())) == (1, True), ran.err
