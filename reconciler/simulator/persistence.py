"""The durable state on disk: one file per database and one per filestore, each replaced whole.

A file is written beside its place and then renamed over it, so that a SIGKILL leaves the state of the last durable
step, whole. Tables that are still those of the seed are not written. Passwords are in these files in clear: this is
a practice host.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from . import seed
from .databases import ModelTable, SimulatedDatabase

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = ("owner", "stage", "watched", "registry_sequence", "cache_sequences", "initialised", "visits")


@lru_cache(maxsize=65536)
def _stem(kind: str, name: str) -> str:
    """Return a file's name without its ending; any name of a database makes a safe one."""
    return f"{kind}.{quote(name, safe='')}"


def to_json(database: SimulatedDatabase, version: str) -> dict[str, Any]:
    """Return a database as plain JSON."""
    seeded = seed.base_database(version).tables
    tables = {
        model: None if table is seeded.get(model) else {"next": table.next_id, "rows": list(table.rows.values())}
        for model, table in database.tables.items()
    }
    return {"tables": tables, **{column: getattr(database, column) for column in _COLUMNS}}


def from_json(stored: dict[str, Any], version: str) -> SimulatedDatabase:
    """Return the database that `to_json` wrote."""
    database = SimulatedDatabase()
    for column in _COLUMNS:
        setattr(database, column, stored[column])
    seeded = seed.base_database(version).tables
    for model, table in stored["tables"].items():
        if table is None:
            database.tables[model] = seeded[model]
        else:
            database.tables[model] = ModelTable({row["id"]: row for row in table["rows"]}, table["next"])
    return database


class Disk:
    """The folder of one host."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self._version = version
        self._written: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> tuple[dict[str, SimulatedDatabase], dict[str, dict[str, int]]]:
        """Return the databases and filestores of the last run."""
        databases, filestore = {}, {}
        for path in sorted(self._folder.glob("*.json")):
            kind, _, name = path.stem.partition(".")
            stored = json.loads(path.read_text(encoding="utf-8"))
            if kind == "database":
                databases[unquote(name)] = from_json(stored, self._version)
            else:
                filestore[unquote(name)] = stored
        return databases, filestore

    def save(self, databases: dict[str, SimulatedDatabase], filestore: dict[str, dict[str, int]]) -> None:
        """Write what has changed since the last time, and remove what is gone."""
        marks: dict[str, Any] = {}
        for name, database in databases.items():
            numbers = (database.registry_sequence, *database.cache_sequences.values())
            mark = (id(database), database.revision, *numbers)
            marks[_stem("database", name)] = (*mark, database.stage, database.initialised, len(database.visits))
        for name, files in filestore.items():
            marks[_stem("filestore", name)] = hash(frozenset(files.items()))
        for stem in self._written.keys() - marks.keys():
            (self._folder / f"{stem}.json").unlink(missing_ok=True)
        for stem, mark in marks.items():
            if self._written.get(stem) != mark:
                kind, _, name = stem.partition(".")
                if kind == "database":
                    self._replace(stem, to_json(databases[unquote(name)], self._version))
                else:
                    self._replace(stem, filestore[unquote(name)])
        self._written = marks

    def _replace(self, stem: str, content: Any) -> None:
        beside = self._folder / f"{stem}.tmp"
        beside.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        beside.replace(self._folder / f"{stem}.json")
