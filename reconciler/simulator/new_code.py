"""What newer code on a host does to databases that were not upgraded to it.

A new stored field breaks them at once. On a partner or a company: users and companies cannot be read, nor partners written, and
no module is installed or upgraded by its button; parameters, modules and the schedule can be read and written. On a user:
nobody can log in any more, nor is any other call answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import shipped
from .errors import Failure, postgres
from .shipped import Module

if TYPE_CHECKING:
    from .databases import Row, SimulatedDatabase
    from .environment import Env, SimulatedWorld

_BASE = "1.3"
_FIRST = "1.0"
_BROKEN_BUTTONS = frozenset(
    {"button_immediate_install", "button_immediate_upgrade", "button_immediate_uninstall", "button_install"}
)
_READ_WITH_PARTNERS = frozenset({"res.users", "res.company"})
_HARMLESS = frozenset({"search", "search_count", "context_get", "fields_get"})


def own_modules(world: SimulatedWorld) -> dict[str, Module]:
    """Return the modules on a host's disk that are not Odoo's own: they need base alone."""
    known = shipped.modules(world.version)
    return {
        name: Module(name, name, ("base",), None, application=False) for name in world.deployed if name not in known
    }


def version_shown(world: SimulatedWorld, module: str) -> str:
    """Return the version of a module's code as Odoo says it: 14 to 18 read it from the disk each time, 19 once in its life."""
    code = (world.running if world.version.startswith("19") else world.deployed).get(module)
    return f"{world.version}.{code.version if code else _first(module)}"


def version_run(world: SimulatedWorld, module: str) -> str:
    """Return the version of the code that runs."""
    code = world.running.get(module)
    return f"{world.version}.{code.version if code else _first(module)}"


def _first(module: str) -> str:
    """Return the version that a module comes with, and that is shown of one that the code lacks."""
    return _BASE if module == "base" else _FIRST


def is_older(row: Row, world: SimulatedWorld) -> bool:
    """Tell whether a database has a module in an earlier version than the code that runs."""
    return _numbers(str(row.get("latest_version") or "")) < _numbers(version_run(world, str(row["name"])))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def missing_columns(world: SimulatedWorld, database: SimulatedDatabase) -> list[str]:
    """Name the columns that the running code asks for and a database does not have."""
    if not any(code.column for code in world.running.values()):
        return []
    rows = {row["name"]: row for row in database.rows("ir.module.module").values()}
    return [
        code.column
        for module, code in world.running.items()
        if code.column and module in database.installed() and code.column not in _columns(rows[module])
    ]


def column_of(world: SimulatedWorld, module: str) -> str:
    """Name the column that the running code of a module has; nothing where it has none."""
    return code.column if (code := world.running.get(module)) else ""


def add_column(database: SimulatedDatabase, row_id: int, column: str) -> None:
    """Let a module have its column, as its upgrade does."""
    had = _columns(database.rows("ir.module.module")[row_id])
    database.update("ir.module.module", row_id, {"columns": (*had, column)})


def _columns(row: Row) -> tuple[str, ...]:
    return tuple(row.get("columns") or ())


def check_login(world: SimulatedWorld, database: SimulatedDatabase) -> None:
    """Raise what every login raises where users themselves lack a column."""
    for column in missing_columns(world, database):
        if column.startswith("res_users."):
            raise undefined(column)


def check(env: Env, model: str, method: str, *, writes: bool) -> None:
    """Raise what a call raises in a database that newer code has broken."""
    columns = missing_columns(env.world, env.database)
    if not columns:
        return
    if model == "ir.module.module" and method in _BROKEN_BUTTONS:
        if env.is_19:
            raise undefined(columns[0])
        raise postgres(
            "InFailedSqlTransaction",
            "current transaction is aborted, commands ignored until end of transaction block\n",
        )
    if (model in _READ_WITH_PARTNERS and method not in _HARMLESS) or (model == "res.partner" and writes):
        raise undefined(columns[0])


def undefined(column: str) -> Failure:
    """Return what PostgreSQL says of a column that is not there."""
    return postgres("UndefinedColumn", f"column {column} does not exist\nLINE 1: SELECT ...\n")
