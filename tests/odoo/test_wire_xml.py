"""XML-RPC bytes, for the versions whose JSON-RPC hides its errors: the same values, and no way in for a bomb."""

import xmlrpc.client
from datetime import UTC, datetime

import pytest

from reconciler.core.model.failures import Refused, UnexpectedAnswer
from reconciler.odoo.protocol import Answer, Call, Door, Fault, NoAnswer, decode, encode
from schemas.secrets import Secret

DEEP = b"<methodResponse><params><param>" + b"<value><array><data>" * 5000


def _sent(*args: object) -> tuple[object, ...]:
    body = encode(Call("object", "execute_kw", args), Door.XML, base="https://x", number=1).body
    values, method = xmlrpc.client.loads(body)
    assert method == "execute_kw"
    return values


def _decoded(body: bytes, status: int = 200) -> object:
    return decode(Answer(status, {"content-type": "text/xml"}, body), Door.XML, number=1)


def _response(value: object) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode()  # type: ignore[arg-type]


def _fault_of(code: object, text: str) -> Fault:
    with pytest.raises(Fault) as caught:
        _decoded(xmlrpc.client.dumps(xmlrpc.client.Fault(code, text)).encode())  # type: ignore[arg-type]
    return caught.value


def test_a_call_goes_to_its_service() -> None:
    request = encode(Call("db", "list"), Door.XML, base="https://x", number=1)
    assert request.url == "https://x/xmlrpc/2/db"


@pytest.mark.parametrize("text", ["<&>\"'", " a\tb\n", "a\rb\r\n", "é\U0001f600", ""])
def test_texts_and_secrets_arrive_unchanged(text: str) -> None:
    assert _sent(text, {"x": [Secret(text)]}) == (text, {"x": [text]})


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "a", [], {}, [{"a": [None, False]}]])
def test_values_come_back_as_on_the_other_door(value: object) -> None:
    assert _decoded(_response(value)) == value


def test_times_and_bytes_come_back_in_their_json_form() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
    assert _decoded(_response([b"\x00\xff", moment])) == ["AP8=", "2026-01-02 03:04:05"]


def test_carriage_returns_of_an_answer_are_kept() -> None:
    """14 writes them bare, and a parser reads those as line feeds."""
    assert _decoded(_response("a\r\nb")) == "a\r\nb"


@pytest.mark.parametrize("value", [float("nan"), 2**40, "a\x00", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_refused_before_sending(value: object) -> None:
    with pytest.raises(NoAnswer) as caught:
        _sent({"x": value})
    assert (caught.value.failure, caught.value.sent) == (Refused, False)


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + _response("x"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + _response("x"),
        b"<methodResponse><params><param><value>&a;</value></param></params></methodResponse>",
        b"",
        b"not xml",
        b"<html><body>no doctype",
        _response("x")[:-20],
        b"<methodResponse></methodResponse>",
        b"<methodResponse><params></params></methodResponse>",
        b"<methodResponse><fault><value>text</value></fault></methodResponse>",
        b"<methodResponse><fault><value><struct></struct></value></fault></methodResponse>",
        b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
        b"<methodResponse><params><param><value><frob>1</frob></value></param></params></methodResponse>",
        _response([1, 2]).replace(b"</data></array>", b""),
        _response(1.5).replace(b"1.5", b"nan"),
        xmlrpc.client.dumps((1, 2)).encode(),
        DEEP,
    ],
)
def test_what_is_no_xml_rpc_is_refused(body: bytes) -> None:
    with pytest.raises(NoAnswer) as caught:
        _decoded(body)
    assert caught.value.sent


def test_a_document_type_is_named_as_the_reason() -> None:
    with pytest.raises(NoAnswer, match="document type") as caught:
        _decoded(b'<!DOCTYPE lolz [<!ENTITY lol "lol">]>' + _response("&lol;"))
    assert caught.value.failure is UnexpectedAnswer


@pytest.mark.parametrize(
    ("code", "name"),
    [(2, "odoo.exceptions.UserError"), (3, "odoo.exceptions.AccessDenied"), (4, "odoo.exceptions.AccessError")],
)
def test_codes_name_the_class(code: int, name: str) -> None:
    fault = _fault_of(code, "words\nmore words")
    assert (fault.name, fault.message) == (name, "words more words")


TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1, in y\n    z: int = 1\n'


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (TRACE + "KeyError: 'res.users'\n", "builtins.KeyError", "'res.users'"),
        (
            TRACE + "psycopg2.OperationalError: FATAL:  database\nDETAIL: x\n\n",
            "psycopg2.OperationalError",
            "FATAL: database DETAIL: x",
        ),
        (TRACE + "ValueError: a\n\nDuring handling of …:\n\n" + TRACE + "TypeError: b\n", "builtins.TypeError", "b"),
        (TRACE + "AssertionError\n", "builtins.AssertionError", ""),
        (TRACE, "builtins.Exception", "an error without words"),
        ("no traceback at all!", "builtins.Exception", "no traceback at all!"),
        ("", "builtins.Exception", "an error without words"),
    ],
)
def test_a_traceback_gives_its_last_error(text: str, name: str, message: str) -> None:
    fault = _fault_of(1, text)
    assert (fault.name, fault.message) == (name, message)


def test_a_code_of_another_kind_is_read_as_a_traceback() -> None:
    assert _fault_of("AccessDenied", TRACE + "KeyError: 1\n").name == "builtins.KeyError"
