"""What stops a rename, and what it then says and leaves behind: on a host in memory that is spoilt in one way at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from reconciler.core.model.failures import (
    BuildLost,
    ConnectionCut,
    DatabaseExists,
    HostError,
    HostUnreachable,
    NoSuchDatabase,
    PasswordRefused,
    ProofFailed,
    SourceBusy,
    UnknownOutcome,
)
from reconciler.engine.accounts import Account
from reconciler.engine.elsewhere import Elsewhere, other_forms
from reconciler.engine.moves import Mover
from reconciler.engine.ports import Database
from tests.core.scenes import desired, instance, spec
from tests.engine.memory_host import WORKS, Counting, MemoryDatabase, MemoryHost, Passwords
from tests.harness.virtual_time import VirtualClock, run

ACME = spec(desired(instance("acme")), "instance/acme")
BASE = spec(desired(), "template/base")
LOCK = "switching.acme"
BUILD = "building-26112412000000001.acme"
ASIDE = "aside-26112411000000001.acme"
TRASH = "trash-261124120000.acme"
NOTHING: set[str] = set()
MISSING = {"1/logo": ""}
BEFORE = {"1/logo": "10"}


def mover(host: MemoryHost, wanted: Any = ACME, *others: MemoryHost, former: str | None = None) -> Mover:
    clock = VirtualClock()
    account = Account(host.port, wanted, Passwords(), clock)
    elsewhere = Elsewhere([(other.port, (wanted.target,)) for other in others], {other.server for other in others})
    return Mover(host.port, account, clock, Counting(), elsewhere, former)


def holding(name: str, **mark: Any) -> MemoryHost:
    host = MemoryHost()
    host.hold(ACME, name, **mark)
    return host


def opened(host: MemoryHost, name: str) -> Database:
    return cast("Database", MemoryDatabase(host, name))


def failure_of(host: MemoryHost, way: Callable[[Mover], Awaitable[object]]) -> tuple[type[HostError], str, str, str]:
    """Go a way that must fail; return kind, reason, advice and database of the failure, which names its server."""

    async def scenario() -> HostError:
        try:
            await way(mover(host))
        except HostError as failure:
            return failure
        raise AssertionError("nothing failed")

    failure = run(scenario())
    assert failure.server == "one"
    return type(failure), failure.what, failure.advice, failure.database


def goes(host: MemoryHost, way: Callable[[Mover], Awaitable[Database]]) -> str:
    """Go a way to its end; return the name that the database bears then."""

    async def scenario() -> str:
        return (await way(mover(host))).name

    name = run(scenario())
    assert name in host.databases
    return name


# Which other forms of a name there are


def forms(host: MemoryHost, name: str) -> tuple[str, ...]:
    return run(other_forms(host.port, name))


def test_all_other_forms_of_a_name_are_found_listed_or_set_aside() -> None:
    host = holding(LOCK)
    for other in ("acme", "suspended.acme", ASIDE, BUILD, TRASH, "suspended.beta", "aside-26112411000000001.beta"):
        host.hold(ACME, other)
    assert forms(host, LOCK) == ("acme", ASIDE, "suspended.acme")
    assert forms(host, ASIDE) == ("acme", "suspended.acme", LOCK)
    assert forms(host, BUILD) == ("acme", ASIDE, "suspended.acme", LOCK)
    assert ("exists", BUILD) not in host.asked, "a build is no form of its name"


@pytest.mark.parametrize("exists", [[NOTHING], [{LOCK}, NOTHING, NOTHING, NOTHING]])
def test_a_host_that_denies_the_very_database_is_believed_in_nothing(exists: list[set[str]]) -> None:
    """PostgreSQL may be down, before or after the others were asked for."""
    host = holding(LOCK)
    host.answers["exists"] = exists

    async def scenario() -> HostError:
        try:
            await other_forms(host.port, LOCK)
        except HostError as failure:
            return failure
        raise AssertionError("it was believed")

    failure = run(scenario())
    assert isinstance(failure, ConnectionCut)
    assert (failure.what, failure.server, failure.database) == ("the host denies a database that it lists", "one", LOCK)


# Into service


def build() -> MemoryHost:
    return holding(BUILD, in_service=False, moving_from=BUILD)


def published(host: MemoryHost) -> Callable[[Mover], Awaitable[Database]]:
    return lambda m: m.publish(opened(host, BUILD), "acme", BEFORE, awake=True)


def test_a_build_whose_name_was_taken_meanwhile_stays_a_build() -> None:
    host = build()
    host.hold(ACME, "suspended.acme")
    host.hold(ACME)
    why = "acme and suspended.acme was made by somebody else meanwhile"
    assert failure_of(host, published(host)) == (DatabaseExists, why, "", BUILD)
    assert host.done("rename") == []


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"begin_service": ("1/logo",)}, "its files did not come along"),
        (
            {"exists": [NOTHING] * 3 + [{LOCK}, {"acme"}, {"suspended.acme"}, {LOCK}]},
            "acme and suspended.acme is there as well",
        ),
    ],
)
def test_a_build_that_cannot_go_on_from_the_lock_is_kept_as_trash(spoilt: dict[str, Any], why: str) -> None:
    host = build()
    host.answers.update(spoilt)
    told = f"{why}; it was never in service and is kept as trash"
    assert failure_of(host, published(host)) == (BuildLost, told, "", LOCK)
    assert list(host.databases) == [TRASH]


def test_a_build_whose_former_name_is_borne_goes_no_further() -> None:
    """That is the customer's database, whoever gave it that name, and whenever."""

    def fails(host: MemoryHost) -> tuple[type[HostError], str, str, str]:
        async def scenario() -> HostError:
            with pytest.raises(HostError) as caught:
                await published(host)(mover(host, former="old-acme"))
            return caught.value

        failure = run(scenario())
        return type(failure), failure.what, failure.server, failure.database

    host = build()
    host.hold(ACME, "suspended.old-acme")
    assert fails(host) == (DatabaseExists, "suspended.old-acme was made by somebody else meanwhile", "one", BUILD)
    assert host.done("rename") == []
    host = build()
    host.answers["exists"] = [NOTHING] * 6 + [{LOCK}, *[NOTHING] * 2, {"old-acme"}, *[NOTHING] * 2, {LOCK}]
    why = "old-acme is there as well; it was never in service and is kept as trash"
    assert fails(host) == (BuildLost, why, "one", LOCK)


