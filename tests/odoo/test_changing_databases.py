"""Each function that makes, moves or drops a database: what it refuses before anything is sent, and what it sends."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings

from reconciler.core.model import names
from reconciler.core.model.failures import (
    ConnectionCut,
    MasterPasswordRefused,
    Redirected,
    Refused,
    Rejected,
    UnknownOutcome,
)
from reconciler.core.model.names import NameState
from reconciler.odoo.apply import databases
from reconciler.odoo.connection import DatabaseSession, HostConnection
from reconciler.odoo.protocol import Answer, NoAnswer, Request
from schemas.secrets import Secret
from tests.core.scenes import EXPIRED, FRESH, NOW
from tests.core.strategies import any_text, our_names
from tests.odoo.scripted import MASTER, Reply, ScriptedHost, connect, failure_of, fault, scripted, value

LIMIT = timedelta(hours=2)
NOT_BUILDING = (
    "acme",
    "suspended.acme",
    "switching.acme",
    "trash-200101000000.acme",
    "moved-200101000000.acme",
    "shop",
)
NOT_EVEN_OURS = ("", "Bad Name!", "building-.acme", "building-261124120000.acme", FRESH.upper(), "postgres", "a.b")


def test_each_of_its_functions_is_misused_below() -> None:
    public = {n for n, f in inspect.getmembers(databases, inspect.iscoroutinefunction) if not n.startswith("_")}
    assert public == {
        "create",
        "clone",
        "restore",
        "rename",
        "discard",
        "end",
        "end_half_made",
        "leave",
        "bring_back",
        "drop_trash",
        "drop_own_build",
        "drop_expired_build",
        "forget_name",
    }


def connected(version: str = "19.0") -> tuple[ScriptedHost, HostConnection]:
    host = scripted(value(result=True))
    return host, connect(host, version)


def refused(host: ScriptedHost, misuse: Awaitable[object], requests: int = 0) -> None:
    async def whole() -> None:
        await misuse

    with pytest.raises(Refused):
        asyncio.run(whole())
    assert len(host.requests) == requests, "nothing is sent"


def sent(host: ScriptedHost, use: Awaitable[object], requests: int = 1) -> None:
    async def whole() -> None:
        await use

    asyncio.run(whole())
    assert len(host.requests) == requests


def create(connection: HostConnection, name: str, *, demo: bool = False, country_code: str = "") -> Awaitable[object]:
    return databases.create(
        connection, name, demo=demo, lang="en_US", login="admin", password=Secret("x"), country_code=country_code
    )


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS])
def test_nothing_is_created_cloned_or_restored_but_under_a_building_name(name: str) -> None:
    host, connection = connected()
    refused(host, create(connection, name))
    refused(host, databases.clone(connection, "template_base", name, neutralize=False))
    refused(host, databases.restore(connection, name, io.BytesIO(b"PK"), neutralize=False, is_copy=True))


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS])
def test_no_own_build_is_dropped_but_a_building_name(name: str) -> None:
    host, connection = connected()
    refused(host, databases.drop_own_build(connection, name))


NAME = "building-261124120000abcde.acme"
MADE = Answer(303, {"location": "/web/database/manager"}, b"")


def restored(*replies: Answer | NoAnswer, neutralize: bool = False, is_copy: bool = True) -> bytes:
    """Restore an archive; return the form that is sent, without the random line between its parts."""
    host = scripted(value(result=[]), *replies)
    work = databases.restore(connect(host, "19.0"), NAME, io.BytesIO(b"PK"), neutralize=neutralize, is_copy=is_copy)
    asyncio.run(work)
    (form,) = [request for request in host.requests if request.url.endswith("/web/database/restore")]
    assert form.upload is not None
    body = b"".join(form.upload.parts())
    assert len(body) == form.upload.length == int(form.headers["content-length"])
    assert form.fresh
    assert "host" not in form.headers, "it is for the host's own site"
    return body.replace(body[: body.index(b"\r\n")], b"--")


@pytest.mark.parametrize("neutralize", [False, True])
@pytest.mark.parametrize("is_copy", [False, True])
def test_a_restore_asks_for_what_it_is_to_ask_for_as_odoos_own_page_does(*, neutralize: bool, is_copy: bool) -> None:
    """What is not asked for is left out: Odoo takes any word in `neutralize_database` for a yes."""
    fields = {"master_pwd": MASTER.reveal(), "name": NAME}
    fields |= {"copy": "true"} if is_copy else {}
    fields |= {"neutralize_database": "true"} if neutralize else {}
    head = 'Content-Disposition: form-data; name="{}"\r\n\r\n{}\r\n--\r\n'
    body = restored(MADE, neutralize=neutralize, is_copy=is_copy).decode()
    assert body.startswith("--\r\n" + "".join(head.format(*each) for each in fields.items()))
    assert body.count("Content-Disposition") == len(fields) + 1, "and the archive"


def test_a_restore_is_done_where_odoo_leads_back_to_its_page_and_nowhere_else() -> None:
    restored(MADE)
    for status, location in ((303, "https://elsewhere.example/"), (301, "/web/database/manager"), (302, "/")):
        with pytest.raises(Redirected):
            restored(Answer(status, {"location": location}, b""))


def test_what_its_page_says_instead_is_told_without_secrets() -> None:
    said = f"<div>Database restore error: it&#39;s no {MASTER.reveal()}</div>".encode()
    with pytest.raises(Rejected, match=r"it's no \[secret\]") as caught:
        restored(Answer(200, {"content-type": "text/html"}, said))
    assert (caught.value.server, caught.value.database) == ("eu1", NAME)
    with pytest.raises(Redirected) as caught_elsewhere:
        restored(Answer(301, {"location": "/"}, b""))
    assert "let server_url lead to Odoo itself" in caught_elsewhere.value.advice


def test_a_restore_of_which_no_answer_came_is_unknown() -> None:
    with pytest.raises(UnknownOutcome):
        restored(NoAnswer(ConnectionCut, "the connection was cut"))


def marked(**said: str) -> list[dict[str, object]]:
    """Answer with the parameters of a database whose own mark says this."""
    rows = {"database.uuid": "its own", "odoo_fleet.fleet": "demo", "odoo_fleet.kind": "instance"}
    rows |= {"odoo_fleet.uuid": "its own"} | {f"odoo_fleet.{key}": text for key, text in said.items()}
    return [{"id": n, "key": key, "value": text} for n, (key, text) in enumerate(rows.items(), 1)]


NEVER = marked(in_service="no")
UNFINISHED = [{"id": 1, "key": "database.uuid", "value": "its own"}]
WAS_OR_MAY_HAVE_BEEN = [marked(in_service="yes"), marked(), marked(in_service="perhaps")]
HALF_MADE = fault("builtins.KeyError", "'res.users'")


def opened(name: str, *replies: Reply) -> tuple[ScriptedHost, DatabaseSession]:
    host = scripted(*replies, value(result=True))
    return host, DatabaseSession(connect(host), name, 2, Secret("x"))


@pytest.mark.parametrize("name", [*NOT_BUILDING, *NOT_EVEN_OURS, FRESH, names.building("acme", NOW - LIMIT, "eeeee")])
def test_no_expired_build_is_dropped_but_one_that_is_older_than_the_limit(name: str) -> None:
    host, session = opened(name, value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, name, session, NOW, LIMIT))
    host, connection = connected()
    refused(host, databases.drop_expired_build(connection, name, None, NOW, LIMIT))


def test_a_build_from_the_future_is_not_expired() -> None:
    future = names.building("acme", NOW + timedelta(days=400), "abcde")
    host, session = opened(future, value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, future, session, NOW, LIMIT))


@pytest.mark.parametrize("found", WAS_OR_MAY_HAVE_BEEN)
def test_what_was_or_may_have_been_in_service_is_not_dropped_under_any_name(found: list[dict[str, object]]) -> None:
    """One read is sent, which finds the mark, and no drop after it."""
    host, session = opened(EXPIRED, value(found))
    refused(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT), requests=1)


def test_what_somebody_else_can_log_in_to_is_not_taken_for_half_made() -> None:
    somebody = fault("odoo.exceptions.AccessDenied", "Access Denied")
    for answers in ((value(result=2),), (value(result=False), somebody), (value(result=False), value(result=0))):
        host = scripted(*answers, value(result=True))
        refused(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=len(answers))


def test_the_mark_of_another_database_proves_nothing() -> None:
    host, session = opened("switching.acme", value(NEVER))
    refused(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT))


@pytest.mark.parametrize("mark", [NEVER, UNFINISHED, marked(in_service="yes", uuid="its template's")])
def test_an_expired_build_that_was_never_in_service_is_dropped_after_a_look_inside(
    mark: list[dict[str, object]],
) -> None:
    host, session = opened(EXPIRED, value(mark))
    sent(host, databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT), requests=2)
    host = scripted(HALF_MADE, value(result=True))
    sent(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=2)
    nobody = fault("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
    host = scripted(value(result=False), nobody, value(result=True))
    sent(host, databases.drop_expired_build(connect(host), EXPIRED, None, NOW, LIMIT), requests=3)


TRASH = "trash-261124120000.acme"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("acme", TRASH),
        ("suspended.acme", TRASH),
        ("aside-261124120000abcde.acme", TRASH),
        ("switching.beta", TRASH),
        ("switching.acme", FRESH),
        ("switching.acme", EXPIRED),
        ("switching.acme", "acme"),
        ("Bad Name!", TRASH),
    ],
)
def test_nothing_is_discarded_but_what_bears_the_lock(old: str, new: str) -> None:
    host, session = opened(old, value(NEVER))
    refused(host, databases.discard(session, new))


def test_what_its_initialisation_never_ended_goes_to_trash_from_the_lock_alone() -> None:
    host = scripted(HALF_MADE, value(result=True))
    sent(host, databases.end_half_made(connect(host), "switching.acme", TRASH), requests=2)
    assert host.sent(0)["args"] == ["switching.acme", "", "nobody's"], "nobody who may have an account is tried"
    for old, new in (("acme", TRASH), ("switching.beta", TRASH), ("switching.acme", FRESH), ("switching.acme", "acme")):
        host = scripted(HALF_MADE, value(result=True))
        refused(host, databases.end_half_made(connect(host), old, new))
    for answer in (value(result=False), value(result=2)):
        host = scripted(answer, value(result=True))
        refused(host, databases.end_half_made(connect(host), "switching.acme", TRASH), requests=1)


@pytest.mark.parametrize("found", [*WAS_OR_MAY_HAVE_BEEN, UNFINISHED, marked(in_service="no", uuid="its template's")])
def test_nothing_is_discarded_but_what_was_certainly_never_in_service(found: list[dict[str, object]]) -> None:
    host, session = opened("switching.acme", value(found))
    refused(host, databases.discard(session, TRASH), requests=1)


def test_a_build_that_was_never_in_service_is_discarded_after_a_look_inside() -> None:
    host, session = opened("switching.acme", value(NEVER))
    sent(host, databases.discard(session, TRASH), requests=2)


KEPT = timedelta(days=30)
OLD_TRASH = names.trash("acme", NOW - KEPT - timedelta(seconds=1))
YOUNG_TRASH = names.trash("acme", NOW - KEPT)


def ended_as(name: str, **said: str) -> list[dict[str, object]]:
    return marked(**{"code": "acme", "in_service": "yes", "ended": name, **said})


NOT_ENDED = marked(code="acme", in_service="yes")


def dated(reply: Callable[[Request], Answer], moment: datetime | None = NOW) -> Callable[[Request], Answer]:
    """Answer with the host's own time of day; with none where a proxy strips it."""

    def answer(request: Request) -> Answer:
        found = reply(request)
        date = {} if moment is None else {"date": format_datetime(moment, usegmt=True)}
        return replace(found, headers={**found.headers, **date})

    return answer


