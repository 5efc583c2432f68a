"""A replacement is cut short at any point, by this side or the host, or two are at it at once: one database stays in service."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import Passed
from reconciler.simulator import STEPS, SimulatedHost
from tests.backups.stage import Stage
from tests.backups.test_replacing import SINCE, THEN, backed_up, forms, partners, replaced
from tests.faults.shares import EXHAUSTIVE, moments
from tests.harness import promises
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Killed, Process, Universe, read
from tests.harness.virtual_time import run

SAMPLED = 13
STATES = {"in service": "active", "suspended": "suspended"}
SOURCES = ["a backup", "the trash"]
RESTORING = ("restore.listed", "restore.rows", "restore.done")

versions = pytest.mark.parametrize("version", ["19.0", "14.0"])
sources = pytest.mark.parametrize("source", SOURCES)
states = pytest.mark.parametrize("state", STATES.values(), ids=STATES)


class Broken(AssertionError):
    """A promise did not hold at some moment."""


class Watch:
    """Looks at each durable step whether the customer's database is somewhere with all that was written, and one in service."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host, self.broken = host, ""

    def __call__(self, step: str) -> None:
        self.broken = self.broken or self._wrong(step)

    def sure(self) -> None:
        """Raise what was wrong at any step."""
        if self.broken:
            raise Broken(self.broken)

    def _wrong(self, step: str) -> str:
        found = {names.parse(n): d for n, d in self._host.databases.items() if names.parse(n).target == "acme"}
        there = [name for name in found if name.state in names.FORMS]
        serving = [name for name in there if name.state in names.IN_SERVICE]
        if len(serving) > 1:
            return f"{step}: {', '.join(name.text for name in serving)} are there at once"
        if not any(SINCE in partners(d) for d in found.values() if d.stage == "ready"):
            return f"{step}: what the customer wrote is nowhere"
        kept = [name.text for name, d in found.items() if d.parameter("odoo_fleet.ended") == name.text]
        if not (there or kept):
            return f"{step}: nothing is there that the next pass could bring back: {[n.text for n in found]}"
        empty = [name.text for name in serving if THEN not in partners(found[name])]
        return f"{step}: {empty} is in service without the rows of its customer" if empty else ""


def watched(made: Stage, text: str, *, alone: bool = True) -> Watch:
    host = made.universe.hosts["one"]
    promises.watch(made.universe.hosts, read(text), alone=alone)
    watch = Watch(host)
    host.watchers.append(watch)
    return watch


async def begun(root: Path, version: str, source: str, state: str) -> tuple[Stage, str]:
    """A customer whose database is about to be replaced; and the trash name where it is from there."""
    made = await backed_up(root, version)
    made.policy = "false"
    made.universe.hosts["one"].add_database("shop")
    trash = ""
    if source == "the trash":
        assert (await replaced(made)).ok
        (trash,) = (n for n in forms(made) if names.parse(n).state is NameState.TRASH)
        (database,) = (d for n, d in made.universe.hosts["one"].databases.items() if n == "acme")
        database.insert("res.partner", {"name": SINCE})
    if state == "suspended":
        assert (await made.apply(made.text(state=state))).ok
    return made, trash


