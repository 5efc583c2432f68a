"""When each of many is looked at: spread over an interval, the same for everyone who computes it, remembered nowhere.

Time is cut into intervals that begin at the Unix epoch; within each, everything that has a code has its own moment, by a
checksum of the code. (Not by `hash()`, which differs from process to process.)
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_due(code: str, after: datetime, interval: timedelta) -> datetime:
    """Return the next moment of a code that is later than `after`: at most one interval later, whatever `after` is.

    Who waits measures the wait when it begins and counts it on a clock that cannot be set: then a clock that jumps forward
    leads to no row of looks that were missed, and one that jumps back to no silence longer than an interval.
    """
    seconds = int(interval.total_seconds())
    own = timedelta(seconds=zlib.crc32(code.encode()) % seconds)
    passed = (after - _EPOCH - own) // interval
    return _EPOCH + own + (passed + 1) * interval
