"""What a service manager hears of a daemon: ready, how things stand, that it lives, and that it ends."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.daemon.systemd import Systemd
from tests.daemon.stage import Stage, play
from tests.harness.universe import fleet, instance, universe


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(0)
        self._heard: list[str] = []

    def heard(self) -> list[str]:
        """Take what has come; a socket keeps no more than ten that nobody takes."""
        while True:
            try:
                self._heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self._heard


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Manager, dict[str, str]]]:
    name = f"odoo-fleet-test-{os.getpid()}"
    address = f"\0{name}" if request.param == "abstract" else str(tmp_path / "notify")
    made = Manager(address)
    yield made, {"NOTIFY_SOCKET": f"@{name}" if request.param == "abstract" else address}
    made.socket.close()


def test_a_daemon_tells_that_it_is_ready_how_it_stands_that_it_lives_and_that_it_ends(
    manager: tuple[Manager, dict[str, str]],
) -> None:
    hears, environ = manager

    async def story(stage: Stage) -> None:
        await asyncio.sleep(6)  # a beat
        hears.heard()
        stage.source.write(fleet(instance("acme")), "a" * 40)
        await stage.converged()
        hears.heard()
        await asyncio.sleep(6)  # another beat: what came while nobody took was lost
        hears.heard()

    play(universe(), story, systemd=Systemd(environ | {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}))
    heard = hears.heard()
    assert heard[0] == "READY=1"
    assert "WATCHDOG=1" in heard
    assert any(h.startswith("STATUS=waiting for a valid fleet") for h in heard)
    assert any(h.startswith("STATUS=demo at commit aaaaaaaa: converged") for h in heard)
    assert heard[-1] == "STOPPING=1"


def test_a_watchdog_of_another_process_and_no_manager_at_all_are_no_concern(
    manager: tuple[Manager, dict[str, str]],
) -> None:
    hears, environ = manager
    Systemd(environ | {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).alive()
    Systemd({}).ready()
    Systemd({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready()
    assert hears.heard() == []


def test_a_manager_that_does_not_listen_holds_nothing_up(manager: tuple[Manager, dict[str, str]]) -> None:
    _, environ = manager
    systemd, started = Systemd(environ), time.monotonic()
    for _ in range(1000):
        systemd.status("many")
    assert time.monotonic() - started < 5  # waiting for it would take a thousand times as long as one waits


def test_a_status_is_one_line(manager: tuple[Manager, dict[str, str]]) -> None:
    hears, environ = manager
    Systemd(environ).status("two\nlines\rof text")
    assert hears.heard() == ["STATUS=two lines of text"]