async def converges(made: Stage, text: str) -> None:
    """Plain runs make all as declared: one customer, as before or as replaced, and nothing half-way."""
    passed = await made.apply(text)
    for _ in range(3):
        if passed.ok and passed.after.changeset.is_converged:
            break
        await asyncio.sleep(60)
        passed = await made.apply(text)
    told = [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(passed.after.changeset.blocked)
    assert passed.ok, told
    await asyncio.sleep(3 * 3600)
    await made.apply(text)
    host = made.universe.hosts["one"]
    found = [names.parse(name) for name in forms(made)]
    resting = NameState.SUSPENDED if "suspended" in text else NameState.PUBLISHED
    assert [name.state for name in found if name.state is not NameState.TRASH] == [resting], found
    database = next(d for n, d in host.databases.items() if names.parse(n).state is resting and n.endswith("acme"))
    assert THEN in partners(database)
    assert bool(list(database.matching("ir.cron", active=True))) is (resting is NameState.PUBLISHED)
    assert host.files(next(n for n in host.databases if names.parse(n).state is resting and n.endswith("acme")))
    promises.check(made.universe.hosts, read(text))
    assert (await made.apply(text)).planned.changeset.is_converged


@contextlib.contextmanager
def noted(what: str) -> Iterator[None]:
    """Say with whatever fails in the body where it did."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise


@states
@sources
@versions
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_one_database_is_in_service_after_the_next_run(
    tmp_path: Path, version: str, source: str, state: str, moment: str
) -> None:
    async def story() -> None:
        made, trash = await begun(tmp_path / "target", version, source, state)
        start, text = made.universe, made.text(state=state)
        made.universe, whole = start.branch(), Process()
        watch = watched(made, text)
        passed = await replaced(made, process=whole, trash=trash, state=state)
        assert passed.ok, passed.outcomes
        watch.sure()
        for number in moments(1, whole.sent + 1, SAMPLED):
            with noted(f"killed {moment} request {number} of {whole.sent}"):
                made.universe = start.branch()
                watch = watched(made, text)
                process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
                with contextlib.suppress(Killed, BaseExceptionGroup):
                    await replaced(made, process=process, trash=trash, state=state)
                assert process.dead
                await converges(made, text)
                watch.sure()

    run(story())


@states
@sources
@versions
def test_a_host_that_dies_at_any_step_of_its_work_leaves_one_database_in_service(
    tmp_path: Path, version: str, source: str, state: str
) -> None:
    async def story() -> None:
        made, trash = await begun(tmp_path / "target", version, source, state)
        start, text = made.universe, made.text(state=state)

        async def one(step: str, occurrence: int) -> bool:
            made.universe = start.branch()
            host, seen = made.universe.hosts["one"], 0
            watch = watched(made, text)

            def kill(reached: str) -> None:
                nonlocal seen
                seen += reached == step
                if reached == step and seen == occurrence:
                    host.kill()
                    asyncio.get_running_loop().call_later(20.0, host.start)

            host.on_step = kill
            await replaced(made, trash=trash, state=state)
            host.on_step = lambda _step: None
            if seen < occurrence:
                return False
            await asyncio.sleep(30)
            await converges(made, text)
            watch.sure()
            return True

        steps = (*STEPS["rename"], *(RESTORING if source == "a backup" else ()))
        for step in steps:
            for occurrence in itertools.count(1):
                with noted(f"host killed at {step}, occurrence {occurrence}"):
                    if not await one(step, occurrence) or (not EXHAUSTIVE and occurrence > 1):
                        break

    run(story())


Run = Callable[[Stage, Process], Awaitable[Passed]]


def _plain(**fields: str) -> Run:
    return lambda made, process: made.apply(made.text(**fields), process=process)


OTHERS: dict[str, tuple[Run, str]] = {
    "the same command": (lambda made, process: replaced(made, process=process), "active"),
    "a plain run": (_plain(), "active"),
    "a run that suspends it": (_plain(state="suspended"), "suspended"),
    "a run that ends it": (_plain(state="absent"), "active"),
}
"""Who else is at it, and which text stays."""


@pytest.mark.parametrize("other", OTHERS)
def test_two_at_once_may_overtake_each_other_at_any_request(tmp_path: Path, other: str) -> None:
    async def story() -> None:
        made, _ = await begun(tmp_path / "target", "19.0", "a backup", "active")
        start = made.universe
        theirs, stays = OTHERS[other]

        async def alone(run_it: Run, who: int, turns: Turns, world: Universe) -> None:
            own, process = (
                Stage(Universe(world.hosts, world.clock, DictMemory(), seed=who + 10), made.root, made.version),
                Process(),
            )
            own.policy = made.policy
            process.turn = lambda _request: turns.take(who)
            try:
                passed = await run_it(own, process)
            finally:
                await turns.end(who)
            assert {o.result for o in passed.outcomes} <= {Result.DONE, Result.FAILED, Result.SKIPPED, Result.UNKNOWN}

        for first in moments(0, 220, 17):
            for schedule in ([(0, first), (1, 10**6)], [(0, first), (1, first // 2 + 9), (0, 10**6)]):
                with noted(f"{other}, schedule {schedule}"):
                    made.universe = start.branch()
                    text = made.text(state=stays)
                    watch = watched(made, text, alone=False)
                    turns = Turns(schedule)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(alone(lambda m, p: replaced(m, process=p), 0, turns, made.universe))
                        group.create_task(alone(theirs, 1, turns, made.universe))
                    await asyncio.sleep(120)
                    await converges(made, text)
                    watch.sure()

    run(story())


@pytest.mark.parametrize("stays", ["absent", "suspended"])
def test_an_edit_after_a_crash_is_what_counts(tmp_path: Path, stays: str) -> None:
    async def story() -> None:
        made, _ = await begun(tmp_path / "target", "19.0", "a backup", "active")
        start, whole = made.universe, Process()
        made.universe = start.branch()
        await replaced(made, process=whole)
        for number in moments(1, whole.sent + 1, SAMPLED):
            with noted(f"killed after request {number} of {whole.sent}"):
                made.universe = start.branch()
                watch = watched(made, made.text(state=stays))
                with contextlib.suppress(Killed, BaseExceptionGroup):
                    await replaced(made, process=Process(kill_after=number))
                if stays == "suspended":
                    await converges(made, made.text(state=stays))
                else:
                    await made.apply(made.text(state=stays))
                    await asyncio.sleep(1)
                    passed = await made.apply(made.text(state=stays))
                    assert passed.ok, passed.outcomes
                    made.universe.clock.skew += timedelta(hours=3)
                    await made.apply(made.text(state=stays))
                    assert {names.parse(n).state for n in forms(made)} == {NameState.TRASH}
                watch.sure()

    run(story())


def test_what_a_crash_left_in_the_trash_comes_back_in_a_freeze_too(tmp_path: Path) -> None:
    async def story() -> None:
        made, _ = await begun(tmp_path / "target", "19.0", "a backup", "active")
        start, tried = made.universe, 0
        for number in itertools.count(1):
            made.universe, process = start.branch(), Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await replaced(made, process)
            if not process.dead:
                break
            if {names.parse(name).state for name in forms(made)} == {NameState.TRASH, NameState.BUILDING}:
                tried += 1
                text = made.text().replace(
                    "code: demo\n", "code: demo\nfreezes: [{from: 2026-11-01, to: 2026-12-31}]\n", 1
                )
                await made.apply(text)
                assert "acme" in forms(made), number
        assert tried

    run(story())
