"""Nothing that a session started outlives it for longer than until the next session."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hosts.programs import Program, Session, free_port

_STARTS_TWO_AND_HANGS = """
import time
from tests.hosts.programs import Program, Session
session = Session()
program = Program(["sh", "-c", "sleep 1000 & echo $!; wait"], session.directory, "sleeper")
program.start()
while not program.log_text().endswith("\\n"):
    time.sleep(0.01)
print(session.directory, program.log_text().strip(), flush=True)
time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_closed_session_leaves_neither_programs_nor_files() -> None:
    session = Session()
    program = Program(["sleep", "1000"], session.directory, "sleeper")
    program.start()
    assert program.is_running
    session.close()
    assert not session.directory.exists()
    assert not program.is_running


def test_next_session_ends_what_a_killed_one_left(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", _STARTS_TWO_AND_HANGS]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        directory, pid = killed.stdout.readline().split()
        killed.send_signal(signal.SIGKILL)
    assert _lives(int(pid))
    session = Session()
    assert not _lives(int(pid))
    assert not Path(directory).exists()
    session.close()


def test_session_leaves_a_living_one_alone() -> None:
    first, second = Session(), Session()
    assert first.directory.exists()
    assert second.directory.exists()
    first.close()
    second.close()


def test_kill_ends_the_whole_group() -> None:
    session = Session()
    program = Program(["sh", "-c", "sleep 1000 & echo $!; wait"], session.directory, "sleeper")
    program.start()
    while not program.log_text().endswith("\n"):
        time.sleep(0.01)
    program.kill()
    assert not _lives(int(program.log_text()))
    session.close()


def test_program_that_ignores_the_request_to_end_is_ended() -> None:
    session = Session()
    program = Program(["sh", "-c", "trap '' TERM; echo ready; sleep 1000"], session.directory, "deaf")
    program.start()
    while "ready" not in program.log_text():
        time.sleep(0.01)
    program.stop(patience=0.1)
    assert not program.is_running
    session.close()


def test_free_port_is_one_that_can_be_bound() -> None:
    port = free_port()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
