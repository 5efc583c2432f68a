"""JSON-RPC bytes: what counts as Odoo's answer, and what is a stranger's."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from reconciler.core.model.failures import HostError, NotOdoo, ProxyFailure, Redirected, UnexpectedAnswer
from reconciler.odoo.protocol import Answer, Call, Door, Fault, NoAnswer, decode, encode
from schemas.secrets import Secret
from tests.odoo.scripted import connect, page, run, scripted, value


def _answer(envelope: object, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(envelope).encode())


def _decoded(answer: Answer) -> object:
    return decode(answer, Door.JSON, number=7)


def _refused(answer: Answer) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        _decoded(answer)
    return caught.value


def test_a_call_has_odoo_s_envelope() -> None:
    request = encode(Call("common", "login", ("acme", Secret("pw"))), Door.JSON, base="https://x", number=7)
    assert (request.url, request.headers) == ("https://x/jsonrpc", {"content-type": "application/json"})
    assert json.loads(request.body) == {
        "jsonrpc": "2.0",
        "method": "call",
        "id": 7,
        "params": {"service": "common", "method": "login", "args": ["acme", "pw"]},
    }


def test_calls_are_numbered_upwards() -> None:
    host = scripted(value([]))
    connection = connect(host)
    for _ in range(3):
        run(connection.list_databases())
    assert [json.loads(request.body)["id"] for request in host.requests] == [1, 2, 3]


def test_times_and_bytes_have_odoo_s_form() -> None:
    noon = datetime(2026, 1, 2, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    args = (noon, noon.replace(tzinfo=UTC), date(2026, 1, 2), b"\x00\xff", (1, None))
    body = json.loads(encode(Call("object", "x", args), Door.JSON, base="", number=1).body)
    assert body["params"]["args"] == ["2026-01-02 10:00:00", "2026-01-02 12:00:00", "2026-01-02", "AP8=", [1, None]]


def test_values_come_back_as_they_are() -> None:
    big = {"a": [1, 2.5, None, True, "é"], "n": 2**80}
    assert _decoded(_answer({"jsonrpc": "2.0", "id": 7, "result": big})) == big


def test_a_missing_result_is_none() -> None:
    assert _decoded(_answer({"jsonrpc": "2.0", "id": 7})) is None


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        ([], "not a JSON-RPC answer"),
        ({"result": 1, "id": 7}, "not a JSON-RPC answer"),
        ({"jsonrpc": "2.0", "result": 1, "id": 8}, "another call"),
        ({"jsonrpc": "2.0", "result": 1}, "another call"),
        ({"jsonrpc": "2.0", "id": 7, "result": 1, "error": None}, "at once"),
        ({"jsonrpc": "2.0", "id": 7, "error": {"message": "Odoo Server Error"}}, "without a name"),
        ({"jsonrpc": "2.0", "id": 7, "error": {"data": {"name": "x"}}}, "without a name"),
        ({"jsonrpc": "2.0", "id": 7, "error": "no"}, "without a name"),
    ],
)
def test_an_envelope_that_odoo_does_not_send_is_refused(envelope: object, reason: str) -> None:
    refused = _refused(_answer(envelope))
    assert refused.failure is UnexpectedAnswer
    assert reason in refused.what


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\xff", b'{"jsonrpc"', b"[" * 100_000, b"1" * 10_000, b"ok"])
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    assert _refused(Answer(200, {}, body)).failure is UnexpectedAnswer


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(number: str) -> None:
    body = f'{{"jsonrpc": "2.0", "id": 7, "result": {number}}}'.encode()
    assert _refused(Answer(200, {}, body)).failure is UnexpectedAnswer


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (page("502 Bad Gateway", 502), ProxyFailure, "“502 Bad Gateway”"),
        (page("Web server is down", 521), ProxyFailure, "HTTP 521"),
        (Answer(429, {}, b"slow down"), ProxyFailure, "HTTP 429"),
        (page("500 Internal Server Error", 500), UnexpectedAnswer, "HTTP 500"),
        (page("401 Authorization Required", 401), NotOdoo, "HTTP 401"),
        (page("Welcome to nginx!"), NotOdoo, "“Welcome to nginx!”"),
        (Answer(200, {"content-type": "text/html"}, b"<p>hello</p>"), NotOdoo, "“untitled”"),
        (Answer(204, {}, b""), NotOdoo, "HTTP 204"),
        (
            page("", 308, location="https://user:pw@new.example.com/jsonrpc?key=1"),
            Redirected,
            "https://new.example.com (HTTP 308)",
        ),
        (page("", 302, location="/web/database/selector"), Redirected, "/web/database/selector"),
        (page("", 302, location="https://[broken"), Redirected, "nowhere"),
        (page("", 302), Redirected, "nowhere"),
    ],
)
def test_strangers_are_told_apart(answer: Answer, failure: type[HostError], words: str) -> None:
    refused = _refused(answer)
    assert refused.failure is failure
    assert words in refused.what
    assert "pw" not in refused.what


def test_an_internal_error_without_a_name_hints_at_the_version() -> None:
    """14 answers so to every failure on this door (measured)."""
    assert "odoo_version" in _refused(page("500 Internal Server Error", 500)).advice


def test_an_error_is_odoo_s_whatever_the_status() -> None:
    error = {"code": 0, "message": "x", "data": {"name": "odoo.exceptions.UserError", "message": "no"}}
    with pytest.raises(Fault, match=r"odoo\.exceptions\.UserError: no"):
        _decoded(_answer({"jsonrpc": "2.0", "id": 7, "error": error}, status=503))
