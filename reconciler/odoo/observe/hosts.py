"""Shallow looks, vital signs and activation tests: calls that need no database, or none of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.core.model import names
from reconciler.core.model.checks import Check, CheckResult
from reconciler.core.model.failures import HostError, ListingDisabled, MasterPasswordRefused
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import ObservedHost, host
from reconciler.fleet.counting import count
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.health.login_pages import NOBODY
from reconciler.health.signs import LATENCY, MASTER_PASSWORD, Sign
from reconciler.health.verdicts import Vitals
from reconciler.odoo.connection import HostConnection


async def look(connection: HostConnection, monotonic: Callable[[], float]) -> ObservedHost:
    """Ask for version and databases: two calls. A failure is part of the observation."""
    started = monotonic()
    try:
        version = await connection.version()
        listed = await connection.list_databases()
    except HostError as error:
        return _away(connection, error)
    seconds = monotonic() - started
    return host(connection.server, listed, version=str(version.series), seconds=seconds, clock=connection.clock)


async def vitals(connection: HostConnection, monotonic: Callable[[], float], now: Callable[[], datetime]) -> Vitals:
    """Ask for version, databases and vital signs: calls without effect.

    A failure is part of what was found. The certificate is not looked at here.
    """
    started = monotonic()
    try:
        version = await connection.version()
    except HostError as error:
        return Vitals(_away(connection, error), now())
    signs: dict[str, Any] = {LATENCY.name: 1000 * (monotonic() - started)}
    problems: dict[str, str] = {}
    try:
        listed = await connection.list_databases()
    except HostError as error:
        seen = replace(_away(connection, error), version=str(version.series))
    else:
        seen = host(connection.server, listed, version=str(version.series), seconds=monotonic() - started)
    for name, read in READERS.items():
        try:
            signs[name] = await read(connection)
        except SecretUnavailable as error:
            problems[name] = str(error)
        except HostError:
            continue  # the host's own failure, which its other answers tell as well
    return Vitals(seen, now(), signs, problems)


Reader = Callable[[HostConnection], Awaitable[Any]]
READERS: dict[str, Reader] = {}
"""What reads the vital signs that are asked for by a call of their own."""


def reads(sign: Sign) -> Callable[[Reader], Reader]:
    """Register what reads a sign, without effect on the host; it may raise why not (`HostError`, `SecretUnavailable`)."""

    def register(reader: Reader) -> Reader:
        READERS[sign.name] = reader
        return reader

    return register


@reads(MASTER_PASSWORD)
async def _is_master_password_accepted(connection: HostConnection) -> bool:
    try:
        await connection.check_master_password()
    except MasterPasswordRefused:
        return False
    return True


async def check(connection: HostConnection, declared_version: str, domain: str | None) -> tuple[Check, ...]:
    """Run the activation tests in order; what cannot be asked after a failure is skipped.

    Args:
        connection: to the host.
        declared_version: `odoo_version` of the server.
        domain: `domain` of the server, whose instances the host must tell apart by name.
    """
    done: list[Check] = []
    try:
        version = await connection.version()
    except HostError as error:
        skipped = [
            Check(n, CheckResult.SKIPPED) for n in ("version", "databases listed", "master password", "subdomains")
        ]
        return (Check("reachable", CheckResult.FAILED, error.what, error.advice), *skipped)
    done.append(Check("reachable", CheckResult.PASSED, f"Odoo {version.text}"))
    done.append(_compare(str(version.series), declared_version))
    listed, answer = await _listing(connection)
    done.append(answer)
    done.append(await _master_password(connection))
    done.append(await _subdomains(connection, domain, listed))
    return tuple(done)


def _compare(observed: str, declared: str) -> Check:
    if observed == declared:
        return Check("version", CheckResult.PASSED, observed)
    return Check(
        "version", CheckResult.FAILED, f"{observed}, declared is {declared}", "correct odoo_version, or the address"
    )


async def _listing(connection: HostConnection) -> tuple[tuple[str, ...], Check]:
    try:
        listed = await connection.list_databases()
    except (ListingDisabled, MasterPasswordRefused):
        return (), Check("databases listed", CheckResult.FAILED, "listing is denied", "set list_db = True in odoo.conf")
    except HostError as error:
        return (), Check("databases listed", CheckResult.FAILED, error.what, error.advice)
    return listed, Check("databases listed", CheckResult.PASSED, _count(listed))


async def _master_password(connection: HostConnection) -> Check:
    try:
        await connection.check_master_password()
    except ListingDisabled as error:
        return Check("master password", CheckResult.UNKNOWN, error.what, error.advice)
    except MasterPasswordRefused:
        advice = "the server's master_password is what admin_passwd in its odoo.conf says"
        if origin := connection.master_password().origin:
            advice += f"; it was {origin}"
        return Check("master password", CheckResult.FAILED, "refused", advice)
    except HostError as error:
        return Check("master password", CheckResult.FAILED, error.what, error.advice)
    return Check("master password", CheckResult.PASSED, "accepted")


async def _subdomains(connection: HostConnection, domain: str | None, listed: tuple[str, ...]) -> Check:
    """A host that shows any database to a name that is nobody's does not tell customers apart by their subdomain."""
    name = "subdomains"
    if not domain:
        return Check(name, CheckResult.SKIPPED, "no domain declared")
    published = [n for n in listed if names.parse(n).state is NameState.PUBLISHED]
    if not published:
        return Check(name, CheckResult.UNKNOWN, "no database yet by which to tell")
    try:
        shown = await connection.served_databases(f"{NOBODY}.{domain}")
    except HostError as error:
        return Check(name, CheckResult.UNKNOWN, error.what)
    if shown is None:
        return Check(name, CheckResult.UNKNOWN, "the host does not say which databases it serves")
    if shown:
        advice = "set dbfilter = ^%d$ in odoo.conf, so that each customer reaches only the database of that name"
        return Check(name, CheckResult.FAILED, f"{NOBODY}.{domain} would be offered {_count(shown)}", advice)
    return Check(name, CheckResult.PASSED, "databases are served by subdomain only")


def _count(databases: tuple[str, ...]) -> str:
    return count(len(databases), "database")


def _away(connection: HostConnection, error: HostError) -> ObservedHost:
    if isinstance(error, ListingDisabled | MasterPasswordRefused):
        problem = "listing is denied (set list_db = True in odoo.conf)"
    else:
        problem = _in_one_sentence(error)
    return ObservedHost(connection.server, online=False, problem=problem)


def _in_one_sentence(error: HostError) -> str:
    return f"{error.what} ({error.advice})" if error.advice else error.what