def drop(session: DatabaseSession, *wanted: str, succeeded: bool = False) -> Awaitable[object]:
    return databases.drop_trash(session, "demo", wanted, NOW, KEPT, succeeded=succeeded)


@pytest.mark.parametrize(
    "name", ["acme", "suspended.acme", FRESH, EXPIRED, "aside-261124120000abcde.acme", "switching.beta"]
)
def test_nothing_is_ended_but_what_bears_the_lock_and_nothing_comes_back_but_from_the_trash_of_its_own_name(
    name: str,
) -> None:
    host, session = opened(name, value(ended_as(TRASH)))
    refused(host, databases.end(session, TRASH))
    refused(host, databases.bring_back(session, "switching.acme"))
    host, session = opened(TRASH, value(ended_as(TRASH)))
    for goal in ("acme", "suspended.acme", "switching.beta", OLD_TRASH, FRESH):
        refused(host, databases.bring_back(session, goal))


@pytest.mark.parametrize(
    "found", [NOT_ENDED, NEVER, UNFINISHED, ended_as(OLD_TRASH), ended_as(TRASH, uuid="its template's")]
)
def test_nothing_goes_to_trash_or_comes_back_but_what_is_noted_as_ended_under_that_very_name(
    found: list[dict[str, object]],
) -> None:
    host, session = opened("switching.acme", value(found))
    refused(host, databases.end(session, TRASH), requests=1)
    host, session = opened(TRASH, value(found))
    refused(host, databases.bring_back(session, "switching.acme"), requests=1)