def test_the_start_of_a_service_whose_answer_was_lost_is_sent_again() -> None:
    host = build()
    host.answers["begin_service"] = [UnknownOutcome("no answer"), HostUnreachable("down")]
    assert goes(host, published(host)) == "acme"
    assert host.done("begin_service") == [("begin_service", LOCK, True, True)] * 3
    kept = host.databases["acme"]
    assert kept.mark is not None
    assert (kept.mark.in_service, kept.mark.moving_from, kept.quiet) == (True, "", False)


# From where it rests to where it is to rest


def travels(host: MemoryHost, start: str, goal: str) -> Callable[[Mover], Awaitable[Database]]:
    return lambda m: m.travel(opened(host, start), goal)


@pytest.mark.parametrize("taken", ["acme", "suspended.acme", LOCK])
def test_a_database_whose_new_name_is_taken_stays_where_it_is(taken: str) -> None:
    host = holding("shop")
    host.hold(ACME, taken)
    failure = failure_of(host, travels(host, "shop", "acme"))
    assert failure == (DatabaseExists, "the name is taken", "rename one of the two databases", taken)
    assert host.done("rename", "note_move") == []


def test_a_database_whose_new_name_is_taken_while_it_bears_the_lock_goes_back() -> None:
    host = holding("shop")
    host.answers["exists"] = [NOTHING] * 3 + [{LOCK}, NOTHING, {"suspended.acme"}, {LOCK}]
    failure = failure_of(host, travels(host, "shop", "acme"))
    assert failure == (DatabaseExists, "suspended.acme is there as well", "", LOCK)
    kept = host.databases["shop"]
    assert kept.mark is not None
    assert kept.mark.moving_from == "", "the way back is proven"
    assert [call[1:] for call in host.done("note_move")] == [("shop", "shop"), ("shop", "")]


