"""Which backups are kept. Each rule keeps some; whatever no rule keeps may go."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime

from schemas.backups import Keep


def kept(taken: Iterable[datetime], keep: Keep) -> frozenset[datetime]:
    """Return those that stay.

    Args:
        taken: when backups of one database were taken.
        keep: the rules. `daily: 7` keeps the newest of each of the last seven days *on which there is one*, so that a pause
            of a month takes none away; weeks and months likewise, all by UTC.
    """
    newest_first = sorted({moment.astimezone(UTC) for moment in taken}, reverse=True)
    periods: tuple[tuple[int, Callable[[datetime], Hashable]], ...] = (
        (keep.daily, lambda moment: moment.date()),
        (keep.weekly, lambda moment: moment.isocalendar()[:2]),
        (keep.monthly, lambda moment: (moment.year, moment.month)),
    )
    stay = set(newest_first[: keep.last])
    for number, period in periods:
        newest_of: dict[Hashable, datetime] = {}
        for moment in newest_first:
            newest_of.setdefault(period(moment), moment)
        stay.update(list(newest_of.values())[:number])
    return frozenset(stay)
