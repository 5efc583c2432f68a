"""The admin account of a database: which login and password the fleet declares, and which former ones it may still have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.observed import Access
from reconciler.core.specs import DatabaseSpec
from reconciler.engine.ports import Database, Host, Secrets
from schemas.secrets import Secret

FIELD = "admin_password"
FACTORY_LOGIN = "admin"
FACTORY_PASSWORD = Secret("admin")
"""What a database answers to when nobody set a password: a half-made one, or a create that failed behind a 'true'."""

_MOST_TRIES = 4
"""On 14 ten wrong logins lock an address out for a minute, and one pass may look twice."""


@dataclass(frozen=True, slots=True)
class Account:
    """The admin account of one spec on one host; `former_code` while its document is being renamed."""

    host: Host
    spec: DatabaseSpec
    secrets: Secrets
    former_code: str | None = None

    def password(self) -> Secret:
        """Return the declared password."""
        return self.secrets.resolve(self.spec.admin_password, self.spec.kind, self.spec.code, FIELD)

    def former_passwords(self) -> tuple[Secret, ...]:
        """Return passwords that it may still have, the likeliest first: those of its former code while it is renamed."""
        spec, former = self.spec, self.secrets.former
        own = former(spec.admin_password, spec.kind, spec.code, FIELD)
        if not self.former_code or self.former_code == spec.code:
            return own
        renamed = self.secrets.resolve(spec.admin_password, spec.kind, self.former_code, FIELD)
        return (renamed, *former(spec.admin_password, spec.kind, self.former_code, FIELD), *own)

    async def open(self, database: str) -> tuple[Database, Access] | None:
        """Log in with the declared password, or a former one; None if the database refuses them all."""
        for number, (login, password, access) in enumerate(self._candidates()):
            if number >= _MOST_TRIES:
                break
            opened = await self.host.open(database, login, password)
            if opened is not None:
                return opened, access
        return None

    def _candidates(self) -> Iterator[tuple[str, Secret, Access]]:
        declared = self.password()
        yield self.spec.admin_login, declared, Access.CURRENT
        if self.spec.admin_login != FACTORY_LOGIN:
            yield FACTORY_LOGIN, declared, Access.CURRENT  # the login was changed in the text, not yet in the database
        for password in self.former_passwords():
            yield self.spec.admin_login, password, Access.FORMER
            if self.spec.admin_login != FACTORY_LOGIN:
                yield FACTORY_LOGIN, password, Access.FORMER


async def open_as_any(
    host: Host, specs: Iterable[DatabaseSpec], secrets: Secrets, database: str
) -> tuple[Database, Access] | None:
    """Log in to an unfinished build as the factory left it or as whichever of these it has become; None if it refuses all.

    The factory's comes first: a create that never ended was asked for the wanted password again and again, and after ten
    wrong ones Odoo 14 and 15 take only a right one at the first try.
    """
    if (as_made := await host.open(database, FACTORY_LOGIN, FACTORY_PASSWORD)) is not None:
        return as_made, Access.FORMER
    for spec in specs:
        if (opened := await Account(host, spec, secrets).open(database)) is not None:
            return opened
    return None
