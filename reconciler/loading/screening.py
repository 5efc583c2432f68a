"""What is wrong with the bytes of a file before they are YAML: size, encoding, control characters, unresolved merges.

The parser sees only what passes here, so it never guesses an encoding and never meets a character that cannot be shown.
"""

from __future__ import annotations

import re

from reconciler.fleet.diagnostics import Diagnostic, Range

MAX_BYTES = 1024 * 1024

_FORBIDDEN_ASCII = bytes({*range(32), 127} - {9, 10, 13})
_PLAIN_BYTES = bytes(set(range(256)) - set(_FORBIDDEN_ASCII))
# Beyond ASCII: the C1 controls, other line breaks (YAML 1.1 and 1.2 differ on them), and the marks that reorder text,
# which
# make a line look like another one; byte order marks inside the text and non-characters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_MERGE_MARKER = re.compile(rb"^(?:<{7}|>{7}|\|{7}|={7})(?:[ \t].*)?\r?$", re.MULTILINE)
_WIDE_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_UTF8_MARK = b"\xef\xbb\xbf"


def without_mark(data: bytes) -> bytes:
    """Drop the mark that some editors put before UTF-8; places in the text are counted without it."""
    return data.removeprefix(_UTF8_MARK)


def screen(file: str, data: bytes) -> Diagnostic | None:
    """Return why the bytes of a file are not read at all, or None."""
    if len(data) > MAX_BYTES:
        hint = f"at most {MAX_BYTES // 1024} KiB are read; split it into several files"
        return Diagnostic(Range(file), "file-too-large", "the file is too large", hint)
    if not data.isascii():
        problem = _screen_text(file, data)
        if problem is not None:
            return problem
    elif data.translate(None, _PLAIN_BYTES):
        if b"\0" in data[:2]:
            return Diagnostic(Range(file), "not-utf8", "the file looks like UTF-16", "save it as UTF-8")
        return _control_character(file, data.decode("ascii"))
    if b"=======" in data or b"<<<<<<<" in data or b">>>>>>>" in data or b"|||||||" in data:
        return _screen_markers(file, data)
    return None


def _screen_text(file: str, data: bytes) -> Diagnostic | None:
    for mark, name in _WIDE_MARKS:
        if data.startswith(mark):
            return Diagnostic(Range(file), "not-utf8", f"the file is {name}", "save it as UTF-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = _place(file, data[: error.start].decode())
        message = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8"
        return Diagnostic(place, "not-utf8", message, "save the file as UTF-8")
    return _control_character(file, text)


def _control_character(file: str, text: str) -> Diagnostic | None:
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    character = ord(found.group())
    name = "a NUL character" if character == 0 else f"the character U+{character:04X}"
    message = f"{name} may not stand in a fleet's text"
    return Diagnostic(_place(file, text[: found.start()]), "control-character", message, "remove it")


def _screen_markers(file: str, data: bytes) -> Diagnostic | None:
    found = _MERGE_MARKER.search(data)
    if found is None:
        return None
    line = data.count(b"\n", 0, found.start()) + 1
    place = Range(file, line, 1, line, 8)
    return Diagnostic(
        place, "merge-conflict", "a conflict of a git merge is not resolved", "choose one side and remove the markers"
    )


def _place(file: str, before: str) -> Range:
    """Turn the text before a place into the place."""
    lines = re.split("\r\n|\n|\r", before)
    return Range(file, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
