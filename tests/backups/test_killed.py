"""Whoever is killed while it does what is due leaves what is whole or nothing; the next one does what is left, and no more."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.policies.backup_times import may_begin
from reconciler.core.policies.backups import NotThere
from reconciler.core.policies.due_backups import appointments, in_turn, subject_of
from reconciler.engine.keeping import keep_appointment
from reconciler.engine.observing import observe_shallow
from reconciler.store.forgetful import NoMemory
from tests.backups.stage import Stage, stage
from tests.harness.universe import Killed, Process, read
from tests.harness.virtual_time import run


async def do_what_is_due(made: Stage, records: NoMemory, process: Process) -> int:
    """Do it as a daemon does, and say how much was begun."""
    desired, begun = read(made.text()), 0
    world = made.world(desired, process)
    observed = await observe_shallow(["one"], made.world(desired))
    while True:
        now = world.clock.now()
        found = appointments(desired, observed, records.backup_records(), NOTHING_REMEMBERED, now)
        due = in_turn(each for each in found if each.is_due(now) and may_begin(each.record, now))
        if not due:
            return begun
        subject = subject_of(desired, due[0], observed)
        assert not isinstance(subject, NotThere)
        begun += 1
        await keep_appointment(world, "demo", due[0], subject, records)


def killing(process: Process, moment: int) -> Callable[[str, str], None]:
    """Kill a process before so many steps at the target."""
    steps: list[str] = []

    def step(what: str, _place: str) -> None:
        process.check()
        steps.append(what)
        if len(steps) == moment:
            process.die()

    return step


@pytest.mark.parametrize("where", ["at a host", "at the target"])
def test_killed_at_any_request_it_leaves_what_is_whole_and_the_next_one_does_the_rest(
    tmp_path: Path, where: str
) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        quiet, before = made.universe, made.before
        for moment in range(1, 200):
            made.universe, records = quiet.branch(), NoMemory()
            shutil.rmtree(made.root)
            made.root.mkdir()
            process = Process(kill_before=moment if where == "at a host" else 0)
            made.before = killing(process, moment if where == "at the target" else 0)
            try:
                await do_what_is_due(made, records, process)
            except Killed:
                made.before = before
            else:
                assert moment > 10
                return
            for entry in await made.entries():
                assert hashlib.sha256((made.root / entry.place).read_bytes()).hexdigest() == entry.sha256
            assert await do_what_is_due(made, records, Process()) <= 1, (
                "what was cut waits; a proof may be all that is left"
            )
            made.universe.clock.skew += timedelta(minutes=11)
            await do_what_is_due(made, records, Process())
            (entry,) = await made.entries()
            assert entry.proven is not None
            assert len([file for file in made.files() if not file.endswith(".json")]) <= 2, made.files()
        raise AssertionError("it never came to an end")

    run(story())