MOVED, OLD_MOVED = (names.moved("acme", moment) for moment in (NOW, NOW - KEPT - timedelta(hours=1)))


def moved_as(name: str, **said: str) -> list[dict[str, object]]:
    return marked(**{"code": "acme", "in_service": "yes", "moved": name, "moved_to": "two", **said})


@pytest.mark.parametrize("name", ["acme", "suspended.acme", FRESH, TRASH, MOVED, "switching.beta", "Bad Name!"])
def test_nothing_stays_behind_as_moved_but_what_bears_the_lock_of_its_own_name(name: str) -> None:
    host, session = opened(name, value(moved_as(MOVED)))
    refused(host, databases.leave(session, MOVED))
    host, session = opened("switching.acme", value(moved_as(MOVED)))
    for goal in ("acme", "suspended.acme", TRASH, FRESH, "moved-261124120000.beta"):
        refused(host, databases.leave(session, goal))


@pytest.mark.parametrize(
    "found",
    [NOT_ENDED, NEVER, UNFINISHED, moved_as(OLD_MOVED), moved_as(MOVED, uuid="its original's"), ended_as(MOVED)],
)
def test_nothing_stays_behind_as_moved_but_what_is_noted_so_under_that_very_name(
    found: list[dict[str, object]],
) -> None:
    host, session = opened("switching.acme", value(found))
    refused(host, databases.leave(session, MOVED), requests=1)


