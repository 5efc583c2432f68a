"""Reports for machines (format 1: fields are added, none changes its meaning): how each begins, and values in plain types.

Plain is what JSON and YAML both write: moments by the second, days as year-month-day, data as its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

FORMAT = 1


def report(fleet: str, at: datetime | None = None, /, **more: Any) -> dict[str, Any]:
    """Return a report in plain types.

    Args:
        fleet: code of the fleet that it is about.
        at: of which moment it is; None where that is not told.
        more: what it tells, by name.
    """
    checked = {} if at is None else {"checked_at": at}
    return {"format": FORMAT, "fleet": fleet, **{name: plain(value) for name, value in (checked | more).items()}}


def plain(value: Any) -> Any:
    """Return a value in plain types."""
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case Enum():
            return value.value
        case Mapping():
            return {key: plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value
