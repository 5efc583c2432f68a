"""Which share of all moments is tried: a few, each seventeenth one, others each day (the gate), or all (`make test-pairs`)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

EXHAUSTIVE = bool(os.environ.get("ODOO_FLEET_EXHAUSTIVE"))
_EVERY = int(os.environ.get("ODOO_FLEET_EVERY", "17"))

_T = TypeVar("_T")


def moments(first: int, end: int, otherwise: int) -> range:
    """Return those to be tried of the moments from `first` to before `end`; every so many-th where not most are wanted."""
    if not EXHAUSTIVE:
        return range(first, end, otherwise)
    return range(first + datetime.now(UTC).toordinal() % _EVERY, end, _EVERY)


def share(everything: Sequence[_T], each: int) -> Sequence[_T]:
    """Return all of it where most is wanted, and otherwise every so many-th, others each day: all of it in so many days."""
    return everything if EXHAUSTIVE else everything[datetime.now(UTC).toordinal() % each :: each]