def test_what_moves_stays_behind_after_a_look_inside_and_comes_back_unless_it_went_on_elsewhere() -> None:
    host, session = opened("switching.acme", value(moved_as(MOVED)))
    sent(host, databases.leave(session, MOVED), requests=2)
    assert host.sent()["args"] == [MASTER.reveal(), "switching.acme", MOVED]
    host, session = opened(MOVED, value(moved_as(MOVED)))
    sent(host, databases.bring_back(session, "switching.acme"), requests=2)
    assert host.sent()["args"] == [MASTER.reveal(), MOVED, "switching.acme"]
    for found in (moved_as(MOVED, ended=MOVED), moved_as(MOVED, uuid="its original's"), UNFINISHED):
        host, session = opened(MOVED, value(found))
        refused(host, databases.bring_back(session, "switching.acme"), requests=1)
    for goal in ("acme", "suspended.acme", "switching.beta"):
        host, session = opened(MOVED, value(moved_as(MOVED)))
        refused(host, databases.bring_back(session, goal))


@pytest.mark.parametrize(
    ("found", "wanted", "succeeded"),
    [
        (moved_as(OLD_MOVED), ["acme"], False),
        (moved_as(OLD_MOVED), [], False),
        (moved_as(OLD_MOVED, ended=MOVED), [], False),
        (moved_as(OLD_MOVED, ended=OLD_MOVED), ["acme"], False),
        (moved_as(OLD_MOVED, in_service="no"), [], False),
        (moved_as(OLD_MOVED, fleet="theirs"), ["acme"], True),
        (moved_as(OLD_MOVED, uuid="its original's"), ["acme"], True),
        (UNFINISHED, ["acme"], True),
    ],
)
def test_what_a_move_left_behind_is_kept_unless_what_goes_on_is_in_service_or_its_text_wants_none(
    found: list[dict[str, object]], wanted: list[str], *, succeeded: bool
) -> None:
    host, session = opened(OLD_MOVED, dated(value(found)))
    refused(host, drop(session, *wanted, succeeded=succeeded), requests=1)


