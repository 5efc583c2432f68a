"""The ways to trash and to another server, and what comes back from there: what is noted on them, and what stops them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.core.model.failures import ConnectionCut, DatabaseExists, Refused
from reconciler.core.model.observed import Mark
from reconciler.engine.elsewhere import Elsewhere
from reconciler.engine.moves import Mover
from reconciler.engine.ports import Database
from tests.engine.memory_host import MemoryHost
from tests.engine.test_moving_refusals import (
    ACME,
    LOCK,
    NOTHING,
    TRASH,
    failure_of,
    goes,
    holding,
    mover,
    opened,
    travels,
)
from tests.harness.virtual_time import run

MOVED = "moved-261124120000.acme"
PACKED_FOR = "building-26112412000000001.acme"


def renames(host: MemoryHost) -> list[tuple[str, str]]:
    return [(old, new) for _, old, new in host.done("rename")]


def mark_of(host: MemoryHost, name: str) -> Mark:
    mark = host.databases[name].mark
    assert mark is not None
    return mark


async def asleep(database: Database) -> None:
    await database.quiesce()


# To trash


def test_what_its_text_ended_is_not_noted_as_replaced_and_what_was_replaced_is() -> None:
    """What was replaced is never wanted back: it is dropped past its time although a document declares its name."""
    host = holding("acme")
    assert goes(host, travels(host, "acme", TRASH)) == TRASH
    assert (mark_of(host, TRASH).ended, mark_of(host, TRASH).replaced) == (TRASH, "")
    host = holding("acme")
    assert goes(host, lambda m: m.travel(opened(host, "acme"), TRASH, replaced=True)) == TRASH
    assert (mark_of(host, TRASH).ended, mark_of(host, TRASH).replaced) == (TRASH, TRASH)


@pytest.mark.parametrize(("name", "way"), [("acme", [("acme", LOCK), (LOCK, TRASH)]), (LOCK, [(LOCK, TRASH)])])
def test_what_never_started_is_given_up_by_way_of_the_lock(name: str, way: list[tuple[str, str]]) -> None:
    host = holding(name)

    async def scenario() -> None:
        await mover(host).give_up(name, TRASH)

    run(scenario())
    assert renames(host) == way


def test_a_name_with_a_time_that_is_taken_is_made_up_a_second_later() -> None:
    host = holding("acme")
    assert run(mover(host).new_trash("acme")) == TRASH
    host.hold(ACME, TRASH)
    assert run(mover(host).new_trash("acme")) == "trash-261124120001.acme"
    assert run(mover(host).new_trash("beta")) == "trash-261124120000.beta"
    host.hold(ACME, "trash-261124120001.acme")
    assert run(mover(host).new_trash("acme")) == "trash-261124120002.acme"


# To another server


def leaves(host: MemoryHost, told: list[str]) -> Callable[[Mover], Awaitable[Database]]:
    return lambda m: m.leave(opened(host, "suspended.acme"), PACKED_FOR, "two", asleep, told)


def packed(build: str = PACKED_FOR) -> MemoryHost:
    """A suspended database that was packed for a move, and that another run has woken since."""
    host = holding("suspended.acme", leaving=build)
    host.databases["suspended.acme"].quiet = False
    return host


def test_what_goes_on_elsewhere_stays_behind_asleep_with_a_note_of_where() -> None:
    host, told = packed(), list[str]()
    assert goes(host, leaves(host, told)) == MOVED
    assert told == [MOVED]
    mark = mark_of(host, MOVED)
    assert (mark.moved, mark.moved_to, mark.moving_from, mark.ended) == (MOVED, "two", "", "")
    assert renames(host) == [("suspended.acme", LOCK), (LOCK, MOVED)]
    assert host.databases[MOVED].quiet
    assert [call[2:] for call in host.done("file_sizes")] == [(200, None), (None, ["1/logo"])] * 2


@pytest.mark.parametrize("build", ["", "building-26112411000000001.acme"])
def test_what_was_in_service_or_packed_again_meanwhile_does_not_go_on_elsewhere(build: str) -> None:
    """What was packed is no longer all that it has. It is told under which name it lies, so that it is brought back."""
    host, told = packed(build), list[str]()
    why = "it has been in service since it was packed"
    assert failure_of(host, leaves(host, told)) == (Refused, why, "", MOVED)
    assert told == list(host.databases) == [MOVED]


# Back into service


def test_one_in_service_may_have_its_former_name_beside_it() -> None:
    """Somebody made that by hand since: the customer is not kept out for it. A build would be a second one of them."""

    async def scenario(host: MemoryHost) -> str:
        return (await mover(host, former="old-acme").travel(opened(host, LOCK), "acme")).name

    host = holding(LOCK, in_service=True)
    host.hold(ACME, "old-acme")
    assert run(scenario(host)) == "acme"


@pytest.mark.parametrize("start", [MOVED, LOCK])
def test_what_comes_back_from_a_move_goes_back_there_if_its_name_is_taken(start: str) -> None:
    """Also one that a run which was cut short had brought to the lock: under the lock it is nobody's."""
    host = holding(start, moving_from=MOVED, moved=MOVED, moved_to="two", in_service=True)
    free: list[Any] = [NOTHING] * 3 if start == MOVED else []
    host.answers["exists"] = [*free, {LOCK}, {"acme"}, NOTHING, {LOCK}]
    assert failure_of(host, travels(host, start, "acme")) == (DatabaseExists, "acme is there as well", "", LOCK)
    assert list(host.databases) == [MOVED]
    assert mark_of(host, MOVED).moving_from == ""


@pytest.mark.parametrize("start", [MOVED, LOCK])
def test_what_comes_back_from_a_move_waits_until_the_other_server_says_that_it_is_not_there(start: str) -> None:
    def ends(other: MemoryHost) -> tuple[str, list[str]]:
        host = holding(start, moving_from=MOVED, moved=MOVED, moved_to="two", in_service=True)

        async def scenario() -> str:
            way = mover(host)
            way = Mover(host.port, way.account, way.clock, way.nonces, Elsewhere([(other.port, ("acme",))]))
            try:
                return (await way.travel(opened(host, start), "acme")).name
            except (ConnectionCut, DatabaseExists) as failure:
                return f"{failure.what}, {failure.server}"

        return run(scenario()), list(host.databases)

    two = MemoryHost("two")
    assert ends(two) == ("it lists no database at all, two", [start])
    two.hold(ACME, "shop")
    assert ends(two) == ("acme", ["acme"])
    two.hold(ACME, "suspended.acme")
    assert ends(two) == ("suspended.acme is on two, two", [MOVED])
