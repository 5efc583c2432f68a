"""Reads how the modules of a database stand: for a look, and again at the moment of acting. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.model import module_operations
from reconciler.core.model.module_versions import Behind, behind
from reconciler.odoo import shapes
from reconciler.odoo.connection import DatabaseSession

MODEL = "ir.module.module"
_NOT_THERE = ["uninstalled", "uninstallable"]
_VERSIONS = ("latest_version", "installed_version")  # in the database, and computed from the host's code


async def read_states(session: DatabaseSession) -> dict[str, str]:
    """Read the states of all modules that are not plainly uninstalled."""
    rows = await session.search_read(MODEL, [["state", "not in", _NOT_THERE]], ["name", "state"])
    return {str(row["name"]): str(row["state"]) for row in rows}


async def read_standing(
    session: DatabaseSession, asked: Collection[str] = ()
) -> tuple[dict[str, str], tuple[Behind, ...], tuple[str, ...]]:
    """Read the same states, which installed modules the host's code has newer, and which of those asked for nobody knows.

    In one call, as cheap as the states alone.
    """
    domain: list[Any] = [["state", "not in", _NOT_THERE]]
    if asked:
        domain = ["|", ["name", "in", sorted(asked)], *domain]
    found = await session.search_read(MODEL, domain, ["name", "state", "latest_version", "installed_version"])
    unknown = tuple(sorted(set(asked) - {str(row["name"]) for row in found}))
    rows = [row for row in found if row["state"] not in _NOT_THERE]
    there = [row for row in rows if row["state"] != module_operations.TO_INSTALL]
    versions = [
        (str(row["name"]), _version(row["latest_version"]), _version(row["installed_version"])) for row in there
    ]
    return {str(row["name"]): str(row["state"]) for row in rows}, behind(versions), unknown


async def read_code(session: DatabaseSession, modules: Collection[str] = ()) -> dict[str, str]:
    """Read the versions of the host's code: of these modules, or of all that the database knows."""
    domain = [["name", "in", sorted(modules)]] if modules else []
    rows = await session.search_read(MODEL, domain, ["name", "installed_version"])
    return {str(row["name"]): _version(row["installed_version"]) for row in rows}


def _version(value: object) -> str:
    return value if isinstance(value, str) else ""


async def read_versions(session: DatabaseSession) -> dict[str, tuple[str, str]]:
    """Read of all modules that the database has, or could install, its version of them and that of the host's code.

    A module that the host's code has no longer stays in the list as one that can be installed: Odoo does not tell the two apart.
    """
    rows = await session.search_read(MODEL, [["state", "!=", "uninstallable"]], ["name", *_VERSIONS])
    return {str(row["name"]): (_version(row["latest_version"]), _version(row["installed_version"])) for row in rows}


async def read_dependants(
    session: DatabaseSession, modules: Collection[str], states: Sequence[str] = ()
) -> dict[str, str]:
    """Read which modules depend on these, directly or by others, each with the one that brings it into this.

    Args:
        session: the database.
        modules: what is depended on.
        states: of the modules that count; left out: all.
    """
    domain = [["module_id.state", "in", list(states)]] if states else []
    links = await session.search_read(f"{MODEL}.dependency", domain, ["name", "module_id"])
    owners = [row["module_id"][0] for row in links if row["module_id"]]
    rows = await session.search_read(MODEL, [["id", "in", sorted(set(owners))]], ["name"])
    names = {row["id"]: str(row["name"]) for row in rows}
    needing: dict[str, set[str]] = {}
    for row in links:
        if row["module_id"] and row["module_id"][0] in names:
            needing.setdefault(str(row["name"]), set()).add(names[row["module_id"][0]])
    found: dict[str, str] = {}
    waiting = sorted(set(modules))
    while waiting:
        needed = waiting.pop(0)
        for name in sorted(needing.get(needed, set()) - found.keys() - set(modules)):
            found[name] = needed
            waiting.append(name)
    return found


async def read_last_change(session: DatabaseSession) -> datetime | None:
    """Read when a module last changed. Those that an upgrade is through with count too: they show that it goes on."""
    rows = await session.search_read(
        MODEL, [["write_date", "!=", False]], ["write_date"], order="write_date desc", limit=1
    )
    read = f"{MODEL}.search_read"
    return session.connection.checked(shapes.moment, rows[0]["write_date"], read, session.database) if rows else None