@pytest.mark.parametrize(
    ("found", "wanted", "succeeded"),
    [
        (moved_as(OLD_MOVED), ["acme"], True),
        (moved_as(OLD_MOVED, ended=OLD_MOVED), ["acme"], True),
        (moved_as(OLD_MOVED, ended=OLD_MOVED), [], False),
    ],
)
def test_what_a_move_left_behind_is_dropped_past_its_time_beside_what_goes_on(
    found: list[dict[str, object]], wanted: list[str], *, succeeded: bool
) -> None:
    host, session = opened(OLD_MOVED, dated(value(found)))
    sent(host, drop(session, *wanted, succeeded=succeeded), requests=2)
    host, session = opened(OLD_MOVED, dated(value(found), NOW - timedelta(days=2)))
    refused(host, drop(session, *wanted, succeeded=succeeded), requests=1)


def test_what_its_text_ended_goes_to_trash_and_comes_back_after_a_look_inside() -> None:
    host, session = opened("switching.acme", value(ended_as(TRASH)))
    sent(host, databases.end(session, TRASH), requests=2)
    assert host.sent()["args"] == [MASTER.reveal(), "switching.acme", TRASH]
    for goal in ("switching.acme", "aside-261124120000abcde.acme"):
        host, session = opened(TRASH, value(ended_as(TRASH)))
        sent(host, databases.bring_back(session, goal), requests=2)
        assert host.sent()["args"] == [MASTER.reveal(), TRASH, goal]


@pytest.mark.parametrize(
    "name",
    [
        *NOT_EVEN_OURS,
        "acme",
        "suspended.acme",
        "switching.acme",
        FRESH,
        EXPIRED,
        names.moved("acme", NOW - timedelta(days=1)),
        YOUNG_TRASH,
        names.trash("acme", NOW + timedelta(days=400)),
    ],
)
def test_no_trash_is_dropped_before_its_time_and_nothing_else_as_trash(name: str) -> None:
    host, session = opened(name, dated(value(ended_as(name))))
    refused(host, drop(session))


@pytest.mark.parametrize(
    "found",
    [
        NOT_ENDED,
        marked(code="acme"),
        UNFINISHED,
        ended_as(TRASH),
        ended_as(OLD_TRASH, fleet="theirs"),
        ended_as(OLD_TRASH, uuid="what it was copied from"),
        marked(in_service="no", fleet="theirs"),
    ],
)
def test_trash_that_nothing_inside_calls_ended_is_kept_however_old(found: list[dict[str, object]]) -> None:
    host, session = opened(OLD_TRASH, dated(value(found)))
    refused(host, drop(session), requests=1)


@pytest.mark.parametrize("moment", [None, NOW - timedelta(days=2), NOW + timedelta(days=2), NOW.replace(year=1970)])
def test_trash_is_kept_where_the_hosts_clock_says_another_time_or_none(moment: datetime | None) -> None:
    host, session = opened(OLD_TRASH, dated(value(ended_as(OLD_TRASH)), moment))
    refused(host, drop(session), requests=1)


def test_trash_that_may_be_what_a_document_wants_back_is_kept_at_that_moment() -> None:
    host, session = opened(OLD_TRASH, dated(value(ended_as(OLD_TRASH))))
    refused(host, drop(session, "acme", "beta"), requests=1)


REPLACED = ended_as(OLD_TRASH, replaced=OLD_TRASH)


@pytest.mark.parametrize(
    ("found", "succeeded"),
    [
        (REPLACED, False),
        (ended_as(OLD_TRASH), True),
        (ended_as(OLD_TRASH, replaced=TRASH), True),
        (ended_as(TRASH, replaced=OLD_TRASH), True),
        (ended_as(TRASH, replaced=TRASH), True),
        (ended_as(OLD_TRASH, replaced=OLD_TRASH, fleet="theirs"), True),
        (ended_as(OLD_TRASH, replaced=OLD_TRASH, uuid="what it was copied from"), True),
    ],
)
def test_what_was_replaced_is_kept_unless_that_is_noted_in_it_and_another_one_is_in_service(
    found: list[dict[str, object]], *, succeeded: bool
) -> None:
    host, session = opened(OLD_TRASH, dated(value(found)))
    refused(host, drop(session, "acme", succeeded=succeeded), requests=1)


def test_what_was_replaced_is_dropped_past_its_time_beside_what_replaced_it() -> None:
    host, session = opened(OLD_TRASH, dated(value(REPLACED)))
    sent(host, drop(session, "acme", succeeded=True), requests=2)


