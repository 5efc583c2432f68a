"""The catalogue: beside each backup lies a JSON file that says what it is. There is no other list, and no store is needed.

Where a backup lies says whose it is: `<fleet>/<kind>/<code>/<id>.zip`. The entry is written last and removed first, so that
what has one is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from reconciler.core.policies.endings import CLOCKS_MAY_DIFFER

FORMAT = 1
_ENDING = ".json"
_STAMP = "%Y-%m-%dT%H-%M-%SZ"


_YEARS = range(2000, 9000)


def _of_this_age(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError("no backup is of such a year")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_of_this_age)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Proof(BaseModel):
    """That a backup was restored and looked into: when, and how long that took."""

    model_config = ConfigDict(frozen=True)

    at: Moment
    seconds: float


class BackupEntry(BaseModel):
    """One backup, as its JSON file says it. Fields of a later version are passed over.

    `copy_of` names the instance of which a neutralized copy was backed up: such a one is made anew again and again.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    id: str
    fleet: str
    kind: str
    code: str
    server: str
    database: str
    uuid: str = ""
    copy_of: str = ""
    taken_at: Moment
    seconds: float
    file: str
    bytes: Count
    sha256: str
    encrypted: bool = False
    door: str = ""
    odoo: str
    modules: Mapping[str, str] = {}
    rows: Mapping[str, int] = {}
    files: Count = 0
    missing_files: Count = 0
    made_by: str = ""
    proven: Proof | None = None

    @property
    def address(self) -> str:
        """Whose it is: `instance/acme`."""
        return f"{self.kind}/{self.code}"

    @property
    def place(self) -> str:
        """Where it lies in its target."""
        return f"{folder(self.fleet, self.kind, self.code)}{self.file}"


def dated(entries: Iterable[BackupEntry], now: datetime) -> list[BackupEntry]:
    """Return those that a clock which is right can have dated: what is dated later is the latest of nothing.

    Args:
        entries: some.
        now: the time of day here; clocks of machines may differ.
    """
    return [entry for entry in entries if entry.taken_at < now + CLOCKS_MAY_DIFFER]


def new_id(at: datetime, server: str, nonce: str) -> str:
    """Name a backup by when and where it was taken, and by what tells it from another of the same second."""
    return f"{at.astimezone(UTC).strftime(_STAMP)}-{server}-{nonce}"


def folder(fleet: str, kind: str = "", code: str = "") -> str:
    """Return where the backups of a fleet, of a kind or of a document lie."""
    return "".join(f"{part}/" for part in (fleet, kind, code) if part)


def place_of(entry: BackupEntry) -> str:
    """Return where an entry itself lies."""
    return f"{folder(entry.fleet, entry.kind, entry.code)}{entry.id}{_ENDING}"


def is_entry(place: str) -> bool:
    """Tell whether an entry may lie there."""
    return place.endswith(_ENDING)


def write(entry: BackupEntry) -> bytes:
    """Write an entry for people, too."""
    return (entry.model_dump_json(indent=2) + "\n").encode()


def read(place: str, text: bytes) -> BackupEntry | None:
    """Read an entry; None if it is none, or does not belong where it lies."""
    try:
        entry = BackupEntry.model_validate_json(text)
    except ValidationError:
        return None
    return entry if entry.format == FORMAT and place_of(entry) == place and "/" not in entry.file else None
