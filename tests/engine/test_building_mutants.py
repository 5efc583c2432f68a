"""Work whose answer was lost: how long a host may show no trace of it before it is taken for never begun. And which files
are the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from reconciler.core.model.failures import ProofFailed, UnknownOutcome
from reconciler.engine.building import newest
from reconciler.engine.lost_answers import wait_until_done
from reconciler.engine.ports import Host
from tests.engine import test_building_refusals as builds
from tests.engine.memory_host import WORKS
from tests.harness.virtual_time import VirtualClock, run

NAME = "building-261124120000abcde.acme"


class Listing:
    """A host of which only the list is asked: for each look in turn, whether it has the name."""

    server = "one"

    def __init__(self, looks: Sequence[bool]) -> None:
        self._looks = iter(looks)

    async def listed(self) -> tuple[str, ...]:
        return (NAME,) if next(self._looks) else ()


async def wait(looks: Sequence[bool], done: Sequence[bool]) -> tuple[str, float]:
    """Wait for the work, done or not at each look that shows the name; return how it ended, and after how many seconds."""
    answers = iter(done)

    async def is_done() -> bool:
        return next(answers)

    host, lost = cast("Host", Listing(looks)), UnknownOutcome("lost")
    begun = asyncio.get_running_loop().time()
    try:
        await wait_until_done(host, VirtualClock(), NAME, lost, 900, is_done)
        end = "done"
    except ProofFailed as failure:
        end = failure.what
    return end, asyncio.get_running_loop().time() - begun


NO_TRACE = "no answer came, and the host shows no trace of it"


def test_half_a_minute_without_a_trace_is_enough_and_less_is_not() -> None:
    assert run(wait([False] * 15, [])) == (NO_TRACE, 30.0)
    assert run(wait([*[False] * 14, True], [True])) == ("done", 30.0)


def test_a_trace_begins_the_half_minute_anew() -> None:
    looks = [*[False] * 14, True, *[False] * 14]
    assert run(wait([*looks, True], [False, True])) == ("done", 60.0)
    assert run(wait([*looks, False], [False])) == (NO_TRACE, 60.0)


def test_what_was_given_to_a_build_just_after_it_was_looked_for_is_found() -> None:
    """By then it has its own password: what is sent as its template's account is refused, and looked for again."""
    host = builds.ready()
    assert builds.clone(host, furnish=[UnknownOutcome("no answer"), WORKS], open=[None, WORKS]) is None
    assert host.done("furnished") == [("furnished", builds.NAME)]
    assert list(host.databases) == ["template_base", "acme"]


def test_the_newest_files_are_those_of_the_highest_numbers() -> None:
    files = {"9/a": "1", "10/b": "2", "2/c": ""}
    assert newest(files, 2) == {"10/b": "2", "9/a": "1"}
    assert list(newest(files, 3)) == ["10/b", "9/a", "2/c"]
    assert newest(files, 0) == {}
