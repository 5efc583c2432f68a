"""A database as what the operator is let into for a while (`engine.supportable.Supportable`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from reconciler.core.support import Visit
from reconciler.odoo.apply import support
from reconciler.odoo.connection import DatabaseSession
from schemas.secrets import Secret


class SupportedDatabase:
    """One database, opened as its admin account."""

    _session: DatabaseSession
    _now: Callable[[], datetime]

    async def open_support(self, visit: Visit) -> Secret:
        """Let the operator in for a while; see `apply.support`."""
        return await support.open_support(self._session, visit, (visit.until - self._now()).total_seconds())

    async def end_support(self, accounts: Collection[str]) -> None:
        """Take accounts of the operator's out of use."""
        await support.end_support(self._session, accounts)