@pytest.mark.parametrize("goal", ["acme", "suspended.acme", TRASH])
def test_a_rename_that_a_session_of_the_host_is_in_the_way_of_is_tried_again_for_a_minute(goal: str) -> None:
    host = holding("acme" if goal != "acme" else "suspended.acme")
    busy = SourceBusy("it is being accessed by other users", server="one", database=LOCK)
    host.answers["rename"] = [WORKS, busy, busy]
    assert goes(host, travels(host, next(iter(host.databases)), goal)) == goal
    host = holding("shop")
    host.answers["rename"] = busy
    assert failure_of(host, travels(host, "shop", "acme"))[:2] == (SourceBusy, busy.what)
    assert len(host.done("rename")) == 8
    assert "shop" in host.databases


def test_a_build_between_two_names_whose_name_is_taken_is_kept_as_trash() -> None:
    host = holding(LOCK, in_service=False)
    host.hold(ACME)
    failure = failure_of(host, travels(host, LOCK, "acme"))
    assert failure[:2] == (BuildLost, "acme is there as well; it was never in service and is kept as trash")
    assert set(host.databases) == {"acme", TRASH}


def other_host(*names: str) -> MemoryHost:
    other = MemoryHost("two")
    for name in names:
        other.hold(ACME, name)
    return other


def test_a_build_whose_name_another_host_holds_is_kept_as_trash_and_what_was_in_service_goes_on() -> None:
    def ends(*, in_service: bool) -> set[str]:
        host = holding(LOCK, in_service=in_service)

        async def scenario() -> None:
            await mover(host, ACME, other_host("acme", "suspended.acme")).travel(opened(host, LOCK), "acme")

        if in_service:
            run(scenario())
        else:
            with pytest.raises(BuildLost, match=r": acme and suspended\.acme is on two; it was never in service"):
                run(scenario())
        return set(host.databases)

    assert ends(in_service=False) == {TRASH}
    assert ends(in_service=True) == {"acme"}


@pytest.mark.parametrize(("in_service", "calls"), [(False, [("remove_server_actions", LOCK)]), (True, []), (None, [])])
def test_a_build_that_was_cut_short_loses_the_action_that_it_was_built_with(
    calls: list[tuple[str, str]], *, in_service: bool | None
) -> None:
    host = holding(LOCK, in_service=in_service)
    assert goes(host, travels(host, LOCK, "acme")) == "acme"
    assert host.done("remove_server_actions") == calls


def test_a_template_is_made_on_each_of_its_hosts() -> None:
    host = MemoryHost()
    host.hold(BASE, "switching.template_base")

    async def scenario() -> None:
        way = mover(host, BASE, other_host("template_base"))
        await way.travel(opened(host, "switching.template_base"), "template_base")

    run(scenario())
    assert set(host.databases) == {"template_base"}


def test_files_that_do_not_come_along_are_said_with_where_to_look() -> None:
    host = holding(LOCK)
    host.answers["file_sizes"] = [WORKS, MISSING, WORKS, MISSING]
    failure = failure_of(host, travels(host, LOCK, "acme"))
    assert failure[:2] == (ProofFailed, "its files did not come along")
    name = failure[3]
    assert failure[2] == f"look for them in the host's filestore, and move them to filestore/{name}"


def test_a_way_to_the_lock_of_another_name_ends_there() -> None:
    host = holding("shop")
    assert goes(host, travels(host, "shop", LOCK)) == LOCK
    kept = host.databases[LOCK]
    assert kept.mark is not None
    assert kept.mark.moving_from == "shop"


# Ways that were cut short before


def settles(host: MemoryHost, name: str) -> Callable[[Mover], Awaitable[Database]]:
    return lambda m: m.settle(opened(host, name))


