"""A backup takes the place of the database that an instance has: that becomes trash, with its way back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import names, verbs
from reconciler.core.model.failures import StorageFailure
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Result
from reconciler.core.model.selection import Selection
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import Passed
from reconciler.simulator.databases import EMPTY, SimulatedDatabase
from tests.backups.stage import Stage, stage
from tests.harness.universe import DictMemory, Killed, Process
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
THEN, SINCE = "A partner of then", "A partner of since"


async def backed_up(root: Path, version: str = "19.0", **fields: str) -> Stage:
    """A customer with a backup, who has worked on since."""
    made = await stage(root, version, **fields)
    acme = database(made)
    acme.insert("res.partner", {"name": THEN})
    await made.back_up()
    made.universe.clock.skew += timedelta(hours=1)
    acme.insert("res.partner", {"name": SINCE})
    return made


def database(made: Stage, state: NameState = NameState.PUBLISHED) -> SimulatedDatabase:
    (found,) = [
        d for n, d in made.universe.hosts["one"].databases.items() if names.parse(n).state is state and "acme" in n
    ]
    return found


def partners(of: SimulatedDatabase) -> set[object]:
    return {row["name"] for row in of.rows("res.partner").values()} & {THEN, SINCE}


def forms(made: Stage) -> list[str]:
    return sorted(name for name in made.universe.hosts["one"].listed() if name.endswith("acme"))


async def replaced(
    made: Stage, process: Process | None = None, trash: str = "", *, backup_first: bool = True, **fields: str
) -> Passed:
    """Run what the command `restore acme` runs."""
    limits = Limits(depth=Depth(refresh=True), replacing=Replacing("acme", trash, backup_first))
    return await made.apply(made.text(restore_from="{}", **fields), limits, process)


@both
def test_what_was_written_since_is_gone_from_what_is_in_service_and_lies_in_the_trash(
    tmp_path: Path, version: str
) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target", version)
        before = database(made)
        passed = await replaced(made)
        assert passed.ok, passed.outcomes
        assert [o.action.verb for o in passed.outcomes] == [verbs.REPLACE]
        now, trash = database(made), database(made, NameState.TRASH)
        assert (partners(now), partners(trash)) == ({THEN}, {THEN, SINCE})
        assert (trash.uuid, now.uuid == before.uuid) == (before.uuid, False)
        assert not list(trash.matching("ir.cron", active=True))
        assert list(now.matching("ir.cron", active=True))
        assert len(await made.entries()) == 2, "what was replaced has a backup of that moment"
        again = await made.apply(made.text())
        assert again.planned.changeset.is_converged
        assert len(forms(made)) == 2

    run(story())


@both
def test_what_was_replaced_comes_back_and_what_is_there_becomes_trash(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target", version)
        first = database(made).uuid
        await replaced(made)
        (trash,) = (name for name in forms(made) if names.parse(name).state is NameState.TRASH)
        passed = await replaced(made, trash=trash)
        assert passed.ok, passed.outcomes
        assert (database(made).uuid, partners(database(made))) == (first, {THEN, SINCE})
        assert list(database(made).matching("ir.cron", active=True))
        assert not [p for p in ("ended", "replaced", "moving_from") if database(made).parameter(f"odoo_fleet.{p}")]
        other = database(made, NameState.TRASH)
        assert (partners(other), other.uuid != first) == ({THEN}, True)
        assert (await made.apply(made.text())).planned.changeset.is_converged

    run(story())


def test_a_suspended_one_is_replaced_by_one_that_sleeps(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        assert (await made.apply(made.text(state="suspended"))).ok
        passed = await replaced(made, state="suspended")
        assert passed.ok, passed.outcomes
        asleep = database(made, NameState.SUSPENDED)
        assert (partners(asleep), list(asleep.matching("ir.cron", active=True))) == ({THEN}, [])
        assert (await made.apply(made.text())).ok
        assert list(database(made).matching("ir.cron", active=True))

    run(story())


def test_the_latest_backup_is_that_before_the_one_that_is_made_first(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        (entry,) = await made.entries()
        (outcome,) = (await replaced(made)).outcomes
        assert f"from {entry.id} of instance/acme" in outcome.detail
        assert f"backed up as {(await made.entries())[-1].id}" in outcome.detail

    run(story())


def test_the_backup_that_is_made_first_thins_out_none_of_those_that_may_be_wanted(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        made.policy = "{keep: {last: 1, daily: 0, weekly: 0, monthly: 0}}"
        passed = await replaced(made)
        assert passed.ok, passed.outcomes
        assert (partners(database(made)), len(await made.entries())) == ({THEN}, 2)

    run(story())


def _no_backup(made: Stage) -> None:
    def refuse(what: str, _place: str) -> None:
        if what == "write":
            raise StorageFailure("main is full")

    made.before = refuse


def _cut_in_its_target(made: Stage) -> None:
    (file,) = made.root.rglob("*.zip")
    file.write_bytes(file.read_bytes()[:-9])


def _lost_at_the_lock(made: Stage) -> None:
    host = made.universe.hosts["one"]

    def lose(step: str) -> None:
        lock = host.databases.get("switching.acme")
        if step == "rename.files" and lock is not None and lock.parameter("odoo_fleet.in_service") == "no":
            host.filestore["switching.acme"] = {}

    host.on_step = lose


TROUBLES: dict[str, tuple[Callable[[Stage], None], str]] = {
    "the backup before cannot be kept": (_no_backup, "main is full"),
    "the backup is not as it was kept": (_cut_in_its_target, "cut or changed"),
    "the new one loses its files on its way into service": (
        _lost_at_the_lock,
        "what was there before is back in its place",
    ),
}


@both
@pytest.mark.parametrize("trouble", TROUBLES)
def test_if_anything_fails_the_present_one_is_in_service_as_before(tmp_path: Path, version: str, trouble: str) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target", version)
        before, awake = database(made).uuid, {row["id"] for row in database(made).matching("ir.cron", active=True)}
        make, told = TROUBLES[trouble]
        make(made)
        (outcome,) = (await replaced(made)).outcomes
        assert (outcome.result, told in outcome.detail) == (Result.FAILED, True), outcome.detail
        now = database(made)
        assert (now.uuid, partners(now)) == (before, {THEN, SINCE})
        assert {row["id"] for row in now.matching("ir.cron", active=True)} == awake
        assert not [name for name in forms(made) if name.startswith("building-")]
        made.before, made.universe.hosts["one"].on_step = lambda _what, _place: None, lambda _step: None
        assert (await made.apply(made.text())).planned.changeset.is_converged

    run(story())


def test_without_the_backup_before_it_goes_on_where_none_can_be_kept(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        _no_backup(made)
        assert (await replaced(made, backup_first=False)).ok
        assert partners(database(made)) == {THEN}

    run(story())


def _strike_the_note(made: Stage) -> None:
    trash = database(made, NameState.TRASH)
    (row,) = trash.matching("ir.config_parameter", key="odoo_fleet.replaced")
    trash.delete("ir.config_parameter", row["id"])


def _lose(made: Stage) -> None:
    del made.universe.hosts["one"].databases["acme"]


KEPT: dict[str, tuple[int, Callable[[Stage], None]]] = {
    "its time is not over": (29, lambda _made: None),
    "what is in its place is another's": (31, lambda m: database(m).set_parameter("odoo_fleet.code", "somebody")),
    "what is in its place is a copy": (31, lambda m: database(m).set_parameter("odoo_fleet.uuid", "the original's")),
    "its text ended it": (31, _strike_the_note),
    "nothing is in its place, so that it comes back": (31, _lose),
}


@both
def test_what_was_replaced_is_dropped_past_its_time_and_only_beside_what_replaced_it(
    tmp_path: Path, version: str
) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target", version)
        await replaced(made)
        text, start, uuid = made.text(), made.universe, database(made, NameState.TRASH).uuid
        for why, (days, happens) in KEPT.items():
            made.universe = start.branch()
            happens(made)
            made.universe.clock.skew += timedelta(days=days)
            passed = await made.apply(text, Limits(confirmed_listings={"one"}))
            assert uuid in {d.uuid for d in made.universe.hosts["one"].databases.values()}, (why, passed.outcomes)
        made.universe = start.branch()
        made.universe.clock.skew += timedelta(days=31)
        passed = await made.apply(text)
        assert [o.action.verb for o in passed.outcomes] == [verbs.DROP]
        assert passed.ok, passed.outcomes
        assert (forms(made), partners(database(made))) == (["acme"], {THEN})

    run(story())


def _out_of_reach(made: Stage) -> None:
    host = made.universe.hosts["one"]
    host.databases["switching.acme"] = host.databases.pop("acme")
    host.filestore["switching.acme"] = host.filestore.pop("acme")


HELD: dict[str, tuple[dict[str, str], Callable[[Stage], None], str]] = {
    "protected": ({"deletion_protection": "true"}, lambda _made: None, "protected against deletion"),
    "on its way": ({}, _out_of_reach, "what its text says of it is not done yet"),
    "paused": ({"paused": "true"}, lambda _made: None, ""),
}


@pytest.mark.parametrize("held", HELD)
def test_what_holds_back_the_instance_holds_back_its_replacement(tmp_path: Path, held: str) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        fields, happens, why = HELD[held]
        happens(made)
        before = forms(made)
        passed = await replaced(made, None, "", backup_first=True, **fields)
        assert passed.outcomes == ()
        blocked = passed.planned.changeset.blocked
        assert [why in each.why for each in blocked] == ([True] if why else [])
        assert forms(made) == before

    run(story())


def test_it_counts_as_a_removal(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        text = made.text(restore_from="{}").replace("code: demo\n", "code: demo\nsafety: {max_removals: 0}\n", 1)
        limits = Limits(depth=Depth(refresh=True), replacing=Replacing("acme"))
        passed = await made.apply(text, limits)
        assert passed.outcomes == ()
        assert "safety.max_removals" in passed.planned.changeset.blocked[0].why
        assert (await made.apply(text, replace(limits, allowed={"removals"}))).outcomes[0].result is Result.DONE

    run(story())


def test_what_nobody_can_log_in_to_any_more_is_replaced_if_memory_knows_it_and_stays_in_the_trash(
    tmp_path: Path,
) -> None:
    """Up to 15 Odoo answers there as to a wrong password, so that it cannot be told from one that runs."""

    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        database(made).stage = EMPTY
        lost = database(made).uuid
        known = made.universe.branch()
        made.universe.memory = DictMemory()
        passed = await replaced(made, backup_first=False)
        (blocked,) = passed.planned.changeset.blocked
        assert (passed.outcomes, "restore acme --confirm-listing one" in blocked.advice) == ((), True)

        made.universe = known
        (failed,) = (await replaced(made)).outcomes
        assert failed.result is Result.FAILED, "what cannot be backed up is not replaced without a word"
        passed = await replaced(made, backup_first=False)
        assert passed.ok, passed.outcomes
        (shown,) = passed.planned.changeset.actions[0].changes
        assert "its initialisation never ended" in shown.observed
        assert (partners(database(made)), database(made, NameState.TRASH).uuid) == ({THEN}, lost)
        made.universe.clock.skew += timedelta(days=31)
        await made.apply(made.text())
        assert database(made, NameState.TRASH).uuid == lost, "nothing in it can be read"

    run(story())


def test_the_replacement_of_what_nobody_can_log_in_to_goes_on_after_a_crash(tmp_path: Path) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        database(made).stage = EMPTY
        start, whole = made.universe, Process()
        made.universe = start.branch()
        await replaced(made, whole, backup_first=False)
        for number in range(1, whole.sent + 1):
            made.universe = start.branch()
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await replaced(made, Process(kill_after=number), backup_first=False)
            await made.apply(made.text())
            serving = [d for n, d in made.universe.hosts["one"].databases.items() if n in ("acme", "suspended.acme")]
            assert all(d.stage == EMPTY or partners(d) == {THEN} for d in serving), "no empty one is made in its place"
            limits = Limits(
                Selection(), Depth(refresh=True), {"one"}, replacing=Replacing("acme", "", backup_first=False)
            )
            if not any(d.stage == "ready" for d in serving):
                await asyncio.sleep(1)
                passed = await made.apply(made.text(restore_from="{}"), limits)
                assert passed.ok, (number, passed.outcomes, passed.planned.changeset.blocked)
            assert partners(database(made)) == {THEN}, number

    run(story())


@pytest.mark.parametrize(("trouble", "advice"), [("refused", "secret show"), ("not readable", "by hand")])
def test_what_runs_on_and_cannot_be_held_back_is_not_replaced_but_told_how(
    tmp_path: Path, trouble: str, advice: str
) -> None:
    async def story() -> None:
        made = await backed_up(tmp_path / "target")
        acme = database(made)
        if trouble == "refused":
            (admin,) = acme.matching("res.users", login="admin")
            acme.update("res.users", admin["id"], {"password": "their own"})
        else:
            acme.delete("res.company", 1)
        passed = await replaced(made, backup_first=False)
        (blocked,) = passed.planned.changeset.blocked
        assert (passed.outcomes, advice in blocked.advice) == ((), True), blocked
        assert forms(made) == ["acme"]

    run(story())
