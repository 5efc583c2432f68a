"""What an answer must look like to be believed: each function returns its value typed, or raises `Mismatch`.

Pure. A mismatch names what was expected and the type that came, never the value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


class Mismatch(Exception):
    """An answer that Odoo does not give to this call."""

    def __init__(self, wanted: str, value: object) -> None:
        super().__init__(f"expected {wanted}, got {type(value).__name__}")


def text(value: object) -> str:
    """Expect text."""
    if isinstance(value, str):
        return value
    raise Mismatch("text", value)


def boolean(value: object) -> bool:
    """Expect true or false."""
    if isinstance(value, bool):
        return value
    raise Mismatch("true or false", value)


def moment(value: object) -> datetime:
    """Expect a moment as Odoo writes it: UTC, without saying so."""
    try:
        return datetime.strptime(text(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Mismatch("a moment", value) from None


def identifier(value: object) -> int:
    """Expect the id of a record."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise Mismatch("an id", value)


def sequence(value: object) -> list[Any]:
    """Expect a list of anything."""
    if isinstance(value, list):
        return value
    raise Mismatch("a list", value)


def mapping(value: object) -> dict[str, Any]:
    """Expect a mapping."""
    if isinstance(value, dict):
        return value
    raise Mismatch("a mapping", value)


def texts(value: object) -> list[str]:
    """Expect a list of texts."""
    return [text(item) for item in sequence(value)]


def identifiers(value: object) -> list[int]:
    """Expect a list of ids."""
    return [identifier(item) for item in sequence(value)]


def records(value: object) -> list[dict[str, Any]]:
    """Expect a list of records, each with its id."""
    rows = [mapping(item) for item in sequence(value)]
    for row in rows:
        identifier(row.get("id"))
    return rows