@pytest.mark.parametrize("origin", ["suspended.acme", BUILD])
@pytest.mark.parametrize("in_service", [True, False, None])
@pytest.mark.parametrize(("name", "rests"), [("acme", True), ("suspended.acme", True), (LOCK, False)])
def test_a_way_whose_files_are_all_there_is_struck_out_where_it_rests(
    name: str, origin: str, *, rests: bool, in_service: bool | None
) -> None:
    host = holding(name, moving_from=origin, in_service=in_service)
    assert goes(host, settles(host, name)) == name
    kept = host.databases[name]
    assert kept.mark is not None
    assert kept.mark.moving_from == ("" if rests else origin)
    assert host.done("rename") == []


def test_what_no_way_is_noted_of_is_left_alone() -> None:
    host = holding("acme")
    assert goes(host, settles(host, "acme")) == "acme"
    assert host.done("file_sizes", "note_move") == []


def test_a_build_that_left_its_files_behind_cannot_go_on_and_one_in_service_did_not_leave_them_there() -> None:
    host = holding(LOCK, moving_from=BUILD, in_service=False)
    host.databases[LOCK].files = dict(MISSING)
    why = "its files were left behind when it was renamed"
    assert failure_of(host, settles(host, LOCK)) == (BuildLost, why, "", LOCK)
    assert failure_of(host, travels(host, LOCK, "acme")) == (BuildLost, why, "", LOCK)
    host = holding(LOCK, moving_from=BUILD, in_service=True)
    host.databases[LOCK].files = dict(MISSING)
    assert goes(host, settles(host, LOCK)) == LOCK


@pytest.mark.parametrize("in_service", [True, False, None])
def test_what_bears_the_lock_that_its_note_names_is_where_its_files_are(*, in_service: bool | None) -> None:
    """They were missing before, or wait where it is to rest."""
    host = holding(LOCK, moving_from=LOCK, in_service=in_service)
    host.databases[LOCK].files = dict(MISSING)
    assert goes(host, settles(host, LOCK)) == LOCK
    assert host.done("rename", "note_move") == []


def test_what_an_earlier_version_left_behind_is_said_with_what_to_move_where() -> None:
    host = holding("acme", moving_from=BUILD, in_service=None)
    host.databases["acme"].files = dict(MISSING)
    assert failure_of(host, settles(host, "acme")) == (
        ProofFailed,
        "its files were left behind by a rename of odoo-fleet 0.1",
        f"move what filestore/{BUILD} holds on the host into filestore/acme, without overwriting anything",
        "acme",
    )


def test_files_that_wait_under_the_name_before_are_gone_back_for() -> None:
    host = holding(LOCK, moving_from="acme")
    host.answers["file_sizes"] = [MISSING]
    assert goes(host, settles(host, LOCK)) == LOCK
    assert [call[1:] for call in host.done("rename")] == [(LOCK, "acme"), ("acme", LOCK)]


def test_of_many_files_only_the_newest_are_compared_and_those_alone_are_asked_for_again() -> None:
    def reads(host: MemoryHost) -> list[tuple[int | None, list[str] | None]]:
        return [call[2:] for call in host.done("file_sizes")]

    pair = [(200, None), (None, ["1/logo"])]
    host = holding("acme")
    goes(host, travels(host, "acme", "suspended.acme"))
    assert reads(host) == pair * 2
    host = build()
    goes(host, published(host))
    assert reads(host) == pair[1:]
    host = holding("shop")
    host.answers["exists"] = [NOTHING] * 3 + [{LOCK}, NOTHING, {"suspended.acme"}, {LOCK}]
    failure_of(host, travels(host, "shop", "acme"))
    assert reads(host) == pair * 2


# Files in two folders


def test_a_stale_folder_of_the_locks_name_is_carried_off_and_the_files_come_along() -> None:
    host = holding("acme")
    host.databases["acme"].rows, host.folders[LOCK] = ("1/logo",), {"9/of somebody else": "5"}
    assert goes(host, travels(host, "acme", "suspended.acme")) == "suspended.acme"
    assert host.databases["suspended.acme"].files == {"1/logo": "10"}
    ((away, files),) = host.folders.items()
    assert files == {"9/of somebody else": "5"}
    assert away.startswith("aside-")


