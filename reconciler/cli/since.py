"""How far back, `24h`, `7d` or a date in UTC, and how much of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from reconciler.core.model.lengths import read_length


def read_since(text: str, now: datetime) -> datetime | None:
    """Return the moment that a text names, UTC; None if it names none.

    Args:
        text: a length of time before now (see `read_length`), a date, or a date with a time; without a zone, UTC.
        now: the time of day, UTC.
    """
    try:
        if (ago := read_length(text)) is not None:
            return now - ago
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Since(click.ParamType[datetime]):
    """The type of `--since`."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it; wrong usage if it names no moment."""
        if isinstance(value, datetime):
            return value
        moment = read_since(str(value), datetime.now(UTC))
        if moment is None:
            self.fail(f"{value!r} is no time: write 24h, 7d, 2026-01-01 or 2026-01-01T12:00 (UTC)", param, ctx)
        return moment


MOST = 1_000_000
"""Rows that are asked for at most: past it is no number that a store takes."""

limit_option = click.option(
    "--limit", type=click.IntRange(1, MOST), default=50, metavar="N", help="At most so many (default: 50)."
)
since_option = click.option(
    "--since", type=Since(), metavar="WHEN", help="How far back: 24h, 7d, 2026-01-01 (UTC); default: all that is kept."
)
