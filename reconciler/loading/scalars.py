"""What an unquoted YAML scalar means here: text, true, false, nothing, or a number in plain decimal.

YAML 1.1 and 1.2 read some words differently (`no` is false in one and text in the other, `010` is 8 or 10, `1:30` is
90 or text). Such a word is `AMBIGUOUS`: it is never given a value, because one of the two readings would be wrong.
"""

from __future__ import annotations

import re
from typing import Final


class Ambiguous:
    """Stands for a word that YAML's versions read differently."""


AMBIGUOUS: Final = Ambiguous()

_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(
        (cased for word in ("y", "n", "yes", "no", "on", "off") for cased in (word, word.title(), word.upper())),
        AMBIGUOUS,
    ),
}

# Only words that begin with one of these can be anything but text.
SUSPECT: Final = frozenset("~ntfyoNTFYO0123456789+-.")

_PLAIN_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_PLAIN_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+")
_OTHER_NUMBER = re.compile(
    r"""[-+]?(?:
      0[0-9_]+ | 0o?[0-7_]+ | 0x[0-9a-fA-F_]+ | 0b[01_]+   # octal, hexadecimal, binary, or decimal with a zero in front
    | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?          # base 60
    | (?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?
    | \.(?:inf|Inf|INF)
    )
    | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
# Longer ones lose digits as a float, and Python refuses to read integers of thousands of digits.
_LONGEST_NUMBER = 18
# Beyond this length the pattern above would take its time; what is made of nothing else is taken for a number.
_LONGEST_MATCHED = 64
_NUMERIC = frozenset("0123456789+-._:eE")


def read_plain(text: str) -> object:
    """Return what an unquoted scalar means, or `AMBIGUOUS`."""
    if text[:1] not in SUSPECT and text:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if len(text) <= _LONGEST_NUMBER:
        if _PLAIN_INTEGER.fullmatch(text):
            return int(text)
        if _PLAIN_FLOAT.fullmatch(text):
            return float(text)
    numeric = _OTHER_NUMBER.fullmatch(text) if len(text) <= _LONGEST_MATCHED else _NUMERIC.issuperset(text)
    return AMBIGUOUS if numeric else text


def hint_for(text: str) -> str:
    """Say what to write instead of an ambiguous word."""
    if text.lower() in {"y", "yes", "on"}:
        return f'write true, or quote it if it is text: "{text}"'
    if text.lower() in {"n", "no", "off"}:
        return f'write false, or quote it if it is text: "{text}"'
    return f'quote it if it is text: "{text}"; a number is written in plain decimal'