def test_what_was_stored_while_the_files_waited_under_the_lock_is_brought_to_them() -> None:
    host = holding("acme", moving_from=LOCK)
    kept = host.databases["acme"]
    kept.rows, kept.files = ("1/logo", "2/new"), {"2/new": "10"}
    host.folders[LOCK] = {"1/logo": "10"}
    assert goes(host, settles(host, "acme")) == "acme"
    assert kept.files == {"1/logo": "10", "2/new": "10"}
    assert [call[2] for call in host.done("write_files")] == [["2/new"]]
    assert kept.mark is not None
    assert kept.mark.moving_from == ""


def test_a_database_that_was_set_aside_goes_back_for_its_files_only_under_another_such_name() -> None:
    before = "aside-26112410000000002.acme"
    host = holding(ASIDE, moving_from=before)
    kept = host.databases[ASIDE]
    kept.files, host.folders[before] = {}, {"1/logo": "10"}
    assert goes(host, settles(host, ASIDE)) == LOCK
    assert kept.files == {"1/logo": "10"}
    assert [call[1:] for call in host.done("rename")] == [(ASIDE, before), (before, LOCK)]
    for noted in ("acme", ASIDE):
        host = holding(ASIDE, moving_from=noted)
        assert goes(host, settles(host, ASIDE)) == LOCK
        assert [call[1:] for call in host.done("rename")] == [(ASIDE, LOCK)]


# The renames themselves


def test_a_rename_that_the_list_does_not_show_is_not_believed() -> None:
    for listed in ({"acme"}, {"acme", LOCK}, NOTHING):
        host = holding("acme")
        host.answers["listed"] = [listed]
        why = f"the host says that it renamed acme to {LOCK}, its list does not"
        assert failure_of(host, travels(host, "acme", "suspended.acme")) == (ProofFailed, why, "", "acme")


@pytest.mark.parametrize(
    ("listed", "kind", "why"),
    [
        ([{"acme"}] * 15, UnknownOutcome, f"whether acme was renamed to {LOCK}: no answer"),
        ([{"acme", LOCK}] * 15, UnknownOutcome, f"whether acme was renamed to {LOCK}: no answer"),
        ([HostUnreachable("down"), NOTHING], NoSuchDatabase, f"neither acme nor {LOCK} is listed"),
    ],
)
def test_a_rename_whose_answer_was_lost_is_looked_for_in_the_list(
    listed: list[Any], kind: type[HostError], why: str
) -> None:
    host = holding("acme")
    host.answers.update(rename=UnknownOutcome("no answer"), listed=listed)
    assert failure_of(host, travels(host, "acme", "suspended.acme")) == (kind, why, "", "acme")
    assert len(host.done("rename")) == 1, "it is never sent again"


def test_a_rename_that_was_done_though_its_answer_was_lost_goes_on() -> None:
    host = holding("acme")
    done = host.rename

    async def rename(old: str, new: str) -> None:
        await done(old, new)
        raise UnknownOutcome("no answer")

    host.rename = rename  # type: ignore[method-assign]
    host.answers["listed"] = [HostUnreachable("down"), {"acme"}]
    assert goes(host, travels(host, "acme", "suspended.acme")) == "suspended.acme"


def test_a_database_that_refuses_its_password_is_not_opened() -> None:
    host = holding("acme")
    host.databases["acme"].password = "another"
    why = "its admin account refuses the declared password"
    assert failure_of(host, lambda m: m.open("acme")) == (PasswordRefused, why, "", "acme")


def test_only_instances_are_noted_to_be_in_service() -> None:
    host = MemoryHost()
    host.hold(BASE, "switching.template_base")

    async def scenario() -> None:
        await mover(host, BASE).travel(opened(host, "switching.template_base"), "template_base")

    run(scenario())
    assert host.done("note_in_service") == []
    host = holding(LOCK)
    goes(host, travels(host, LOCK, "acme"))
    assert len(host.done("note_in_service")) == 1
