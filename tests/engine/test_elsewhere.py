"""Before a build goes into service every other host is asked whether the same instance stands there."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.core.model.failures import ConnectionCut, DatabaseExists, HostError, HostUnreachable, LastingError
from reconciler.core.policies import one_host
from reconciler.engine.elsewhere import NOWHERE_ELSE, Elsewhere
from tests.core.scenes import EXPIRED, desired, instance, spec
from tests.engine.memory_host import MemoryHost

ACME = spec(desired(instance("acme")), "instance/acme")
NAMES = ("acme", "old-acme")
UNLISTED = {"listed": HostUnreachable("down")}


def host(server: str, *holds: str, **answers: object) -> MemoryHost:
    made = MemoryHost(server)
    for name in holds:
        made.hold(ACME, name)
    made.answers.update(answers)
    return made


def refused(*hosts: MemoryHost, with_template: tuple[str, ...] = ()) -> DatabaseExists | None:
    elsewhere = Elsewhere([(each.port, NAMES) for each in hosts], with_template)
    try:
        asyncio.run(elsewhere.require_none())
    except DatabaseExists as found:
        return found
    return None


@pytest.mark.parametrize(
    "name",
    ["acme", "suspended.acme", "switching.acme", "aside-261124110000aaaaa.acme", "old-acme", "suspended.old-acme"],
)
def test_a_form_of_its_names_on_any_other_host_is_told_with_its_place(name: str) -> None:
    found = refused(host("two", "beta"), host("three", name, "beta"))
    assert found is not None
    assert (found.what, found.server, found.database) == (f"{name} is on three", "three", name)


def test_of_several_all_are_told() -> None:
    found = refused(host("two", "suspended.acme", "acme", "old-acme"))
    assert found is not None
    assert found.what == "acme and old-acme and suspended.acme is on two"
    assert found.database == "acme"


@pytest.mark.parametrize("name", ["beta", "acme2", EXPIRED, "trash-261124110000.acme", "Bad Name!"])
def test_what_is_another_or_not_in_service_there_holds_nothing_back(name: str) -> None:
    assert refused(host("two", name), with_template=("two",)) is None


@pytest.mark.parametrize("name", ["acme", "switching.acme", "suspended.acme", "old-acme"])
def test_one_with_the_template_is_asked_for_what_it_does_not_list_as_well(name: str) -> None:
    for answers in ({"listed": set[str]()}, UNLISTED):
        found = refused(host("two", name, **answers), with_template=("two",))
        assert found is not None
        assert found.what == f"{name} is on two"
        assert refused(host("two", name, **answers), with_template=("three",)) is None, "there it cannot be made"


def test_one_that_is_not_to_be_asked_by_name_is_believed_what_it_listed() -> None:
    found = refused(host("two", "acme", taken=ConnectionCut("closed")), with_template=("two",))
    assert found is not None
    assert found.what == "acme is on two"


def test_one_that_cannot_be_asked_at_all_was_judged_before() -> None:
    assert refused(host("two", "acme", **UNLISTED)) is None
    assert refused(host("two", "acme", **UNLISTED, taken=ConnectionCut("closed")), with_template=("two",)) is None


def test_nobody_waits_long_for_a_list_that_is_asked_for_while_the_lock_is_borne() -> None:
    two = host("two")
    assert refused(two) is None
    assert two.asked == [("listed", "hurry")]
    assert refused(two, with_template=("two",)) is None
    forms = [form for name in NAMES for form in (name, f"switching.{name}", f"suspended.{name}")]
    assert two.asked[1:] == [("listed", "hurry"), ("taken", *forms)]


def test_where_there_is_no_other_host_nothing_is_asked() -> None:
    asyncio.run(NOWHERE_ELSE.require_none())
    asyncio.run(NOWHERE_ELSE.require_another("one", EXPIRED))


def of_one_that_must_answer(two: MemoryHost, *, always: bool) -> HostError | None:
    """Ask a host from which a database may have come, and which has no template."""
    elsewhere = Elsewhere([(two.port, NAMES)], surely=["two"] if always else ())
    try:
        asyncio.run(elsewhere.require_none(() if always else ["two"]))
    except HostError as found:
        return found
    return None


@pytest.mark.parametrize("always", [True, False])
def test_one_from_which_a_database_comes_has_to_answer_and_to_list_something(*, always: bool) -> None:
    """It may be back in service there: a host that is down, or says that it has no database at all, proves nothing."""
    assert of_one_that_must_answer(host("two", "beta"), always=always) is None
    down = of_one_that_must_answer(host("two", "beta", **UNLISTED), always=always)
    assert isinstance(down, HostUnreachable)
    empty = of_one_that_must_answer(host("two"), always=always)
    assert isinstance(empty, ConnectionCut)
    assert (empty.what, empty.server) == ("it lists no database at all", "two")
    silent = of_one_that_must_answer(host("two", "beta", taken=HostUnreachable("down")), always=always)
    assert isinstance(silent, HostUnreachable)
    unlisted = of_one_that_must_answer(host("two", "suspended.acme", listed={"beta"}), always=always)
    assert unlisted is not None
    assert unlisted.what == "suspended.acme is on two"


def among(*strangers: MemoryHost) -> Elsewhere:
    return Elsewhere(strangers={each.server: each.port for each in strangers})


def test_a_server_that_has_the_very_build_is_this_host_under_another_code() -> None:
    elsewhere = among(host("three", "beta"), host("two", EXPIRED))
    with pytest.raises(LastingError) as caught:
        asyncio.run(elsewhere.require_another("one", EXPIRED))
    found = caught.value
    assert found.what == f"one and two are one host: {EXPIRED} is on both"
    assert (found.server, found.database, found.advice) == ("one", EXPIRED, one_host.ADVICE)


def test_one_that_lists_others_is_known_from_then_on_and_one_that_lists_none_is_asked_again() -> None:
    two, three, four = host("two", "beta"), host("three"), host("four", "beta", listed=[HostUnreachable("down")])
    elsewhere = among(two, three, four)
    for known in ({"three", "four"}, {"three"}):
        asyncio.run(elsewhere.require_another("one", EXPIRED))
        assert set(elsewhere.strangers) == known
    assert [len(each.done("listed")) for each in (two, three, four)] == [1, 2, 2]


def test_two_builds_may_find_out_at_once_that_a_server_is_another_host() -> None:
    elsewhere = among(host("two", "beta"))

    async def both() -> None:
        await asyncio.gather(*(elsewhere.require_another("one", EXPIRED) for _ in range(2)))

    asyncio.run(both())
    assert elsewhere.strangers == {}
