"""XML-RPC as Odoo speaks it, for the versions whose JSON-RPC hides its errors.

Pure. The standard library's parser expands entities, so a few bytes could become gigabytes: this one refuses any document
type declaration, which XML-RPC never has, and with it every entity. Values come out as on the other door.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn
from xml.parsers import expat
from xmlrpc.client import Fault as _XmlFault
from xmlrpc.client import ResponseError, Unmarshaller
from xmlrpc.client import dumps as _dumps

# Odoo's fault codes (14: service/wsgi_server.py, 19: addons/rpc/controllers/xmlrpc.py). Code 1 carries a traceback. Code 2
# merges UserError, ValidationError, MissingError and RedirectWarning; the message is all there is.
_CODES = {2: "odoo.exceptions.UserError", 3: "odoo.exceptions.AccessDenied", 4: "odoo.exceptions.AccessError"}
_TRACEBACK = "Traceback (most recent call last):"
_NO_NONE = "cannot marshal None unless allow_none is enabled"
# XML 1.0 has no place for these; a parser would fail on them after the call was sent.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class RemoteError(Exception):
    """A fault: the class path of what was raised, and its message as sent."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name)
        self.name = name
        self.message = message


def dumps(method: str, args: Sequence[Any]) -> bytes:
    """Encode a call; ValueError or OverflowError for what XML-RPC cannot carry (control characters, 33-bit numbers)."""
    text = _dumps(tuple(args), method, allow_none=True)
    if _FORBIDDEN.search(text):
        raise ValueError("a character that XML cannot carry")
    # A parser reads a bare carriage return as a line feed, which would change a password.
    return text.replace("\r", "&#13;").encode()


def loads(body: bytes) -> object:
    """Decode an answer.

    Raises:
        RemoteError: it is a fault.
        ValueError: it is not an XML-RPC answer.
    """
    unmarshaller = Unmarshaller(use_builtin_types=True)
    unmarshaller.xml("", None)  # expat decodes already
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.StartElementHandler = unmarshaller.start
    parser.EndElementHandler = unmarshaller.end
    parser.CharacterDataHandler = unmarshaller.data
    try:
        # Odoo writes carriage returns of its texts bare, and a parser reads those as line feeds.
        parser.Parse(body.replace(b"\r", b"&#13;"), True)  # noqa: FBT003 -- expat's own signature: this is all
        values: object = unmarshaller.close()
    except _XmlFault as fault:
        _refuse_error(fault.faultCode, fault.faultString)
        return None  # the one fault that is a value
    except (expat.ExpatError, ResponseError, AttributeError, LookupError, TypeError) as error:
        # The unmarshaller is a stack machine that trusts its input: these are what it does on foreign bytes.
        raise ValueError(f"not XML-RPC ({type(error).__name__})") from None
    if not isinstance(values, tuple) or len(values) != 1:
        raise ValueError("not one value")
    return _plain(values[0])


def _refuse_declaration(*_: object) -> NoReturn:
    raise ValueError("XML with a document type")


def _refuse_error(code: object, text: object) -> None:
    """Raise what a fault says, unless it says that there is no value."""
    words = str(text)
    name = _CODES.get(code) if isinstance(code, int) else None
    name, message = (name, words) if name else _last_error(words)
    if _NO_NONE in message:
        # Odoo writes the answer after the call was done and committed, and cannot write None (14: `dumps(…,
        # allow_none=False)` after the dispatch; 19 the same): this is how a method that returns nothing answers.
        return
    raise RemoteError(name, message)


def _last_error(text: str) -> tuple[str, str]:
    """Split the end of a traceback, `class: message` with perhaps more lines, which stands after the last indented line."""
    lines = text.rpartition(_TRACEBACK)[2].strip("\n").splitlines()
    start = next((n for n, line in enumerate(lines) if line and not line[0].isspace()), None)
    if start is None:
        return "builtins.Exception", "an error without words"
    name, _, message = lines[start].partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        return "builtins.Exception", text if _TRACEBACK not in text else lines[start]
    return name if "." in name else f"builtins.{name}", "\n".join([message.strip(), *lines[start + 1 :]])


def _plain(value: object) -> object:
    """Give binary and time values the textual form that they have in JSON."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case str() | int() | None:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            raise ValueError("a value that JSON does not have")
