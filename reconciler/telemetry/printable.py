"""Values made fit for a log line: whatever is logged becomes plain data that no one can forge a line or a colour with.

Pure. Text of hosts goes through here on its way to terminals and files: what is not printable is escaped, so that it shows and
does nothing. A `Secret` is an object like any other here and shows what it shows of itself, `[secret]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum

from reconciler.reports.escapes import visible

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

_DEEPEST = 8


def plain(value: object, depth: int = 0) -> Plain:
    """Return the value as what JSON knows, its text escaped; what is nested too deeply is shown as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    if isinstance(value, int | float) and not isinstance(value, Enum):
        return value
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {visible(str(k)): plain(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | AbstractSet):
            return [plain(v, depth + 1) for v in value]
    return visible(str(value))
