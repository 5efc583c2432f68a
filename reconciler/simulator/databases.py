"""The durable state of one database: what survives a SIGKILL of the host.

Rows are never changed in place (a write puts a new dictionary), and tables are shared between a database and its
copies until one of them writes, so that a clone costs microseconds. Nothing here knows workers, caches or the
wire. Passwords are kept in clear: this is a practice host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, Any]

EMPTY = "empty"
"""Made, and nothing is in it: the base transaction has not been committed."""
READY = "ready"
"""The base tables are there; only a login with the wanted password tells whether the creation went to its end."""
USERLESS = "userless"
"""Tables without users, left by a creation that met a full disk: every login is refused."""

_PRESENT = frozenset({"installed", "to upgrade", "to remove"})
"""The states of modules whose models and tables are there."""

ASLEEP = "odoo_fleet.asleep"
"""While this parameter is there, the trigger stands that keeps scheduled actions off."""

CACHES = ("default", "stable")
"""The caches that have a sequence number each on 19. Versions before have one number for all: the second's here."""


class ModelTable:
    """Rows by id, and the next id."""

    __slots__ = ("next_id", "rows")

    def __init__(self, rows: dict[int, Row] | None = None, next_id: int = 1) -> None:
        self.rows: dict[int, Row] = rows or {}
        self.next_id = next_id

    def copy(self) -> ModelTable:
        """Return a table of the same rows that can be written without touching this one."""
        return ModelTable(dict(self.rows), self.next_id)


class SimulatedDatabase:
    """One PostgreSQL database with its owner, its tables and the sequence numbers that workers compare."""

    def __init__(self, *, owner: str = "odoo", stage: str = EMPTY, watched: bool = False) -> None:
        self.owner = owner
        self.stage = stage
        self.watched = watched
        self.visits: list[str] = []
        self.tables: dict[str, ModelTable] = {}
        self.registry_sequence = 1
        self.cache_sequences = dict.fromkeys(CACHES, 1)
        self.connection_epoch = 0
        self.revision = 0
        self.initialised = False
        self.creating = False
        self.installing = False
        self.taken_away: frozenset[str] = frozenset()  # modules that were uninstalled since it has its connections
        self.cron_busy_until = 0.0
        self.next_cron: float | None = None
        self._own: set[str] = set()
        self._installed: frozenset[str] | None = None

    def fork(self) -> SimulatedDatabase:
        """Return what `CREATE DATABASE … TEMPLATE` makes: the same rows and sequence numbers, no connections."""
        copy = SimulatedDatabase(owner=self.owner, stage=self.stage)
        copy.initialised = self.initialised
        copy.tables = dict(self.tables)
        copy.registry_sequence, copy.cache_sequences = self.registry_sequence, dict(self.cache_sequences)
        self._own.clear()
        return copy

    def become(self, model: SimulatedDatabase) -> None:
        """Take over the rows and the stage of a prepared database."""
        copy = model.fork()
        self.stage, self.tables, self._installed, self.next_cron = copy.stage, copy.tables, None, None
        self._own.clear()
        self.revision += 1

    def savepoint(self) -> dict[str, ModelTable]:
        """Return what `rollback` takes; tables written afterwards are copied first."""
        self._own.clear()
        return dict(self.tables)

    def rollback(self, tables: dict[str, ModelTable]) -> None:
        """Put the tables back as they were at the savepoint."""
        self._own.clear()
        self._installed, self.next_cron = None, None
        self.revision += 1
        self.tables = tables

    def rows(self, model: str) -> Mapping[int, Row]:
        """Return the rows of a model, none when it has no table."""
        table = self.tables.get(model)
        return table.rows if table else {}

    def writable(self, model: str) -> ModelTable:
        """Return the table of a model, made or copied first when it is shared."""
        self._make_own(model)
        self.revision += 1
        if model in {"ir.module.module", "ir.cron"}:
            self._installed, self.next_cron = None, None
        return self.tables[model]

    def _make_own(self, model: str) -> None:
        if model not in self._own:
            table = self.tables.get(model)
            self.tables[model] = table.copy() if table else ModelTable()
            self._own.add(model)

    def note_login(self, user_id: int, at: str) -> None:
        """Note when somebody logged in last: no change of what is in it, since whoever looks logs in."""
        self._make_own("res.users")
        rows = self.tables["res.users"].rows
        rows[user_id] = {**rows[user_id], "login_date": at}

    def insert(self, model: str, row: Row, row_id: int | None = None) -> int:
        """Add a row and return its id."""
        table = self.writable(model)
        new_id = table.next_id if row_id is None else row_id
        table.rows[new_id] = {**self._guarded(model, row), "id": new_id}
        table.next_id = max(table.next_id, new_id + 1)
        return new_id

    def update(self, model: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Change one row."""
        table = self.writable(model)
        was = table.rows[row_id]
        table.rows[row_id] = {**was, **(values if was.get("active") else self._guarded(model, values))}

    def _guarded(self, model: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep what would be switched on off, as the trigger does that stands as long as the parameter does."""
        if model != "ir.cron" or not values.get("active") or self.parameter(ASLEEP) is None:
            return values
        return {**values, "active": False}

    def delete(self, model: str, row_id: int) -> None:
        """Remove one row."""
        del self.writable(model).rows[row_id]

    def matching(self, model: str, /, **values: Any) -> Iterator[Row]:
        """Yield the rows whose columns equal these values."""
        (column, value), *others = values.items()
        for row in self.rows(model).values():
            if row.get(column) == value and all(row.get(other) == wanted for other, wanted in others):
                yield row

    def reference(self, xmlid: str) -> int | None:
        """Return the id behind an external id such as `base.user_admin`."""
        module, _, name = xmlid.partition(".")
        found = next(self.matching("ir.model.data", name=name, module=module), None)
        return None if found is None else int(found["res_id"])

    def parameter(self, key: str) -> str | None:
        """Return the stored value of a system parameter."""
        found = next(self.matching("ir.config_parameter", key=key), None)
        return None if found is None else str(found["value"])

    def set_parameter(self, key: str, value: str) -> None:
        """Store a system parameter without telling any cache, as SQL would."""
        found = next(self.matching("ir.config_parameter", key=key), None)
        if found is None:
            self.insert("ir.config_parameter", {"key": key, "value": value})
        else:
            self.update("ir.config_parameter", found["id"], {"value": value})

    @property
    def uuid(self) -> str:
        """The `database.uuid`, empty in a database without parameters."""
        return self.parameter("database.uuid") or ""

    def modules(self) -> dict[str, str]:
        """Return the state of every module by name."""
        return {row["name"]: row["state"] for row in self.rows("ir.module.module").values()}

    def installed(self) -> frozenset[str]:
        """Return the names of the installed modules."""
        if self._installed is None:
            states = self.modules()
            self._installed = frozenset(name for name, state in states.items() if state in _PRESENT)
        return self._installed

    def user(self, login: str) -> Row | None:
        """Return the active user of this login."""
        return next(self.matching("res.users", login=login, active=True), None)

    def move_sequences(self, number: int) -> None:
        """Set every number that workers compare."""
        self.registry_sequence = number
        self.cache_sequences = dict.fromkeys(CACHES, number)

    def end_connections(self) -> None:
        """End what works in the database at this moment, as a clone or a drop does."""
        self.connection_epoch += 1
