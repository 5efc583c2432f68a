"""A daemon beside a host that gets newer code: what it tells, and that one which takes over in a later wave goes on there."""

from __future__ import annotations

import asyncio

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.notices.notices import Level, NoticeName
from reconciler.simulator import Code, SimulatedHost
from reconciler.store.forgetful import NoMemory
from tests.daemon.stage import INTERVAL, Stage, play
from tests.engine.test_upgrades import COLUMN, deploy, text_of, version_of
from tests.harness.universe import universe

_HOUR = 3600.0


def _at(host: SimulatedHost, version: str) -> int:
    return sum(version_of(host, name) == f"installed {version}" for name in host.databases)


def test_new_code_is_told_once_and_whom_it_has_broken() -> None:
    async def story(stage: Stage) -> None:
        host = stage.universe.hosts["one"]
        stage.source.write(text_of(says=""))
        await stage.converged()
        await asyncio.sleep(INTERVAL)
        deploy(host, Code("1.1", COLUMN))
        await asyncio.sleep(4 * INTERVAL)
        assert stage.daemon.standing.behind == {"one": 7}
        assert stage.daemon.standing.broken == {"one": 7}
        assert _at(host, "1.0") == 7

    stage = play(universe(), story, choose=lambda desired: Limits(depth=Depth.of(desired, code=True)))
    (moved,) = [n for n in stage.notices if n.name is NoticeName.CODE_MOVED]
    assert (moved.level, moved.server) == (Level.WARNING, "one")
    assert "mail 19.0.1.0 → 19.0.1.1" in moved.detail
    (broken,) = [n for n in stage.notices if n.name is NoticeName.DATABASES_BROKEN]
    assert broken.level is Level.ERROR
    assert f"column {COLUMN} does not exist" in broken.detail
    assert "and 4 more" in broken.detail


def test_a_daemon_that_takes_over_without_any_memory_goes_on_in_the_wave_that_the_databases_are_in() -> None:
    world, text = universe(), text_of()
    host = world.hosts["one"]

    async def first(stage: Stage) -> None:
        stage.source.write(text)
        await stage.converged()
        await asyncio.sleep(INTERVAL)
        deploy(host, Code("1.1", COLUMN))
        await asyncio.sleep(_HOUR + 2 * INTERVAL)
        assert _at(host, "1.1") == 4

    async def second(stage: Stage) -> None:
        stage.source.write(
            text
        )  # time begins anew with each daemon of a test: the second wave was after one hour of it
        await asyncio.sleep(1.9 * _HOUR)
        assert _at(host, "1.1") == 4, "the soak since the second wave is not over"
        await asyncio.sleep(_HOUR / 2)
        assert _at(host, "1.1") == 7

    play(world, first)
    play(world, second, store=NoMemory())
