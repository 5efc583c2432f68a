"""What operations on whole databases have in common: their steps, names, and how they notice a disturbance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import connection_ended
from .module_service import STEPS as INSTALL_STEPS
from .module_service import UNINSTALL_STEPS
from .upgrading import STEPS as UPGRADE_STEPS

if TYPE_CHECKING:
    from .databases import SimulatedDatabase
    from .machine import Machine

_MAX_NAME_BYTES = 63

STEPS: dict[str, tuple[str, ...]] = {
    "create_database": (
        "create_database.begun",
        "create_database.listed",
        "create_database.initialised",
        "create_database.base",
        "create_database.modules",
        "create_database.password",
    ),
    "duplicate_database": (
        "duplicate_database.connections",
        "duplicate_database.listed",
        "duplicate_database.uuid",
        "duplicate_database.files_partly",
        "duplicate_database.files",
    ),
    "rename": ("rename.connections", "rename.database", "rename.files"),
    "drop": ("drop.connections", "drop.database", "drop.files"),
    "install": INSTALL_STEPS,
    "upgrade": UPGRADE_STEPS,
    "uninstall": UNINSTALL_STEPS,
    "execute": ("execute.committed",),
}
"""The durable steps of each operation in their order; `install.module` and `upgrade.module` come once for every module.

A clone without files and a host of 19 reach all of them too, with nothing done at some.
"""


def postgres_name(name: Any) -> str:
    """Return a name as PostgreSQL keeps it, cut at 63 bytes."""
    return str(name).encode()[:_MAX_NAME_BYTES].decode(errors="ignore")


def still_there(host: Machine, name: str, database: SimulatedDatabase) -> None:
    """Stop work whose database has been dropped or renamed meanwhile."""
    if host.databases.get(name) is not database:
        raise connection_ended()


def undisturbed(host: Machine, name: str, database: SimulatedDatabase, epoch: int) -> None:
    """Stop work whose database is gone, or whose connections were ended by a clone."""
    still_there(host, name, database)
    if database.connection_epoch != epoch:
        raise connection_ended()
