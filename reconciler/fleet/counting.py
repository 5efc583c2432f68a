"""Numbers with their nouns, the same in every message and report."""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 database`, `3 databases`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