@pytest.mark.parametrize("found", [ended_as(OLD_TRASH), NEVER])
def test_trash_past_its_time_is_dropped_if_its_text_ended_it_or_it_was_never_in_service(
    found: list[dict[str, object]],
) -> None:
    host, session = opened(OLD_TRASH, dated(value(found)))
    sent(host, drop(session, "beta"), requests=2)
    assert host.sent() == {"service": "db", "method": "drop", "args": [MASTER.reveal(), OLD_TRASH]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("acme", FRESH),
        ("acme", EXPIRED),
        ("acme", "trash-261124120000.acme"),
        ("suspended.acme", FRESH),
        ("switching.acme", FRESH),
        ("switching.acme", "trash-261124120000.acme"),
        ("acme", "beta"),
        ("acme", "suspended.acme"),
        ("shop", "acme"),
        ("Bad Name!", "switching.acme"),
        (FRESH, "acme"),
        (FRESH, "suspended.acme"),
        (FRESH, EXPIRED),
        (FRESH, "beta"),
        (FRESH, "suspended.beta"),
        ("trash-261124120000.acme", "acme"),
        ("acme", "acme"),
        ("acme", "switching." + "a" * 60),
        ("acme", ""),
    ],
)
def test_no_rename_leaves_the_ways_that_names_allow(old: str, new: str) -> None:
    host, connection = connected()
    refused(host, databases.rename(connection, old, new))


def test_a_host_that_cannot_neutralize_is_not_asked_to() -> None:
    host, connection = connected("16.0")
    refused(host, databases.clone(connection, "template_base", FRESH, neutralize=True))


def test_a_name_that_a_database_bears_is_not_forgotten() -> None:
    """One read is sent, which finds the database, and no rename after it."""
    host, connection = connected("14.0")
    refused(host, databases.forget_name(connection, "acme"), requests=1)
    assert b"db_exist" in host.requests[0].body


def test_where_workers_forget_by_themselves_nothing_is_sent() -> None:
    host, connection = connected("19.0")
    asyncio.run(databases.forget_name(connection, "acme"))
    assert host.requests == []


Use = Callable[[HostConnection], Awaitable[object]]


@pytest.mark.parametrize(
    ("use", "method", "arguments"),
    [
        (lambda c: create(c, FRESH), "create_database", [FRESH, False, "en_US", "x", "admin"]),
        (
            lambda c: create(c, FRESH, demo=True, country_code="BE"),
            "create_database",
            [FRESH, True, "en_US", "x", "admin", "be"],
        ),
        (
            lambda c: databases.clone(c, "template_base", FRESH, neutralize=False),
            "duplicate_database",
            ["template_base", FRESH],
        ),
        (
            lambda c: databases.clone(c, "template_base", FRESH, neutralize=True),
            "duplicate_database",
            ["template_base", FRESH, True],
        ),
        (lambda c: databases.rename(c, FRESH, "switching.acme"), "rename", [FRESH, "switching.acme"]),
        (lambda c: databases.rename(c, "acme", "switching.acme2"), "rename", ["acme", "switching.acme2"]),
        (lambda c: databases.drop_own_build(c, FRESH), "drop", [FRESH]),
    ],
)
def test_what_is_allowed_is_sent_once_and_as_odoo_takes_it(use: Use, method: str, arguments: list[object]) -> None:
    host, connection = connected()
    sent(host, use(connection))
    assert host.sent() == {"service": "db", "method": method, "args": [MASTER.reveal(), *arguments]}


def test_what_was_looked_into_is_then_renamed_or_dropped_itself() -> None:
    host, session = opened("switching.acme", value(NEVER))
    asyncio.run(databases.discard(session, TRASH))
    assert host.sent() == {"service": "db", "method": "rename", "args": [MASTER.reveal(), "switching.acme", TRASH]}
    host, session = opened(EXPIRED, value(NEVER))
    asyncio.run(databases.drop_expired_build(session.connection, EXPIRED, session, NOW, LIMIT))
    assert host.sent() == {"service": "db", "method": "drop", "args": [MASTER.reveal(), EXPIRED]}


def in_session(use: Callable[[DatabaseSession], Awaitable[object]], name: str, *replies: Reply) -> Awaitable[object]:
    return use(opened(name, *replies)[1])


