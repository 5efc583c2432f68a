"""A copy on another server than its source's: of the newest backup, or of the source as it is then where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.core.policies import backups
from reconciler.core.policies.replacements import Replacing
from reconciler.engine import backing_up
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.loading.secrets import SecretResolver
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.simulator import neutralizing
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.simulator.environment import Env
from reconciler.wiring import DeclaredTargets
from tests.backups.copying import MONDAY, copy_of, live_in, now_is, require_neutral
from tests.engine.rounds_stage import INTERVAL, Stage, play
from tests.faults.shares import moments
from tests.faults.test_two_reconcilers import one_alone
from tests.harness.schedules import Turns
from tests.harness.universe import ENVIRON, DictMemory, Killed, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
REFRESHED = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", backup_first=False))
COPY = copy_of("acme", server="two")
MONDAYS = copy_of("acme", server="two", refresh='"0 4 * * 1"', timezone="Europe/Brussels")


@dataclass
class Two:
    """A fleet on `one` and `two`, with acme on the first, and its copy on the second; with `root` there are backups of acme."""

    world: Universe
    version: str
    root: Path | None = None

    def text(self, copy: str = COPY, server: str = "one") -> str:
        servers = dict.fromkeys(("one", "two"), self.version)
        written = fleet(instance("acme", company="Acme SA", server=server), *filter(None, [copy]), servers=servers)
        if self.root is None:
            return written
        kept = written.replace(
            "secret_key:", f"backup_targets: {{main: {{url: 'file://{self.root}'}}}}\nsecret_key:", 1
        )
        return kept.replace("code: starter\n", "code: starter\nbackup: true\n", 1)

    def ports(self, text: str, process: Process | None = None) -> tuple[Desired, World]:
        desired = read(text)
        targets = DeclaredTargets(desired, Path("fleet"), SecretResolver(desired, ENVIRON, Path("fleet")))
        return desired, replace(self.world.world(desired, process or Process()), targets=targets)

    async def apply(self, text: str, limits: Limits | None = None, process: Process | None = None) -> Passed:
        desired, ports = self.ports(text, process)
        chosen = limits or Limits()
        return await carry_out(await plan(desired, ports, chosen), desired, ports, chosen)

    async def shown(self, text: str, limits: Limits | None = None) -> str:
        desired, ports = self.ports(text)
        return render_plan((await plan(desired, ports, limits or Limits())).changeset, desired, Paper(width=200))

    async def back_up(self) -> str:
        desired, ports = self.ports(self.text(""))
        subject = backups.subject_of(desired, desired.instances["acme"], "one", "acme")
        return (await backing_up.back_up(ports, "demo", subject, "main", None)).entry.id

    @property
    def source(self) -> SimulatedDatabase:
        return self.world.hosts["one"].databases["acme"]

    @property
    def copy(self) -> SimulatedDatabase:
        return self.world.hosts["two"].databases["acme-staging"]

    def partners(self) -> set[str]:
        return {str(row["name"]) for row in self.copy.rows("res.partner").values()}


@functools.cache
def _begun(version: str) -> Universe:
    async def make() -> Universe:
        servers = dict.fromkeys(("one", "two"), version)
        world = universe(servers)
        assert (await world.reconcile(fleet(instance("acme", company="Acme SA", server="one"), servers=servers))).ok
        live_in(world.hosts["one"].databases["acme"], version)
        return world

    return run(make())


@pytest.fixture(autouse=True)
def _made(_no_threads: None) -> None:
    for version in ("19.0", "14.0"):
        _begun(version)


def begun(version: str = "19.0", root: Path | None = None) -> Two:
    return Two(_begun(version).branch(), version, root)


def require_whole(two: Two) -> None:
    for model in ("res.partner", "res.users", "ir.attachment"):
        assert len(two.copy.rows(model)) == len(two.source.rows(model)), model
    assert two.world.hosts["two"].files("acme-staging") == two.world.hosts["one"].files("acme")
    require_neutral(two.copy, two.version)
    assert not [
        sent for sent in two.world.hosts["two"].outbox if "staging" in sent.name and "Auto-vacuum" not in sent.what
    ]


@both
def test_where_no_backup_is_kept_it_is_made_of_its_source_as_it_is_then_and_of_all_of_it(version: str) -> None:
    async def story() -> None:
        two = begun(version)
        before = two.source.revision
        assert 'source: "on one" → "packed there as it is then, since there is no backup of it"' in await two.shown(
            two.text()
        )
        passed = await two.apply(two.text())
        assert passed.ok, passed
        require_whole(two)
        assert two.source.revision == before, "nothing is written into its source"
        assert two.copy.uuid != two.source.uuid
        assert two.copy.parameter("web.base.url") == "https://acme-staging.example.com"
        assert not (await two.apply(two.text(), Limits(depth=Depth(refresh=True)))).outcomes
        two.source.insert("res.partner", {"name": "later"})
        assert (await two.apply(two.text(), REFRESHED)).ok
        assert "later" in two.partners()

    run(story())


@both
def test_where_there_are_backups_it_is_made_of_the_newest_which_the_plan_names_with_its_age(
    tmp_path: Path, version: str
) -> None:
    async def story() -> None:
        two = begun(version, tmp_path)
        assert "packed there as it is then" in await two.shown(two.text()), "there is none yet"
        await two.back_up()
        two.source.insert("res.partner", {"name": "second"})
        await asyncio.sleep(3600)
        backup = await two.back_up()
        two.source.insert("res.partner", {"name": "third"})
        calls = len(two.world.hosts["one"].calls)
        shown = await two.shown(two.text())
        assert f'source_backup: "in main, taken 2026-11-24 13:00 UTC" → "{backup}"' in shown
        assert "neutralize: a live database → it mails nobody and takes no payment" in shown
        passed = await two.apply(two.text())
        assert passed.ok, passed
        assert backup in passed.outcomes[0].detail
        assert {"second"} == two.partners() & {"second", "third"}
        require_neutral(two.copy, version)
        assert not [c for c in two.world.hosts["one"].calls[calls:] if "backup" in c.method or c.method == "dump"]
        await asyncio.sleep(3600)
        newer = await two.back_up()
        assert f"contents: as of now → backup {newer} of instance/acme" in await two.shown(two.text(), REFRESHED)
        assert (await two.apply(two.text(), REFRESHED)).ok
        assert "third" in two.partners()
        require_neutral(two.copy, version)

    run(story())


def test_a_rhythm_makes_it_anew_of_a_backup_that_is_newer_and_of_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        two, whole = begun("19.0", tmp_path), begun("19.0", tmp_path).text(MONDAYS)
        now_is(two.world, MONDAY - timedelta(days=1))
        await two.back_up()
        assert (await two.apply(whole)).ok
        two.copy.insert("res.partner", {"name": "tried"})
        now_is(two.world, MONDAY + timedelta(hours=1))
        passed = await two.apply(whole)
        (held,) = passed.planned.changeset.withheld
        assert "there is no newer backup of instance/acme than the one that it was made of" in held.why
        assert ("tried" in two.partners(), passed.outcomes) == (True, ())
        two.source.insert("res.partner", {"name": "new"})
        await two.back_up()
        passed = await two.apply(whole)
        assert [o.action.reason for o in passed.outcomes] == ["scheduled"]
        assert {"new"} == two.partners() & {"new", "tried"}
        assert not (await two.apply(whole)).outcomes

    run(story())


def test_a_daemon_makes_it_by_the_looks_of_two_hosts(tmp_path: Path) -> None:
    two = begun("19.0", tmp_path)
    run(two.back_up())

    async def story(stage: Stage) -> None:
        async with asyncio.timeout(1200):
            while "acme-staging" not in two.world.hosts["two"].listed():
                await asyncio.sleep(1)
            await stage.converged()

    without = Two(two.world, "19.0")
    play(two.world, without.text(), story)
    require_whole(two)


def test_in_a_daemon_a_copy_that_waits_for_its_source_elsewhere_keeps_nothing_from_its_server_and_is_made_at_once_after() -> (
    None
):
    two = begun()

    def edited(module: str) -> str:
        written = two.text().replace("company: Acme SA\n", f"company: Acme SA\nmodules: [{module}]\n", 1)
        return f"{written}---\n{instance('beta', server='two')}"

    async def story(stage: Stage) -> None:
        await stage.converged()
        stage.edit(edited("no_such_module"))  # what the copy waits for fails each time
        await asyncio.sleep(3 * INTERVAL)
        assert "copy instance/acme-staging on two" in {a.id for a in stage.follower.decisions[-1].changeset.actions}
        assert "beta" in two.world.hosts["two"].listed()
        assert "acme-staging" not in two.world.hosts["two"].listed()
        stage.edit(edited("sale"))
        async with asyncio.timeout(INTERVAL / 5):
            await stage.converged()

    stage = play(two.world, two.text(""), story)
    assert not stage.follower.broken
    assert stage.follower.ids()[-2:] == ["configure instance/acme on one", "copy instance/acme-staging on two"]
    require_whole(two)


@pytest.mark.parametrize("kept", [False, True])
def test_what_its_server_lacks_by_then_is_refused_before_anything_is_restored(tmp_path: Path, kept: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        two = begun("19.0", tmp_path if kept else None)
        if kept:
            await two.back_up()
        desired, ports = two.ports(two.text())
        planned = await plan(desired, ports, Limits())
        template = two.world.hosts["two"].databases["template_base"]
        (row,) = template.matching("ir.module.module", name="mail")
        template.delete("ir.module.module", int(row["id"]))
        calls = len(two.world.hosts["two"].calls)
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        assert outcome.result is Result.FAILED
        assert "two does not have the modules mail" in outcome.detail
        assert not [c for c in two.world.hosts["two"].calls[calls:] if "restore" in c.method]
        assert two.world.hosts["two"].listed() == ["template_base"]
        (blocked,) = [b for b in (await two.apply(two.text())).planned.changeset.blocked if b.code == "acme-staging"]
        assert blocked.why.endswith("is on one: two does not have the modules mail")

    run(story())


@pytest.mark.parametrize("kept", [False, True])
def test_a_template_that_its_server_lacks_yet_is_made_first_in_the_same_pass(tmp_path: Path, kept: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        two = begun("19.0", tmp_path if kept else None)
        if kept:
            await two.back_up()
        two.world.take_template_from("two")
        passed = await two.apply(two.text())
        assert [o.action.verb for o in passed.outcomes] == [verbs.CREATE, verbs.RESTORE if kept else verbs.COPY]
        assert passed.ok, passed
        require_whole(two)

    run(story())


def test_a_code_that_lacks_modules_is_found_by_the_template_that_was_just_made() -> None:
    async def story() -> None:
        two = begun()
        module = {"name": "of_the_first_host", "state": "installed", "latest_version": "19.0.1.0"}
        two.source.insert("ir.module.module", module)
        two.world.take_template_from("two")
        passed = await two.apply(two.text())
        assert [o.result for o in passed.outcomes] == [Result.DONE, Result.FAILED]
        assert "two does not have the modules of_the_first_host" in passed.outcomes[1].detail
        assert two.world.hosts["two"].listed() == ["template_base"]
        assert not passed.ok

    run(story())


def test_one_that_is_not_neutralized_in_one_point_is_never_published(monkeypatch: pytest.MonkeyPatch) -> None:
    play_it = neutralizing.play

    def half_done(env: Env) -> dict[str, object]:
        answer = play_it(env)
        for row in list(env.database.rows("mail.mail").values()) if env.context["odoo_fleet"]["write"] else ():
            env.database.update("mail.mail", row["id"], {"state": "outgoing"})
        return answer

    monkeypatch.setattr(neutralizing, "play", half_done)

    async def story() -> None:
        two = begun()
        (outcome,) = (await two.apply(two.text())).outcomes
        assert (outcome.result, "1 mails that wait" in outcome.detail) == (Result.FAILED, True)
        assert two.world.hosts["two"].listed() == ["template_base"]

    run(story())


def test_a_copy_whose_source_has_moved_away_is_made_anew_where_it_is() -> None:
    async def story() -> None:
        two, copy = begun(), copy_of("acme")
        assert (await two.apply(two.text(copy))).ok
        moved = await two.apply(two.text(copy, server="two"))
        assert moved.ok, moved
        assert not [b.why for b in moved.after.changeset.blocked]
        two.world.hosts["two"].databases["acme"].insert("res.partner", {"name": "since the move"})
        passed = await two.apply(two.text(copy, server="two"), REFRESHED)
        assert passed.ok, (passed.outcomes, passed.after.changeset.blocked)
        anew = two.world.hosts["one"].databases["acme-staging"]
        assert any(anew.matching("res.partner", name="since the move"))
        require_neutral(anew, "19.0")

    run(story())


async def ends_well(two: Two) -> None:
    for _ in range(3):
        await asyncio.sleep(3 * 3600)
        await two.apply(two.text())
    left = [n for n in two.world.hosts["two"].listed() if n.endswith("acme-staging") and not n.startswith("trash-")]
    assert left == ["acme-staging"]
    assert two.world.hosts["one"].listed() == ["acme", "template_base"]
    require_whole(two)


async def length_of(version: str) -> int:
    process, two = Process(), begun(version)
    await two.apply(two.text(), process=process)
    return process.sent


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_there_is_one_neutralized_copy_after_the_next_runs(version: str, moment: str) -> None:
    async def story() -> None:
        for number in moments(1, await length_of(version) + 1, 11):
            two = begun(version)
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await two.apply(two.text(), process=process)
            await ends_well(two)

    run(story())


@both
@pytest.mark.parametrize("step", ["restore.listed", "restore.rows", "restore.done", "rename.files"])
def test_a_host_that_dies_on_the_way_has_one_neutralized_copy_after_the_next_runs(version: str, step: str) -> None:
    async def story() -> None:
        two = begun(version)
        host = two.world.hosts["two"]

        def die(reached: str) -> None:
            if reached == step:
                host.on_step = lambda _step: None
                host.kill()

        host.on_step = die
        await two.apply(two.text())
        assert not host.alive
        host.start()
        await ends_well(two)

    run(story())


def test_two_reconcilers_make_one_copy() -> None:
    async def story() -> None:
        for first in moments(0, await length_of("19.0") + 1, 23):
            two, turns = begun(), Turns([(0, first), (1, 10**6)])
            async with asyncio.TaskGroup() as group:
                for who in (0, 1):
                    group.create_task(one_alone(two.world, two.text(), who, turns, DictMemory()))
            await ends_well(two)

    run(story())


def test_what_is_restored_is_the_backup_that_was_shown_though_there_is_a_newer_one_by_then(tmp_path: Path) -> None:
    async def story() -> None:
        two = begun(root=tmp_path)
        shown = await two.back_up()
        desired, ports = two.ports(two.text())
        planned = await plan(desired, ports, Limits())
        two.source.insert("res.partner", {"name": "since then"})
        await asyncio.sleep(3600)
        assert await two.back_up() != shown
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        assert (outcome.result, shown in outcome.detail) == (Result.DONE, True)
        assert "since then" not in two.partners()

    run(story())
