"""Ctrl-C, SIGTERM, a closed pipe and a real terminal, each on a real process."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.world import World, without_times

YES = {"[y/N]": "y\n"}


def command(world: World, *words: str) -> list[str]:
    common = ["--fleet", str(world.fleet), "--store", "none"]
    return [sys.executable, "-m", "reconciler", *words, *common]


def start(world: World, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command(world, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stderr is not None
    for each in process.stderr:
        if line in each:
            return
    pytest.fail(f"{line!r} never came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_running_actions_end(world: World, number: signal.Signals) -> None:
    for host in world.hosts.values():
        host.faults.add("db.create_database:latency=1s")
    process = start(world, "apply", "--yes")
    for _ in world.hosts:
        wait_for(process, "started  create template/restaurant")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopping: nothing new begins" in err
    assert "4 actions done, 3 skipped.\n" in out


def test_what_is_under_way_when_waiting_ends_is_unknown(world: World) -> None:
    world.hosts["prod-2"].faults.add("db.create_database:hang")
    process = start(world, "apply", "--yes", "--target", "instance/cafe", "--grace", "0.2")
    wait_for(process, "started  create template/restaurant")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Waiting no longer" in err
    assert "Unknown\n  - create template/restaurant on prod-2: abandoned while" in out
    assert "1 action done, 1 unknown, 1 skipped.\n" in without_times(out)


def test_a_second_signal_ends_the_waiting_at_once(world: World) -> None:
    world.hosts["prod-2"].faults.add("db.create_database:hang")
    process = start(world, "apply", "--yes", "--target", "instance/cafe")
    wait_for(process, "started  create template/restaurant")
    process.send_signal(signal.SIGINT)
    wait_for(process, "Stopping")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_plan_is_interrupted_at_once(world: World) -> None:
    world.hosts["prod-1"].faults.add("db.list:hang")
    process = start(world, "plan")
    while not world.hosts["prod-1"].calls:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "Interrupted.\n")


def test_a_reader_that_goes_away_gives_no_traceback(world: World) -> None:
    process = start(world, "status")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1


def on_terminal(world: World, typed: dict[str, str], *words: str) -> tuple[int, str]:
    """Run a command on a terminal of 80 columns, and type each text once when what it answers is seen first."""
    child, terminal = pty.fork()
    if child == 0:
        arguments = command(world, *words)
        os.execve(arguments[0], arguments, {**os.environ, "TERM": "xterm", "NO_COLOR": ""})
    seen, waiting = b"", dict(typed)
    while True:
        readable, _, _ = select.select([terminal], [], [], 20)
        try:
            new = os.read(terminal, 4096) if readable else b""
        except OSError:
            new = b""
        if not new:
            break
        seen += new
        for shown in [each for each in waiting if each.encode() in seen]:
            time.sleep(0.2)  # `input` has to have begun: it does not see a signal that came just before
            os.write(terminal, waiting.pop(shown).encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def left_on_screen(seen: str) -> list[str]:
    """Draw what was written to a terminal: what was drawn over is not there."""
    lines, row = [""], 0
    for code, number, text in re.findall(r"\x1b\[\??(?:(\d*)([A-Za-z]))|([^\x1b]+)", seen):
        if number == "A":
            row -= int(code or 1)
        elif number == "K":
            lines[row] = ""
        for part in re.split(r"(\r?\n|\r)", text):
            if part.endswith("\n"):
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part != "\r":
                lines[row] += part
    return lines


def test_on_a_terminal_it_asks_and_shows_what_runs(world: World) -> None:
    code, seen = on_terminal(world, YES, "apply", "--target", "instance/cafe")
    assert code == 0, seen
    assert "Apply these 3 actions? [y/N]" in seen
    assert "\x1b[32m✓ \x1b[0mclone instance/cafe on prod-2" in seen
    assert "3 actions done" in seen


def test_ctrl_c_while_it_works_says_what_it_does_and_that_stays_on_the_terminal(world: World) -> None:
    world.hosts["prod-2"].faults.add("db.create_database:hang")
    typed = {**YES, "  creating": "\x03", "Stopping": "\x03"}
    code, seen = on_terminal(world, typed, "apply", "--target", "instance/cafe")
    assert code == 130, seen
    shown = left_on_screen(seen)
    said = [line.removeprefix("^C") for line in shown]
    assert "Stopping: nothing new begins; what runs gets 30 s (Ctrl-C again: none)." in said
    assert "Waiting no longer: hosts may go on with what runs." in said
    assert max(map(len, shown)) <= 80


def test_anything_but_yes_changes_nothing(world: World) -> None:
    code, seen = on_terminal(world, {"[y/N]": "n\n"}, "apply", "--target", "instance/cafe")
    assert code == 1
    assert "Nothing was changed." in seen
    assert not world.hosts["prod-2"].databases


def test_ctrl_c_at_the_question_changes_nothing(world: World) -> None:
    code, _ = on_terminal(world, {"[y/N]": "\x03"}, "apply", "--target", "instance/cafe")
    assert code == 130
    assert not world.hosts["prod-2"].databases
