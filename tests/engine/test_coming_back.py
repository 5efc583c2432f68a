"""What is to be replaced goes out of the way, and comes back if nothing takes its place: on a host in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model import names
from reconciler.core.model.failures import HostError, PasswordRefused, ProofFailed, Refused, UnknownOutcome
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine import replacing
from reconciler.engine.moves import Mover
from reconciler.engine.replacing import Present
from tests.core.scenes import desired, instance, spec
from tests.engine.memory_host import MemoryHost
from tests.engine.test_moving_refusals import mover
from tests.harness.virtual_time import EPOCH, run

TEXT = desired(instance("acme"), instance("quiet", neutralize="true"))
ACME = spec(TEXT, "instance/acme")
QUIET = spec(TEXT, "instance/quiet")
TRASH = names.trash("acme", EPOCH)
BACK = "; what was there before is back in its place"


def holding(name: str = "acme", wanted: DatabaseSpec = ACME) -> MemoryHost:
    host = MemoryHost()
    host.hold(wanted, name)
    return host


def _mark(host: MemoryHost, name: str) -> Any:
    return host.databases[name].mark


def replaced(
    host: MemoryHost,
    name: str = "acme",
    body: Callable[[str], object] = lambda _trash: None,
    wanted: DatabaseSpec = ACME,
    failure: Exception | None = None,
) -> tuple[str, list[str]]:
    """Have the database of a name out of the way while the body runs, and fails; return what is said, and the steps."""
    steps: list[str] = []

    async def scenario() -> str:
        moves: Mover = mover(host, wanted)
        was = await replacing.present(moves, name)
        host.asked.clear()
        try:
            async with replacing.out_of_the_way(moves, was, steps.append) as trash:
                body(trash)
                raise failure or ProofFailed("the new one has no files", server="one", database="switching.acme")
        except HostError as told:
            return told.what

    return run(scenario()), steps


def test_it_is_trash_and_quiet_while_another_one_takes_its_place() -> None:
    host, seen = holding(), []

    def look(trash: str) -> None:
        kept = host.databases[trash]
        seen.append((trash, kept.quiet, kept.mark and (kept.mark.ended, kept.mark.replaced)))

    _, steps = replaced(host, body=look)
    assert seen == [(TRASH, True, (TRASH, TRASH))]
    assert steps[0] == "taking the present one out of reach"
    assert set(steps[1:]) == {"holding scheduled actions back"}


@pytest.mark.parametrize(
    ("wanted", "name", "awake"),
    [(ACME, "acme", True), (ACME, "suspended.acme", False), (QUIET, "quiet", False)],
    ids=["in service", "suspended", "neutralized"],
)
def test_it_comes_back_as_it_was(wanted: DatabaseSpec, name: str, *, awake: bool) -> None:
    host = holding(name, wanted)
    uuid = host.databases[name].uuid
    assert replaced(host, name, wanted=wanted)[0] == f"the new one has no files{BACK}"
    assert set(host.databases) == {name}
    assert (host.databases[name].uuid, host.databases[name].quiet) == (uuid, not awake)
    assert bool(host.done("wake")) is awake, "nothing that sleeps is woken even for a moment"
    assert host.done("forget_name") == [("forget_name", name)], "workers may remember what was to take its place"


def test_what_never_left_its_place_is_said_to_be_there_and_is_moved_nowhere() -> None:
    host = holding()
    host.answers["note_move"] = Refused("nothing may be written", server="one", database="acme")
    assert replaced(host)[0] == f"nothing may be written{BACK}"
    assert list(host.databases) == ["acme"]
    assert host.done("rename", "forget_name") == []


def _is_another(host: MemoryHost) -> Callable[[str], None]:
    def exchange(trash: str) -> None:
        kept = host.databases[trash]
        assert kept.mark is not None
        kept.uuid, kept.mark = "another's", replace(kept.mark, uuid="another's")

    return exchange


def _has_another_in_its_place(host: MemoryHost) -> Callable[[str], None]:
    def publish(trash: str) -> None:
        del host.databases[trash]
        host.hold(ACME, "acme").uuid = "the new one's"
        host.databases["acme"].mark = replace(_mark(host, "acme"), uuid="the new one's")

    return publish


def _is_gone(host: MemoryHost) -> Callable[[str], object]:
    return host.databases.pop


def _is_not_told(host: MemoryHost) -> Callable[[str], object]:
    return lambda _trash: host.answers.update(listed=PasswordRefused("no list is given any more", server="one"))


@pytest.mark.parametrize("happens", [_is_another, _has_another_in_its_place, _is_gone, _is_not_told])
def test_nothing_else_is_put_in_its_place_and_why_it_failed_is_what_is_said(
    happens: Callable[[MemoryHost], Callable[[str], object]],
) -> None:
    host = holding()
    assert replaced(host, body=happens(host))[0] == "the new one has no files"
    assert host.done("forget_name") == []
    assert [call for call in host.done("rename") if call[1] != "acme" and call[2] == "acme"] == []


def test_after_an_outcome_that_nobody_knows_it_is_left_to_the_next_pass() -> None:
    host = holding()
    assert replaced(host, failure=UnknownOutcome("no answer", server="one"))[0] == "no answer"
    assert set(host.databases) == {TRASH}


def test_a_failure_of_ours_brings_it_back_too() -> None:
    host = holding()
    with pytest.raises(ZeroDivisionError):
        replaced(host, failure=ZeroDivisionError())
    assert set(host.databases) == {"acme"}


def test_what_is_not_the_documents_is_not_replaced() -> None:
    host = holding()
    host.databases["acme"].mark = replace(_mark(host, "acme"), code="beta")

    async def scenario() -> None:
        await replacing.present(mover(host), "acme")

    with pytest.raises(Refused) as caught:
        run(scenario())
    why = "it is not replaced: its mark says that it is instance/beta of fleet 'demo'"
    assert (caught.value.what, caught.value.server, caught.value.database) == (why, "one", "acme")


@pytest.mark.parametrize(
    ("lost", "half_made", "uuid"), [(True, True, ""), (True, False, "uuid of acme"), (False, True, "uuid of acme")]
)
def test_only_what_is_known_to_be_lost_and_is_half_made_is_put_away_without_a_look_inside(
    *, lost: bool, half_made: bool, uuid: str
) -> None:
    steps: list[str] = []
    host = holding()
    host.answers["is_half_made"] = half_made

    async def scenario() -> None:
        moves = mover(host)
        was = await (replacing.present(moves, "acme", lost=True) if lost else replacing.present(moves, "acme"))
        assert was == Present("acme", uuid)
        host.asked.clear()
        async with replacing.out_of_the_way(moves, was, steps.append):
            assert set(host.databases) == {TRASH}

    run(scenario())
    assert bool(host.done("open")) is bool(uuid)
    assert (steps[0] == "putting what cannot be opened away") is not bool(uuid)
