"""A shop's order becomes a customer without a person typing: a daemon as a process with a real repository."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.access.roles import Role
from tests.git.repositories import git
from tests.web.live import Live, live

NEW = {"company": "Zoé SA", "template": "restaurant", "plan": "starter"}
ADA = {**NEW, "company": "Ada SA"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("orders"), orders=True) as running:
        yield running


def send(daemon: Live, method: str, path: str, key: str = "", **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {daemon.tokens[Role.MANAGER]}"} | ({"Idempotency-Key": key} if key else {})
    url = f"{daemon.url}/api/v1/{path}"
    return httpx.request(method, url, headers=headers, json=body, trust_env=False, timeout=30)


def names(daemon: Live) -> list[str]:
    return [name for host in daemon.world.hosts.values() for name in host.databases]


def until(found: Any) -> None:
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_an_order_becomes_a_customer_and_ends_as_one(daemon: Live) -> None:
    """The remote is asked once an hour: that it begins at once is the daemon's own push."""
    began = time.monotonic()
    answer = send(daemon, "POST", "instances", key="order-1", **ADA)
    assert (answer.status_code, answer.json()["code"]) == (201, "ada-sa"), answer.text
    print(f"an order took {time.monotonic() - began:.2f} s to its commit")
    until(lambda: "ada-sa" in names(daemon))
    assert send(daemon, "POST", "instances", key="order-1", **ADA).json() == answer.json()
    assert send(daemon, "PATCH", "instances/ada-sa", state="suspended").status_code == 200
    until(lambda: "suspended.ada-sa" in names(daemon))
    assert send(daemon, "DELETE", "instances/ada-sa").status_code == 200
    until(lambda: any(name.startswith("trash-") and name.endswith(".ada-sa") for name in names(daemon)))
    shown = git(daemon.world.root / "fleet.git", "show", "main:fleet/ada-sa.yaml")
    assert shown.endswith("state: absent")
    events = (each["detail"].partition(" by ")[0] for each in daemon.ask("/api/v1/events?name=ordered").json()["items"])
    assert [each for each in events if each.startswith("instance/ada-sa ")] == [
        "instance/ada-sa was ended",
        "instance/ada-sa was changed",
        "instance/ada-sa was ordered",
    ]


def test_many_customers_at_once_are_all_answered_well(daemon: Live) -> None:
    with ThreadPoolExecutor(24) as pool:
        numbers = range(24)
        answers = [*pool.map(lambda n: send(daemon, "POST", "instances", f"many-{n}", **NEW, state="absent"), numbers)]
    assert [each.status_code for each in answers] == [201] * 24, [each.text for each in answers]
    assert len({each.json()["code"] for each in answers}) == 24
    assert daemon.ask("/api/v1/fleet").json()["rejected"] == ""


def test_while_a_push_hangs_everything_else_is_answered_and_what_was_pushed_is_found_by_its_key(daemon: Live) -> None:
    hook = daemon.world.root / "fleet.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nsleep 6\n")
    hook.chmod(0o755)
    with ThreadPoolExecutor(1) as pool:
        ordered = pool.submit(send, daemon, "POST", "instances", "slow", **NEW, state="absent")
        time.sleep(1)
        for path in ("/api/v1/fleet", "/api/v1/instances?limit=500", "/healthz", "/api/v1/changeset"):
            began = time.monotonic()
            assert daemon.ask(path).status_code == 200
            assert time.monotonic() - began < 2
        assert not ordered.done()
        assert ordered.result().status_code == 201
    hook.unlink()
    assert send(daemon, "POST", "instances", "slow", **NEW, state="absent").json() == ordered.result().json()


def test_a_daemon_that_is_stopped_while_a_push_hangs_ends_at_once(tmp_path: Path) -> None:
    """`live` waits for its end; what was ordered was not answered, and is not there."""
    with live(tmp_path, orders=True) as daemon, ThreadPoolExecutor(1) as pool:
        hook = tmp_path / "fleet.git/hooks/pre-receive"
        hook.write_text("#!/bin/sh\nsleep 60\n")
        hook.chmod(0o755)
        before = git(tmp_path / "fleet.git", "rev-parse", "main")
        ordered = pool.submit(send, daemon, "POST", "instances", **NEW)
        time.sleep(1)
        daemon.stop()
        assert ordered.exception() is not None
        assert git(tmp_path / "fleet.git", "rev-parse", "main") == before
