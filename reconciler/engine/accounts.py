"""The admin account of a database: which login and password the fleet declares, and which former ones it may still have.

Whatever a declared rotation may have left is found: every former password under every login. A database that refuses them
all is not ours to enter, and nothing here resets anything by force.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.model.failures import PasswordRefused
from reconciler.core.model.observed import Access
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.needs import ADOPT_FIELD
from reconciler.engine.ports import Clock, Database, Host, Secrets
from schemas.references import DerivedSecret
from schemas.secrets import Secret

FIELD = "admin_password"
FACTORY_LOGIN = "admin"
FACTORY_PASSWORD = Secret("admin")
"""What a database answers to when nobody set a password: a half-made one, or a create that failed behind a 'true'."""

AT_ONCE = 8
"""Wrong logins in a row on a host that locks out after ten. The count ends with a right login only, so that from here on
each further one needs a pause of its own: a right password is refused for a minute after every wrong one."""

LOCKED_SECONDS = 61.0

_ASKED_AGAIN = 2
"""Likeliest former ones that are asked once more: earlier runs may have used the ten up, so that all tries but the first
were answered unread."""

_OF_AN_ACCOUNT_NEVER_ROTATED = 3
"""So many tries are made where no former key, name or generation is declared: there is nothing to ask again for."""

_ANOTHER_LOGIN = 2
"""So many places later than with the declared login a password is tried with Odoo's own."""

_PROVEN_REFUSED = 2
"""Likeliest former passwords that a rotation proves to be refused besides the one that the database had: each costs a
host of 19 a third of a second of its CPU, and one of 14 counts them."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a database may answer to."""

    login: str
    password: Secret
    access: Access


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A database that was opened, and what it was opened with."""

    database: Database
    access: Access
    password: Secret


@dataclass(frozen=True, slots=True)
class Account:
    """The admin account of one spec on one host; `former_code` while its document is being renamed."""

    host: Host
    spec: DatabaseSpec
    secrets: Secrets
    clock: Clock
    former_code: str | None = None

    def password(self) -> Secret:
        """Return the declared password."""
        return self.secrets.resolve(self.spec.admin_password, self.spec.kind, self.spec.code, FIELD)

    def former_passwords(self) -> tuple[Secret, ...]:
        """Return passwords that it may still have, the likeliest first: also those of its former code while it is renamed."""
        spec, former = self.spec, self.secrets.former
        own = former(spec.admin_password, spec.kind, spec.code, FIELD)
        if not self.former_code or self.former_code == spec.code or not isinstance(spec.admin_password, DerivedSecret):
            return own  # only what is derived depends on the code
        renamed = (
            self.secrets.resolve(spec.admin_password, spec.kind, self.former_code, FIELD),
            *former(spec.admin_password, spec.kind, self.former_code, FIELD),
        )
        pairs = itertools.zip_longest(renamed, own)
        return tuple(password for pair in pairs for password in pair if password is not None)

    async def open(self, database: str) -> tuple[Database, Access] | None:
        """Log in with the declared password, or a former one; None if the database refuses them all."""
        found = await self.find(database)
        return (found.database, found.access) if found is not None else None

    async def require(
        self, database: str, otherwise: str = "it refuses the declared password and all former ones"
    ) -> tuple[Database, Access]:
        """Log in as `open` does; raises `PasswordRefused`, which says what it is told, if the database refuses them all."""
        opened = await self.open(database)
        if opened is None:
            raise PasswordRefused(otherwise, server=self.host.server, database=database)
        return opened

    async def find(self, database: str) -> OpenDatabase | None:
        """Log in as `open` does, and tell with which password."""
        candidates = self._candidates()
        for candidate in itertools.chain(candidates[:1], self._given(), candidates[1:AT_ONCE]):
            if found := await self._try(database, candidate):
                return found
        locks_out = await self.host.locks_out()
        again = candidates[1 : 1 + _ASKED_AGAIN] if locks_out and len(candidates) > _OF_AN_ACCOUNT_NEVER_ROTATED else ()
        for candidate in (*candidates[AT_ONCE:], *again):
            if locks_out:
                await self.clock.sleep(LOCKED_SECONDS)
            if found := await self._try(database, candidate):
                return found
        return None

    def _given(self) -> Iterator[_Candidate]:
        """Yield what `adopt` says of a database that this fleet has not made; read only if the declared password is refused."""
        adopt = self.spec.adopt
        if adopt is None or (adopt.admin_login, adopt.admin_password) == (None, None):
            return
        login, reference = adopt.admin_login or self.spec.admin_login, adopt.admin_password
        if reference is None:
            yield _Candidate(login, self.password(), Access.CURRENT)
        else:
            yield _Candidate(
                login, self.secrets.resolve(reference, self.spec.kind, self.spec.code, ADOPT_FIELD), Access.GIVEN
            )

    def no_longer_taken(self, had: Iterable[Secret]) -> tuple[tuple[str, Secret], ...]:
        """Return what has to be refused after a rotation: the passwords that it had, the likeliest others, Odoo's own."""
        login, declared = self.spec.admin_login, self.password()
        former = (*had, *self.former_passwords()[:_PROVEN_REFUSED])
        wrong = dict.fromkeys([*((login, password) for password in former), (FACTORY_LOGIN, FACTORY_PASSWORD)])
        return tuple((login, password) for login, password in wrong if password != declared)

    async def _try(self, database: str, candidate: _Candidate) -> OpenDatabase | None:
        opened = await self.host.open(database, candidate.login, candidate.password)
        return OpenDatabase(opened, candidate.access, candidate.password) if opened is not None else None

    def _candidates(self) -> tuple[_Candidate, ...]:
        """Return every password with every login, each pair once: with the declared login sooner than with Odoo's own.

        The login may have been changed in the text and not yet in the database, whatever else was.
        """
        passwords = (self.password(), *self.former_passwords())
        logins = dict.fromkeys((self.spec.admin_login, FACTORY_LOGIN))
        pairs = itertools.product(enumerate(passwords), enumerate(logins))
        found: dict[tuple[str, Secret], Access] = {}
        for (place, password), (_, login) in sorted(pairs, key=lambda pair: pair[0][0] + _ANOTHER_LOGIN * pair[1][0]):
            found.setdefault((login, password), Access.FORMER if place else Access.CURRENT)
        return tuple(_Candidate(login, password, access) for (login, password), access in found.items())


async def open_as_any(
    host: Host, specs: Iterable[DatabaseSpec], secrets: Secrets, clock: Clock, database: str
) -> tuple[Database, Access] | None:
    """Log in to an unfinished build as the factory left it or as whichever of these it has become; None if it refuses all.

    A build that never ended was asked for the wanted password again and again, and after ten wrong ones Odoo 14 and 15 read
    only the first try in a minute: there each account is given its own.
    """
    if (as_made := await host.open(database, FACTORY_LOGIN, FACTORY_PASSWORD)) is not None:
        return as_made, Access.FORMER
    if await host.locks_out():
        await clock.sleep(LOCKED_SECONDS)
    return await open_as_one_of(host, specs, secrets, clock, database)


async def open_as_one_of(
    host: Host, specs: Iterable[DatabaseSpec], secrets: Secrets, clock: Clock, database: str
) -> tuple[Database, Access] | None:
    """Log in to a database as whichever of these it is; None if it refuses all."""
    locks_out = await host.locks_out()
    for number, spec in enumerate(specs):
        if locks_out and number:
            await clock.sleep(LOCKED_SECONDS)
        if (opened := await Account(host, spec, secrets, clock).open(database)) is not None:
            return opened
    return None
