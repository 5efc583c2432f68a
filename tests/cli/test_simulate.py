"""`simulate`: the fleet's loopback servers at their addresses, until told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.cli.world import FLEET, MASTER, SERVER, World, run


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def write_fleet(root: Path) -> World:
    world = World(root, {})
    world.fleet.mkdir()
    world.write("fleet.yaml", FLEET.replace("servers: [prod-1, prod-2]", "servers: [prod-1]"))
    world.write("prod-1.yaml", SERVER.format(code="prod-1", number=1, port=free_port()))
    far = SERVER.format(code="far", number=2, port=1).replace("http://127.0.0.1:1", "https://odoo.example.com")
    world.write("far.yaml", far.replace("state: active", "state: draft"))
    return world


def test_hosts_are_served_until_a_signal_and_kept_with_data(tmp_path: Path) -> None:
    world = write_fleet(tmp_path)
    words = [sys.executable, "-m", "reconciler", "simulate", "--fleet", str(world.fleet)]
    words += ["--speed", "0", "--data", str(tmp_path / "data")]
    for expected in ("", ", 1 database"):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("prod-1: Odoo 19.0 (simulated) at http://127.0.0.1:")
        assert first.removesuffix("\n").endswith(expected)
        assert process.stdout.readline() == "Serving until Ctrl-C.\n"
        assert world.run("apply", "--yes", "--target", "template/restaurant").code == 0
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert err == "far: not served, https://odoo.example.com is not http on this machine\n"
        assert MASTER not in out


def test_in_the_background_of_a_shell_hosts_outlast_a_ctrl_c_that_is_for_others(tmp_path: Path) -> None:
    """A shell starts what it runs there with the signal ignored."""
    words = f"{sys.executable} -m reconciler simulate --fleet {write_fleet(tmp_path).fleet} 2>&1 & cat; kill -TERM $!; wait $!"
    shell = subprocess.Popen(["sh", "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert shell.stdin is not None
    assert shell.stdout is not None
    while shell.stdout.readline() != b"Serving until Ctrl-C.\n":
        assert shell.poll() is None
    (hosts,) = (child.pid for child in psutil.Process(shell.pid).children() if child.name() != "cat")
    os.kill(hosts, signal.SIGINT)
    time.sleep(0.5)
    assert psutil.pid_exists(hosts)
    assert shell.communicate(timeout=10)[0] == b""
    assert shell.returncode == 0


def test_a_wrong_fault_is_answered_with_the_grammar(tmp_path: Path) -> None:
    world = write_fleet(tmp_path)
    ran = world.run("simulate", "--fault", "db.list:explode")
    assert ran.code == 64
    assert "unknown action 'explode'" in ran.err
    assert "CONDITION `list_db=off`" in ran.err


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    world = write_fleet(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        world.write("prod-1.yaml", SERVER.format(code="prod-1", number=1, port=port))
        ran = world.run("simulate")
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == f"Error: prod-1 cannot be served at 127.0.0.1:{port}: address already in use"


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    world = write_fleet(tmp_path)
    ran = world.run("simulate", "--data", "/proc/nowhere")
    assert ran.code == 1
    assert "cannot be kept in /proc/nowhere: no such file or directory\n" in ran.err


def test_a_fleet_without_loopback_servers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text("kind: fleet\nformat: 1\ncode: empty\n")
    ran = run("simulate", "--fleet", str(tmp_path))
    assert ran.code == 1
    assert "no server of the fleet has a loopback server_url" in ran.err
