"""Scheduled actions, played lazily: what would have run since the last look is worked out when somebody looks.

They run in every database that the host lists, whatever its name, except on a threaded host up to 18, where only
loaded databases count. Never in one that is half-made or has modules `to …`. A long pause is played with at most
`_MOST_RUNS` runs of each action, for a host that was asleep does not make up for what it missed.
"""

from __future__ import annotations

import calendar
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from . import shipped
from .databases import READY
from .seed import utc_text

if TYPE_CHECKING:
    from .databases import SimulatedDatabase
    from .machine import Machine

_MOST_RUNS = 20
_RUN_SECONDS = 0.3


@lru_cache(maxsize=65536)
def seconds(text: str) -> float:
    """Return the moment of Odoo's text; the far future for what is not one."""
    try:
        return float(calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")))
    except (TypeError, ValueError):
        return float("inf")


def advance(host: Machine) -> None:
    """Run what is due."""
    now = host.now()
    for name, database in host.databases.items():
        if database.next_cron is None:
            database.next_cron = _next(database)
        if database.next_cron <= now and _runs_in(host, name, database):
            _run_due(host, name, database, now)


def _next(database: SimulatedDatabase) -> float:
    rows = database.rows("ir.cron").values()
    return min((seconds(row["nextcall"]) for row in rows if row["active"]), default=float("inf"))


def _runs_in(host: Machine, name: str, database: SimulatedDatabase) -> bool:
    if host.spec.db_name and name not in host.spec.db_name:
        return False
    if database.owner != "odoo" or database.stage != READY or database.creating or database.installing:
        return False
    only_loaded = not host.spec.workers and not shipped.since(host.version, 19)
    if only_loaded and not any(name in worker.registries for worker in host.workers):
        return False
    return all(not state.startswith("to ") for state in database.modules().values())


def _run_due(host: Machine, name: str, database: SimulatedDatabase, now: float) -> None:
    for row in list(database.rows("ir.cron").values()):
        due = seconds(row["nextcall"])
        if not row["active"] or due > now:
            continue
        length = shipped.interval_seconds(row["interval_number"], row["interval_type"])
        at, runs = max(due, host.up_since), 0
        while at <= now and runs < _MOST_RUNS:
            host.record(at, name, database, f"cron: {row['name']}")
            database.cron_busy_until = max(database.cron_busy_until, at + _RUN_SECONDS * host.spec.speed)
            at, runs = at + length, runs + 1
        following = due + length * (int((now - due) // length) + 1)
        database.update("ir.cron", row["id"], {"nextcall": utc_text(following), "lastcall": utc_text(now)})
