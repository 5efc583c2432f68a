"""How values become columns, the same on every database: text that any of them can hold, and moments in UTC.

Only `str` passes for text: a `Secret`, or anything else that is not plain, is refused before it comes near a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


class PlainText(TypeDecorator[str]):
    """Text. What UTF-8 or PostgreSQL cannot hold (lone surrogates, NUL: hosts send both) is written as an escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what is not text, escape what cannot be stored."""
        del dialect
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"a store holds plain text, not {type(value).__name__}")
        return value.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


class Moment(TypeDecorator[datetime]):
    """A moment as ISO text in UTC, always with microseconds, so that the order of the text is the order of time."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Refuse a time without a zone: it means another moment on another machine."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read it back."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


class Values(TypeDecorator[Mapping[str, Any]]):
    """Plain values by their names, as JSON in ASCII; moments among them come back as moments."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Any] | None, dialect: Dialect) -> str | None:
        """Refuse what is not plain."""
        del dialect
        return None if value is None else json.dumps(value, default=lambda at: {"at": at.isoformat()})

    def process_result_value(self, value: str | None, dialect: Dialect) -> Mapping[str, Any] | None:
        """Read them back."""
        del dialect
        return None if value is None else json.loads(value, object_hook=_moment_in)


def _moment_in(values: dict[str, Any]) -> dict[str, Any] | datetime:
    return datetime.fromisoformat(values["at"]) if values.keys() == {"at"} else values
