"""Versions of modules: those of a host's code beside those of a database, and what is noted in it of upgrades. Plain data.

`installed_version` of Odoo is the version of the code on the host, `latest_version` that of the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_PART = re.compile(r"\d+|[a-z]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Behind:
    """A module whose code on the host is newer than what the database was last brought to."""

    module: str
    has: str
    code: str

    def __str__(self) -> str:
        return f"{self.module} {self.has} → {self.code}"


def is_newer(code: str, has: str) -> bool:
    """Tell whether one version is a later one than another, as Odoo compares them: number by number."""
    return _parts(code) > _parts(has)


def behind(rows: Iterable[tuple[str, str, str]]) -> tuple[Behind, ...]:
    """List the modules that are behind, of rows of module, version in the database and version of the code."""
    return tuple(sorted(Behind(*row) for row in rows if row[1] and row[2] and is_newer(row[2], row[1])))


@dataclass(frozen=True, slots=True)
class UpgradeNote:
    """An upgrade as it is noted in the database that it is of, which `uuid` tells from a copy of that.

    `to` has the versions of the code that it leads to, of all modules that are upgraded by it. `tries` says how often it was
    begun, `why` why it did not succeed, empty as long as nobody knows; `undone` that it left all as it was.
    """

    at: datetime
    uuid: str
    to: Mapping[str, str] = field(default_factory=dict)
    tries: int = 1
    why: str = ""
    undone: bool = False


def note_text(note: UpgradeNote) -> str:
    """Write a note as the value of a parameter."""
    plain = {"at": note.at.isoformat(timespec="seconds"), "uuid": note.uuid, "to": dict(sorted(note.to.items()))}
    return json.dumps({**plain, "tries": note.tries, "why": note.why, "undone": note.undone})


def read_note(text: str, uuid: str) -> UpgradeNote | None:
    """Read a note from the value of a parameter; None where there is none, or it came from another database with a copy."""
    try:
        plain = json.loads(text)
        at, to = datetime.fromisoformat(plain["at"]).astimezone(UTC), {str(k): str(v) for k, v in plain["to"].items()}
        ended = str(plain["why"]), bool(plain["undone"])
        note = UpgradeNote(at, str(plain["uuid"]), to, int(plain["tries"]), *ended)
    except (ValueError, LookupError, TypeError, AttributeError):  # nobody's, or somebody wrote into it
        return None
    return note if note.uuid == uuid else None


def _parts(version: str) -> tuple[tuple[int, int, str], ...]:
    """Split a version for comparison: numbers count as numbers, words stand below them, as in a pre-release."""
    parts = _PART.findall(version)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in parts)
