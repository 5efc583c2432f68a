"""What a host is, what it costs to ask it, and what it leaves behind for tests to read: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from . import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from .memory import Worker


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What a host is: `workers` 0 is threaded; `speed` 1 takes as long as a real host, 0 takes no time.

    `db_name` is Odoo's setting of that name: without a `dbfilter` it is listed verbatim, existing or not.
    """

    code: str
    version: str = "19.0"
    master_password: str = field(default="admin", repr=False)
    workers: int = 0
    list_db: bool = True
    dbfilter: str | None = None
    db_name: tuple[str, ...] = ()
    data_dir: Path | None = None
    speed: float = 0.0
    seed: int = 0


class Code(NamedTuple):
    """The code of a module on a host: its version, without the series.

    `column` is one that it has and earlier versions do not (`res_partner.nickname`). With `failure` its migration script fails
    with these words, in the databases named by `fails_in` or in all.
    """

    version: str = "1.0"
    column: str = ""
    failure: str = ""
    fails_in: frozenset[str] = frozenset()


class Sent(NamedTuple):
    """Something that reached the world outside: a scheduled action that ran, a mail that was sent."""

    time: float
    name: str
    uuid: str
    what: str


class Journalled(NamedTuple):
    """One request, without its arguments."""

    time: float
    service: str
    method: str
    database: str | None
    model_method: str | None


class Costs:
    """How long things take, in seconds, as measured on real hosts of two cores."""

    def __init__(self, version: str) -> None:
        old = not shipped.since(version, 16)
        self.master, self._password, self._load = (0.02, 0.02, 0.1) if old else (0.3, 0.3, 0.4)
        self.create, self.duplicate = (6.0, 0.2) if old else (10.0, 0.5)
        self.rename, self.drop = (0.04, 0.08) if old else (0.35, 0.8)

    def login(self, worker: Worker, name: str) -> float:
        """Return the time of a login: a password check, and the registry at the first use."""
        return self._password + (0.0 if name in worker.registries else self._load)

    def execute(self, worker: Worker, name: str, uid: int, password: str) -> float:
        """Return the time of a call, less when this worker remembers the database and the password."""
        remembered = worker.registries.get(name)
        if remembered is None:
            return self._load + self._password
        return 0.015 if (uid, password) in remembered.passwords else 0.015 + self._password
