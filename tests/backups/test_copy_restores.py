"""A copy whose restore takes its host long, whose answer is lost, or that no host was asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.core.model.outcomes import Result
from reconciler.simulator import FaultSpec
from tests.backups.copying import MONDAY, begun, both, copied, copy_of, now_is, require_neutral, text
from tests.harness.virtual_time import run

pytestmark = pytest.mark.usefixtures("copied_worlds")


def test_of_all_that_unpacks_archives_a_host_does_one_at_a_time() -> None:
    async def story() -> None:
        world = begun("19.0")
        host, builds = world.hosts["one"], [0]
        host.watchers.append(lambda _: builds.append(sum(name.startswith("building-") for name in host.databases)))
        four = [copy_of("acme", f"c{n}", refresh='"0 4 * * 1"') for n in range(4)]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(text(*four))).ok
        now_is(world, MONDAY + timedelta(hours=2))
        passed = await world.reconcile(text(*four, copy_of("acme", "c4")))
        assert passed.ok
        assert sorted(o.action.verb for o in passed.outcomes) == ["copy", *["replace"] * 4]
        assert max(builds) == 1

    run(story())


@both
@pytest.mark.parametrize("lost", ["504-after=1s", "504-after=100ms", "502-after=1s", "reset-after"])
def test_one_whose_restore_a_proxy_does_not_wait_for_is_found_done_and_made(version: str, lost: str) -> None:
    async def story() -> None:
        world, whole = begun(version), copied(version)
        host = world.hosts["one"]
        host.faults.add(FaultSpec.parse(f"page.web/database/restore:{lost}:count=1"))
        passed = await world.reconcile(whole)
        assert passed.ok, passed
        assert not [name for name in host.databases if name.startswith("building-")]
        require_neutral(host.databases["acme-staging"], version)
        assert host.files("acme-staging") == host.files("acme")
        assert host.databases["acme-staging"].uuid != host.databases["acme"].uuid
        assert not (await world.plan(whole)).changeset.actions

    run(story())


@pytest.mark.parametrize("answer", ["502", "504"])
def test_one_whose_restore_no_host_was_asked_for_is_told_so(answer: str) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), copied("19.0")
        host = world.hosts["one"]
        host.faults.add(FaultSpec.parse(f"page.web/database/restore:{answer}:count=1"))
        (outcome,) = (await world.reconcile(whole)).outcomes
        assert (outcome.result, "the host shows no trace of it" in outcome.detail) == (Result.FAILED, True)
        assert "keeps its pages" not in outcome.detail
        assert "acme-staging" not in host.databases

    run(story())
