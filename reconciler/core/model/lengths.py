"""Lengths of time as people write them: `90s`, `30m`, `24h`, `7d`, `2w`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

_LENGTH = re.compile(r"(\d{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_length(text: str) -> timedelta | None:
    """Return the length of time that a text names (`90s`, `30m`, `24h`, `7d`, `2w`); None if it names none."""
    length = _LENGTH.fullmatch(text)
    return None if length is None else timedelta(**{_UNITS[length[2]]: int(length[1])})
