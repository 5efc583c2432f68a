"""Calls that change something: sent once; only what certainly did not happen, or what Odoo itself refused, is a failure."""

import asyncio

import pytest

from reconciler.core.model.failures import (
    ConnectionCut,
    DatabaseExists,
    HostTimeout,
    HostUnreachable,
    NotOdoo,
    Refused,
    Rejected,
    TlsFailure,
    UnexpectedAnswer,
    UnknownOutcome,
    Unsupported,
)
from reconciler.odoo.protocol import Answer, NoAnswer
from tests.odoo.scripted import (
    MASTER,
    Reply,
    ScriptedHost,
    connect,
    failure_of,
    fault,
    page,
    run,
    scripted,
    session,
    value,
)


def _rename(host: ScriptedHost, version: str = "19.0") -> object:
    return run(connect(host, version).change("db", "rename", MASTER, "old", "new", timeout=0.05))


def _rename_failure(host: ScriptedHost) -> Exception:
    with pytest.raises(Exception) as caught:
        _rename(host)
    return caught.value


def test_a_change_is_sent_once_on_a_connection_of_its_own() -> None:
    host = scripted(value(result=True))
    assert _rename(host) is True
    assert [request.fresh for request in host.requests] == [True]


@pytest.mark.parametrize(
    "reply",
    [
        NoAnswer(HostTimeout, "no answer in time"),
        NoAnswer(ConnectionCut, "the connection was cut"),
        NoAnswer(UnexpectedAnswer, "too large"),
        page("502 Bad Gateway", 502),
        page("503 Service Unavailable", 503),
        page("504 Gateway Time-out", 504),
        page("Internal Server Error", 500),
        page("Not found", 404),
        page("Database manager"),
        page("Moved", 301, location="https://elsewhere.example.com/"),
        Answer(200, {}, b""),
        Answer(200, {"content-type": "application/json"}, b'{"jsonrpc": "2.0", "id": 99, "result": true}'),
        Answer(200, {"content-type": "application/json"}, b'{"jsonrpc": "2.0", "id": 1, "resu'),
        fault("psycopg2.OperationalError", "server closed the connection unexpectedly"),
        fault("psycopg2.InterfaceError", "cursor already closed"),
        fault("psycopg2.OperationalError", "could not connect to server: Connection refused"),
        asyncio.Event(),
    ],
)
def test_a_change_without_odoo_s_own_answer_is_unknown_and_never_repeated(reply: Reply) -> None:
    host = scripted(reply)
    error = _rename_failure(host)
    assert isinstance(error, UnknownOutcome)
    assert (error.server, error.database) == ("eu1", "old")
    assert "look" in error.advice
    assert len(host.requests) == 1
    assert host.slept == []


@pytest.mark.parametrize("kind", [HostUnreachable, TlsFailure, NotOdoo])
def test_a_change_that_never_left_is_a_plain_failure(kind: type[HostUnreachable]) -> None:
    host = scripted(NoAnswer(kind, "nothing was sent", sent=False))
    assert type(_rename_failure(host)) is kind
    assert len(host.requests) == 1


def test_a_change_that_odoo_refuses_is_a_plain_failure() -> None:
    host = scripted(fault("builtins.Exception", 'Couldn\'t rename database old to new: database "new" already exists'))
    assert isinstance(_rename_failure(host), DatabaseExists)


def test_odoo_s_refusal_counts_whatever_its_http_status() -> None:
    host = scripted(fault("odoo.exceptions.ValidationError", "no", status=422))
    assert isinstance(_rename_failure(host), Rejected)


@pytest.mark.parametrize("version", ["19.0", "14.0"])
def test_arguments_without_a_form_on_the_wire_are_refused_before_sending(version: str) -> None:
    host = scripted(value(result=True))
    too_much = 2**70 if version == "14.0" else float("nan")
    error = failure_of(session(host, version).write("res.partner", [1], {"color": too_much}))
    assert isinstance(error, Refused)
    assert host.requests == []


def test_a_control_character_is_refused_where_xml_would_break_on_it() -> None:
    host = scripted(value(result=True))
    assert isinstance(failure_of(session(host, "14.0").write("res.partner", [1], {"name": "a\x01"})), Refused)
    assert host.requests == []


def test_a_change_on_a_host_without_the_database_service_is_not_sent() -> None:
    host = scripted(value(result=True))
    with pytest.raises(Unsupported):
        _rename(host, "saas~19.2")
    assert host.requests == []


def test_a_record_created_without_an_id_is_unknown() -> None:
    host = scripted(value(result=True))
    assert isinstance(failure_of(session(host).create("res.partner", {"name": "x"})), UnknownOutcome)


def test_a_method_that_returns_nothing_is_done_on_14_whose_xml_cannot_say_so() -> None:
    host = scripted(fault("builtins.TypeError", "cannot marshal None unless allow_none is enabled"))
    assert run(session(host, "14.0").change_call("res.partner", "toggle_active", [1])) is None


def test_a_cancelled_change_stays_cancelled_and_is_reported() -> None:
    host = scripted(asyncio.Event())

    async def cancel() -> None:
        task = asyncio.ensure_future(connect(host).change("db", "drop", MASTER, "old", timeout=60))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())
    assert [event.error for event in host.events] == ["CancelledError"]
