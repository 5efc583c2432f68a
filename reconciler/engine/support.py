"""Ways into an instance's database by a link, if it is in service: the operator's for a while, its owner's for the first time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from reconciler.core.diffs import support
from reconciler.core.diffs.support import Visit
from reconciler.core.model import names, whereabouts
from reconciler.core.model.failures import LastingError
from reconciler.core.model.names import NameState, parse
from reconciler.core.policies import backups
from reconciler.core.policies.asked_backups import subjects_of
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.engine.accounts import Account
from reconciler.engine.observing import observe_shallow
from reconciler.engine.ports import Database
from reconciler.engine.worlds import World
from reconciler.fleet.addresses import primary_address
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.secrets import Secret

_NONCE_LENGTH = 5
OWNER_FIELD = "owner.initial_password"


@dataclass(frozen=True, slots=True)
class Opened:
    """The way in: `link` is good once and until the visit ends, for whoever has it."""

    visit: Visit
    server: str
    database: str
    link: Secret


Opens = Callable[[World, Desired, Instance, BackupSubject, timedelta], Awaitable[Opened]]
"""Makes a way into a database that `find` found, for a length of time."""


async def find(world: World, desired: Desired, instance: Instance) -> BackupSubject:
    """Find the database of an instance where its host lists it in service.

    Raises:
        HostError: there is none that anybody may be let into now; says why.
    """
    inventory = await world.inventory()
    places = whereabouts.places(desired, instance, inventory)
    observed = await observe_shallow(sorted(set(places) & world.hosts.keys()), world)
    found = subjects_of(desired, instance, observed, inventory, world.clock.now())
    if isinstance(found, NotThere):
        raise LastingError(f"{instance.address}: {found.why}")
    if parse(found[0].database).state is not NameState.PUBLISHED:
        raise LastingError(
            "it is not in service, so that nobody can log in", server=found[0].server, database=found[0].database
        )
    return found[0]


async def let_in(
    world: World, desired: Desired, instance: Instance, subject: BackupSubject, lasts: timedelta
) -> Opened:
    """Make an account in it, and return the way in.

    Args:
        world: the ports.
        desired: the fleet's text.
        instance: the document.
        subject: its database, as `find` has it.
        lasts: for how long.

    Raises:
        HostError: nobody is let in; or, if the answer was lost, nobody knows the way in, and the account ends at its time.
        MemoryFailure: it cannot be noted that the database is to be looked after.
        SecretUnavailable: its password is not to be had.
    """
    if not instance.allow_support:
        raise LastingError(f"{instance.address} forbids it: `allow_support: false`")
    database = await enter(world, desired, instance, subject)
    visit = support.visit(world.clock.now() + lasts, world.nonces.token(_NONCE_LENGTH))
    await world.aside.ask(lambda: _note(world, subject, visit))
    return opened(desired, instance, subject, visit, await database.open_support(visit))


async def link_for_owner(
    world: World, desired: Desired, instance: Instance, subject: BackupSubject, lasts: timedelta
) -> Opened:
    """Return the way in by which an instance's owner chooses the first password of his own; takes what `let_in` does.

    Raises:
        HostError: there is no password to choose; or, if the answer was lost, nobody knows the link, and the next makes it void.
        SecretUnavailable: a password is not to be had.
    """
    owner = instance.owner
    if owner is None:
        raise LastingError(no_owner(instance))
    database = await enter(world, desired, instance, subject)
    visit = Visit(owner.login, owner.name, (world.clock.now() + lasts).replace(microsecond=0))
    named = owner.initial_password, "instance", instance.code, OWNER_FIELD
    passwords = dict.fromkeys([world.secrets.resolve(*named), *world.secrets.former(*named)])
    token = await database.link_to_first_password(visit, passwords, world.nonces.token(names.NONCE_LENGTH))
    return opened(desired, instance, subject, visit, token)


def no_owner(instance: Instance) -> str:
    """Say that nobody is an instance's first user, and what to do."""
    return f"{instance.address} has no `owner`: whoever has its admin account makes users in Odoo"


async def enter(world: World, desired: Desired, instance: Instance, subject: BackupSubject) -> Database:
    """Log in as the admin account to a database that is the instance's by its mark.

    Raises:
        HostError: it refuses, or is another's.
        SecretUnavailable: its password is not to be had.
    """
    at = {"server": subject.server, "database": subject.database}
    account = Account(world.hosts[subject.server], subject.spec, world.secrets, world.clock)
    database, _ = await account.require(subject.database)
    uuid, mark = await database.identity()
    if stranger := backups.not_of(desired.settings.code, "instance", instance.code, mark, uuid):
        raise LastingError(f"nobody is let in: {stranger}", **at)
    return database


def opened(desired: Desired, instance: Instance, subject: BackupSubject, visit: Visit, token: Secret) -> Opened:
    """Return the way in that a token opens: Odoo's page at the customer's address."""
    server = desired.servers[subject.server]
    address = primary_address(instance, server) or server.server_url.rstrip("/")
    link = f"{address}/web/reset_password?db={subject.database}&token={token.reveal()}"
    return Opened(visit, subject.server, subject.database, Secret(link))


def _note(world: World, subject: BackupSubject, visit: Visit) -> None:
    key = subject.kind, subject.code, subject.server
    world.memory.server_state(support.row_of(*key), visit.until.isoformat(timespec="seconds"))
    world.memory.clear(*key)