@pytest.mark.parametrize(
    ("use", "database", "why"),
    [
        (lambda: create(connected()[1], "acme"), "acme", "'acme' is not a building name"),
        (
            lambda: databases.clone(connected("16.0")[1], "template_base", FRESH, neutralize=True),
            FRESH,
            "this Odoo cannot neutralize a clone",
        ),
        (
            lambda: databases.rename(connected()[1], "acme", TRASH),
            "acme",
            f"a published database never goes from 'acme' to '{TRASH}'",
        ),
        (
            lambda: in_session(lambda s: databases.discard(s, TRASH), "acme"),
            "acme",
            f"a published database is not turned to trash from 'acme' to '{TRASH}'",
        ),
        (
            lambda: in_session(lambda s: databases.end(s, TRASH), "switching.acme", value(NOT_ENDED)),
            "switching.acme",
            f"nothing in it says that its text ended it as {TRASH}",
        ),
        (
            lambda: in_session(lambda s: databases.bring_back(s, "switching.beta"), TRASH),
            TRASH,
            f"a trash database does not come back from '{TRASH}' to 'switching.beta'",
        ),
        (
            lambda: in_session(drop, OLD_TRASH, dated(value(NOT_ENDED))),
            OLD_TRASH,
            "it was in service as instance/acme, and nothing in it says that its text ended it",
        ),
        (
            lambda: in_session(lambda s: databases.discard(s, TRASH), "switching.acme", value(UNFINISHED)),
            "switching.acme",
            "its mark does not say that it was never in service",
        ),
        (
            lambda: databases.drop_expired_build(connected()[1], FRESH, None, NOW, LIMIT),
            FRESH,
            f"'{FRESH}' is not a building name older than 2:00:00",
        ),
        (
            lambda: in_session(
                lambda s: databases.drop_expired_build(s.connection, EXPIRED, s, NOW, LIMIT),
                EXPIRED,
                value(marked(code="acme")),
            ),
            EXPIRED,
            "it may have been in service as instance/acme, which cannot be told",
        ),
        (
            lambda: databases.drop_expired_build(connect(scripted(value(2))), EXPIRED, None, NOW, LIMIT),
            EXPIRED,
            "whether it was ever in service cannot be told",
        ),
        (
            lambda: databases.end_half_made(connected()[1], "acme", TRASH),
            "acme",
            f"a published database is not turned to trash from 'acme' to '{TRASH}'",
        ),
        (
            lambda: in_session(drop, YOUNG_TRASH, dated(value(ended_as(YOUNG_TRASH)))),
            YOUNG_TRASH,
            f"'{YOUNG_TRASH}' is no trash older than 30 days, 0:00:00",
        ),
        (lambda: databases.forget_name(connected("14.0")[1], "acme"), "acme", "a database 'acme' exists"),
    ],
)
def test_a_refusal_names_its_reason_the_server_and_the_database(
    use: Callable[[], Awaitable[object]], database: str, why: str
) -> None:
    failure = failure_of(use())
    assert isinstance(failure, Refused)
    assert (failure.what, failure.server, failure.database) == (why, "eu1", database)


def test_every_worker_that_answers_is_made_to_forget_a_name_by_a_rename_that_cannot_work() -> None:
    host = scripted(value(result=False), fault("psycopg2.errors.InvalidCatalogName", 'database "acme" does not exist'))
    asyncio.run(databases.forget_name(connect(host, "14.0"), "acme"))
    renames = [request.body for request in host.requests[1:]]
    assert len(renames) == 16
    assert all(
        b"<methodName>rename</methodName>" in body and body.count(b"<string>acme</string>") == 2 for body in renames
    )


def test_a_name_that_could_not_be_forgotten_is_not_taken_for_forgotten() -> None:
    host = scripted(value(result=False), fault("odoo.exceptions.AccessDenied", "Access Denied"))
    assert isinstance(failure_of(databases.forget_name(connect(host, "14.0"), "acme")), MasterPasswordRefused)


@given(our_names() | any_text)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_of_all_names_only_building_ones_and_trash_are_ever_made_or_dropped(name: str) -> None:
    if names.parse(name).state not in names.KEPT:
        host, session = opened(name, dated(value(ended_as(name))))
        refused(host, drop(session))
    if names.parse(name).state is not NameState.BUILDING:
        host, connection = connected()
        refused(host, create(connection, name))
        refused(host, databases.drop_own_build(connection, name))
        refused(host, databases.drop_expired_build(connection, name, None, NOW, LIMIT))
