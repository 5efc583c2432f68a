"""One Odoo host as the engine sees it: the reads of `observe` and the writes of `apply` behind the engine's port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO

from reconciler.core.model.checks import Check
from reconciler.core.model.observed import ObservedHost
from reconciler.core.model.specs import DatabaseSpec
from reconciler.health.signs import CERTIFICATE
from reconciler.health.verdicts import Certificate, Vitals
from reconciler.odoo import versions
from reconciler.odoo.apply import databases as apply_databases
from reconciler.odoo.connection import DatabaseSession, HostConnection
from reconciler.odoo.databases import Now, OdooDatabase, Sleep
from reconciler.odoo.observe import backups
from reconciler.odoo.observe import hosts as observe_hosts
from schemas.secrets import Secret
from schemas.server import Server


class OdooHost:
    """One server of the fleet (`engine.ports.Host`).

    Args:
        server: its document.
        connection: to its `server_url`.
        now: the time of day, for what is old enough to be swept.
        monotonic: a clock for durations.
        sleep: waits.
        build_limit: `retention.building_hours` of the fleet.
        certificate: looks at the host's certificate; None where there is none, or none is asked for.
    """

    def __init__(
        self,
        server: Server,
        connection: HostConnection,
        *,
        now: Now,
        monotonic: Callable[[], float],
        sleep: Sleep,
        build_limit: timedelta,
        certificate: Callable[[], Awaitable[Certificate | None]] | None = None,
    ) -> None:
        self.server = server.code
        self._certificate = certificate
        self._document, self._connection = server, connection
        self._now, self._monotonic, self._sleep, self._build_limit = now, monotonic, sleep, build_limit

    async def look(self) -> ObservedHost:
        """Ask for version and databases."""
        return await observe_hosts.look(self._connection, self._monotonic)

    async def vitals(self) -> Vitals:
        """Ask how the host is: version and latency, databases, master password, certificate. Changes nothing."""
        seen = await observe_hosts.vitals(self._connection, self._monotonic, self._now)
        found = None if self._certificate is None else await self._certificate()
        if found is None:
            return seen
        problems = {CERTIFICATE.name: found.problem} if found.problem else {}
        return replace(
            seen, signs={**seen.signs, CERTIFICATE.name: found.expires_at}, problems={**seen.problems, **problems}
        )

    async def listed(self, *, hurry: bool = False) -> frozenset[str]:
        """Return the names of the databases that the host lists now; in a hurry, asked once and for seconds."""
        return frozenset(await self._connection.list_databases(hurry=hurry))

    async def exists(self, name: str) -> bool:
        """Tell whether a name is taken, also by a database of another PostgreSQL role, which is not listed."""
        return await self._connection.database_exists(name)

    async def taken(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of these names are taken."""
        return tuple([name for name in names if await self._connection.database_exists(name, hurry=True)])

    async def check(self) -> tuple[Check, ...]:
        """Run the activation tests."""
        return await observe_hosts.check(self._connection, self._document.odoo_version, self._document.domain)

    async def open(self, database: str, login: str, password: Secret) -> OdooDatabase | None:
        """Log in; None if the database refuses.

        `common.login` goes first on every version: 14 writes the password of a refused `execute_kw` into the host's log.
        """
        uid = await self._connection.login(database, login, password)
        if uid is None:
            return None
        return OdooDatabase(DatabaseSession(self._connection, database, uid, password), login, self._now, self._sleep)

    async def locks_out(self) -> bool:
        """Tell whether the host refuses right logins for a minute after ten wrong ones."""
        return versions.has_login_cooldown_on_rpc(await self._connection.known_series())

    async def accepts(self, database: str, login: str, password: Secret) -> bool:
        """Tell whether the database takes this login."""
        return await self._connection.login(database, login, password) is not None

    async def check_backups(self) -> Check:
        """Say by which way databases can be backed up."""
        return await backups.check(self._connection, self._document.domain)

    async def require_way_to_suspended(self, name: str, size: int) -> None:
        """Refuse if it is known that a database of so many bytes could not be fetched once it is suspended."""
        await backups.require_way_to_suspended(self._connection, name, self._document.domain, size)

    async def fetch_backup(
        self, name: str, sites: Sequence[str], into: BinaryIO, size: Callable[[], Awaitable[int]]
    ) -> str:
        """Write a backup of a database into a file; return by which way it came."""
        return await backups.fetch(self._connection, name, sites, into, size)

    async def create(self, name: str, spec: DatabaseSpec, password: Secret) -> None:
        """Create a database under a building name."""
        await apply_databases.create(
            self._connection,
            name,
            demo=spec.demo,
            lang=spec.settings.get("lang", ""),
            login=spec.admin_login,
            password=password,
            country_code=spec.settings.get("country_code", ""),
        )

    async def clone(self, source: str, name: str, *, neutralize: bool) -> None:
        """Clone a database to a building name."""
        await apply_databases.clone(self._connection, source, name, neutralize=neutralize)

    async def restore(self, name: str, archive: BinaryIO, *, neutralize: bool = False, is_copy: bool = True) -> None:
        """Restore an archive to a building name."""
        await apply_databases.restore(self._connection, name, archive, neutralize=neutralize, is_copy=is_copy)

    async def rename(self, old: str, new: str) -> None:
        """Rename a database along its way."""
        await apply_databases.rename(self._connection, old, new)

    async def forget_name(self, name: str) -> None:
        """Make workers forget what they remember under a name that no database bears."""
        await apply_databases.forget_name(self._connection, name)

    async def end_half_made(self, old: str, new: str) -> None:
        """Turn to trash what bears the lock and whose initialisation never ended."""
        await apply_databases.end_half_made(self._connection, old, new)

    async def is_half_made(self, name: str) -> bool:
        """Tell whether nobody can log in because the database's initialisation never ended."""
        return await self._connection.is_half_made(name)

    async def drop_own_build(self, name: str) -> None:
        """Drop a building name that this very run made up."""
        await apply_databases.drop_own_build(self._connection, name)

    async def drop_half_made(self, name: str) -> None:
        """Drop an expired building name whose initialisation never ended."""
        await apply_databases.drop_expired_build(self._connection, name, None, self._now(), self._build_limit)
