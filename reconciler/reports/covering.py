"""What may be a secret in the text of a fleet, covered by the name of its key: the text may be broken in any way.

Too much is covered rather than too little: where a value of unknown quoting ends is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "•"
# A misspelt `passwort` is covered too. A reference in braces holds no secret and is shown.
_NAME = r"(?:(?:pas+w|pwd|secret|token)\w{0,40}|(?<!\w)(?:key|key_id|decrypt_with))[\"']?[ \t]{0,20}:"
_REFERENCE = r"(?:env|file|derived|generation)\b"
_VALUE = re.compile(rf"{_NAME}[ \t]{{0,20}}(?!\{{[ ]?{_REFERENCE})(?=[^ \t])", re.IGNORECASE)
_URL = r"(?<!\w)url[\"']?[ \t]{0,20}:"
# The address of a channel is a secret whatever it looks like, that of a web call behind its host; those of backups are none.
_ADDRESS = re.compile(
    rf"{_URL}[ \t]{{0,20}}(?![\"']?(?:\{{[ ]?{_REFERENCE}|(?:file|s3|sftp)://))"
    r"(?:[\"']?(?>https?://[^/?#\s\"']+)(?=[/?#])|(?![\"']?https?://)(?=[^ \t]))",
    re.IGNORECASE,
)
# A key whose value stands in the lines below: a reference in block style, a list, or a block of text.
_BLOCK = re.compile(rf"(?:{_NAME}|{_URL})[ \t]{{0,20}}(?:[|>].*)?$", re.IGNORECASE)
_SHOWN_IN_BLOCK = re.compile(rf"[ ]*(?:-[ ]+)?\{{?[ ]?{_REFERENCE}")
# Credentials in an address.
_USERINFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def covered(lines: Iterable[str]) -> list[str]:
    """Return the lines of a text with what may be a secret in them covered."""
    done: list[str] = []
    block: int | None = None
    below = False
    for line in lines:
        inside = block is not None and (
            _indent(line) > block or (below and re.match(r" *- ", line)) or not line.strip()
        )
        if inside and not _SHOWN_IN_BLOCK.match(line):
            done.append(_cover(line, _indent(line)))
            continue
        if not inside:
            begins = any(each.search(line) for each in (_BLOCK, _VALUE, _ADDRESS))
            block = _indent(line) if begins else None
            below = not line.lstrip(" ").startswith("-")
        done.append(_cover_values(line))
    return done


def _cover_values(line: str) -> str:
    line = _USERINFO.sub(lambda found: MASK * len(found.group()), line)
    for secret in (_VALUE, _ADDRESS):
        if found := secret.search(line):
            line = _cover(line, found.end())
    return line


def _cover(line: str, start: int) -> str:
    return line[:start] + MASK * len(line[start:].rstrip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
