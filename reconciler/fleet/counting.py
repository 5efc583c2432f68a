"""Numbers with their nouns, and names of which there are many, the same in every message and report."""

from __future__ import annotations

from collections.abc import Iterable


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 database`, `3 databases`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def some(names: Iterable[object], most: int) -> str:
    """Write the first few of many names: `a, b and 3 more`."""
    all_of_them = list(map(str, names))
    more = f" and {len(all_of_them) - most} more" if len(all_of_them) > most else ""
    return ", ".join(all_of_them[:most]) + more
