"""Programs of hooks: what they get, how they fail, and that none of them is left running."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.core.model.failures import HookFailed
from reconciler.hooks.programs import run_command
from tests.hooks.programs import ended, program

FORKS = """
if not os.fork():
    (here / "child").write_text(str(os.getpid()))
    while True:
        time.sleep(60)
while not (here / "child").exists():
    time.sleep(0.01)
"""


def run(
    path: Path, *arguments: str, message: bytes = b"{}\n", seconds: float = 20, environ: Mapping[str, str] | None = None
) -> None:
    asyncio.run(run_command([str(path), *arguments], message, environ or {}, seconds))


def test_it_gets_the_action_its_arguments_as_they_are_and_nothing_of_the_environment_that_may_be_a_secret(
    tmp_path: Path,
) -> None:
    body = "(here / 'got').write_text(json.dumps([sys.stdin.read(), sys.argv[1:], dict(os.environ), os.getcwd()]))\n"
    path = program(tmp_path, body)
    secrets = {"ODOO_FLEET_KEY": "k", "MASTER_PASSWORD": "m", "LD_PRELOAD": "x"}
    run(path, "$(id); *", message=b'{"verb":"clone"}\n', environ={"HOME": "/root", "TZ": "Europe/Brussels", **secrets})
    came, arguments, environ, directory = json.loads((tmp_path / "got").read_text())
    assert (came, arguments, directory) == ('{"verb":"clone"}\n', ["$(id); *"], "/")
    assert {"HOME", "TZ", "PATH"} <= environ.keys()
    assert not secrets.keys() & environ.keys()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("sys.exit('the disk\\nis full\\x1b[31m')", "exit code 1: the disk is full\ufffd[31m"),
        ("sys.exit(7)", "exit code 7"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9"),
    ],
)
def test_one_that_does_not_end_well_is_quoted_on_one_line(tmp_path: Path, body: str, why: str) -> None:
    with pytest.raises(HookFailed) as failure:
        run(program(tmp_path, body))
    assert str(failure.value) == why


def test_one_that_is_not_there_or_no_program_cannot_be_run(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Permission denied")):
        with pytest.raises(HookFailed, match=f"it cannot be run: {why}"):
            run(path)


def test_one_that_floods_and_reads_nothing_does_not_hang_and_little_of_it_is_kept(tmp_path: Path) -> None:
    path = program(tmp_path, "sys.stderr.write('x' * 5_000_000); sys.stdout.write('y' * 5_000_000); sys.exit(2)")
    with pytest.raises(HookFailed) as failure:
        run(path, message=b"z" * 1_000_000)
    assert str(failure.value) == f"exit code 2: {'x' * 300}…"


def test_one_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = program(tmp_path, f"{FORKS}sys.stderr.write('waiting'); sys.stderr.flush(); time.sleep(60)")
    with pytest.raises(HookFailed) as failure:
        run(path, seconds=4)
    assert str(failure.value) == "it did not end within 4 s and was killed: waiting"
    assert ended(int((tmp_path / "child").read_text()))


def test_one_that_is_given_up_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = program(tmp_path, f"{FORKS}time.sleep(60)")

    async def story() -> None:
        running = asyncio.ensure_future(run_command([str(path)], b"", {}, 60))
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    assert ended(int((tmp_path / "child").read_text()))


def test_what_a_program_leaves_behind_with_its_output_open_is_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    run(program(tmp_path, FORKS))
    assert time.monotonic() - started < 10
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    async def story() -> int:
        running = asyncio.ensure_future(run_command([str(program(tmp_path, "time.sleep(0.5)"))], b"", {}, 20))
        turns = 0
        while not running.done():
            await asyncio.sleep(0.01)
            turns += 1
        await running
        return turns

    assert asyncio.run(story()) > 10
