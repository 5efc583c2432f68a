"""Before a database ends it is backed up where its text asks for backups; if that fails, it does not end."""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.model import names, verbs
from reconciler.core.model.failures import StorageFailure
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import Passed
from reconciler.notices.events import ActionEnded
from tests.backups.stage import Stage, stage
from tests.harness.universe import Killed, Process, instance
from tests.harness.virtual_time import run

SAMPLED = 3
"""Of so many requests one is tried; what kills at each of an ending without a backup is in `tests/faults`."""

both = pytest.mark.parametrize("version", ["19.0", "14.0"])


def states(made: Stage) -> list[NameState]:
    """Where the databases of the customer's name are."""
    found = map(names.parse, made.universe.hosts["one"].databases)
    return sorted(name.state for name in found if name.target == "acme")


async def end(made: Stage) -> Passed:
    return await made.apply(made.text(state="absent"))


@both
def test_what_ends_has_a_backup_of_that_moment_and_the_plan_shows_it(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        made.universe.hosts["one"].databases["acme"].update("res.company", 1, {"name": "The last of it"})
        passed = await end(made)
        assert passed.ok, passed.outcomes
        (action,) = passed.planned.changeset.actions
        shown = [(c.field, c.desired) for c in action.changes]
        assert (action.verb, shown) == (verbs.END, [("backup", "one in main, made first")])
        (entry,) = await made.entries()
        assert [o.detail for o in passed.outcomes] == [f"backed up as {entry.id} in main"]
        assert (entry.database, entry.door) == ("acme", "page")
        assert states(made) == [NameState.TRASH]
        again = await end(made)
        assert again.planned.changeset.is_converged
        assert len(await made.entries()) == 1

    run(story())


def test_without_a_policy_it_ends_without_one(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = "false"
        passed = await end(made)
        assert passed.ok, passed.outcomes
        assert [a.changes for a in passed.planned.changeset.actions] == [()]
        assert await made.entries() == []
        assert [o.detail for o in passed.outcomes] == [""]

    run(story())


LAST_ONE = "{keep: {last: 1, daily: 0, weekly: 0, monthly: 0}}"


def test_it_thins_out_the_older_ones_as_its_policy_says_and_tells_where_it_could_not(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = LAST_ONE
        before = (await made.back_up()).entry.id
        made.universe.clock.skew += timedelta(hours=1)

        def refuse(what: str, _place: str) -> None:
            if what == "remove":
                raise StorageFailure("main is read-only")

        made.before = refuse
        (outcome,) = (await end(made)).outcomes
        assert outcome.result is Result.DONE
        first, last = [entry.id for entry in await made.entries()]
        assert first == before
        assert outcome.detail == f"backed up as {last} in main; older ones were not thinned out: main is read-only"

        made.before = lambda _what, _place: None
        assert (await made.apply(made.text(state="active"))).ok
        made.universe.clock.skew += timedelta(hours=1)
        (outcome,) = (await end(made)).outcomes
        (only,) = await made.entries()
        assert outcome.detail == f"backed up as {only.id} in main"

    run(story())


def test_of_several_targets_it_is_kept_in_the_one_that_its_policy_names(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.policy = "{target: main}"
        text = made.text(state="absent").replace(
            "backup_targets: {", f"backup_targets: {{other: {{url: 'file://{tmp_path}/other'}}, "
        )
        (outcome,) = (await made.apply(text)).outcomes
        (entry,) = await made.entries()
        assert (outcome.result, outcome.detail) == (Result.DONE, f"backed up as {entry.id} in main")

    run(story())


@both
def test_one_that_cannot_be_kept_leaves_the_customer_in_service(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        calls = len(made.universe.hosts["one"].calls)

        def refuse(what: str, _place: str) -> None:
            if what == "write":
                raise StorageFailure("main is full")

        made.before = refuse
        (outcome,) = (await end(made)).outcomes
        assert (outcome.result, outcome.detail) == (Result.FAILED, "main is full")
        assert states(made) == [NameState.PUBLISHED]
        assert not any(c.method == "rename" for c in made.universe.hosts["one"].calls[calls:])

    run(story())


def test_one_that_is_cut_fails_the_ending_and_the_next_run_makes_both(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        (made.root / "demo").write_text("in the way of the folder of this fleet")
        passed = await end(made)
        (outcome,) = passed.outcomes
        assert outcome.result is Result.FAILED
        assert "main" in outcome.detail
        assert states(made) == [NameState.PUBLISHED]
        (made.root / "demo").unlink()
        assert (await end(made)).ok
        assert len(await made.entries()) == 1
        assert states(made) == [NameState.TRASH]

    run(story())


def test_without_a_target_it_is_blocked_with_what_to_do(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        text = "\n".join(
            line for line in made.text(state="absent").splitlines() if not line.startswith("backup_targets")
        )
        passed = await made.apply(text)
        assert passed.outcomes == ()
        (blocked,) = passed.planned.changeset.blocked
        assert "no one target" in blocked.why
        assert "backup_targets" in blocked.advice
        assert states(made) == [NameState.PUBLISHED]

    run(story())


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_it_ends_with_a_backup_and_never_without(
    tmp_path: Path, version: str, moment: str
) -> None:
    """One that comes after the note that the database was ended makes no further one."""

    async def story() -> None:
        length = (await _killed(tmp_path / "whole", version, Process()))[0]
        for number in range(1, length + 1, SAMPLED):
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            made = (await _killed(tmp_path / f"{number}", version, process))[1]
            assert process.dead
            out_of_reach = states(made) != [NameState.PUBLISHED]
            before = len(await made.entries())
            assert before or not out_of_reach, f"out of reach at request {number}, and no backup"
            (database,) = [
                d for n, d in made.universe.hosts["one"].databases.items() if names.parse(n).target == "acme"
            ]
            is_noted = bool(database.parameter("odoo_fleet.ended"))
            passed = await end(made)
            assert passed.ok, passed.outcomes
            assert states(made) == [NameState.TRASH]
            assert len(await made.entries()) == before + (not is_noted)

    run(story())


async def _killed(root: Path, version: str, process: Process) -> tuple[int, Stage]:
    made = await stage(root, version)
    with contextlib.suppress(Killed, BaseExceptionGroup):
        await made.apply(made.text(state="absent"), process=process)
    return process.sent, made


def test_a_full_disk_of_this_machine_stops_one_ending_and_nothing_else(tmp_path: Path) -> None:
    def full(what: str, _place: str) -> None:
        if what == "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.before = full
        passed = await made.apply(made.text(instance("other"), state="absent"))
        ends = {outcome.action.code: outcome for outcome in passed.outcomes}
        assert (ends["acme"].result, ends["acme"].detail) == (Result.FAILED, "this machine: No space left on device")
        assert (ends["other"].result, states(made)) == (Result.DONE, [NameState.PUBLISHED])

    run(story())


def test_a_defect_that_one_action_brings_to_light_stops_no_other_and_is_told_of_that_one(tmp_path: Path) -> None:
    def breaks(what: str, _place: str) -> None:
        if what == "write":
            raise ZeroDivisionError

    async def story() -> None:
        made = await stage(tmp_path / "target")
        made.before = breaks
        with pytest.raises(ZeroDivisionError):
            await made.apply(made.text(instance("other"), state="absent"))
        told = {e.outcome.action.code: e.outcome for e in made.universe.events if isinstance(e, ActionEnded)}
        assert (told["acme"].result, told["other"].result) == (Result.UNKNOWN, Result.DONE)
        assert told["acme"].detail == "a defect of odoo-fleet: ZeroDivisionError; the next run looks at it again"
        assert {"acme", "other"} <= set(made.universe.hosts["one"].listed())

    run(story())
