"""A backup fetched from a host: by its page, which sends a file of any size, else by a call, which holds all of it in memory.

The page answers for a database only under a name of its site (19), and whether there is a way to it at all hangs on what stands
before Odoo. The call `dump` knows no names; a worker of 19 needs about five times the size for it: 300 MB came (1,486 MB of
memory), 585 MB ended in a MemoryError.
"""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from typing import BinaryIO

from reconciler.core.model.checks import Check, CheckResult
from reconciler.core.model.failures import (
    ConnectionCut,
    HostError,
    NoSuchDatabase,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Refused,
    Rejected,
    UnexpectedAnswer,
)
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.forms import Form, refusal

LARGEST_BY_CALL = 400 * 1000 * 1000
"""Bytes of a database with its files up to which the call is trusted with it."""

_NOBODYS = "nobody-has-this-name"
BY_PAGE, BY_CALL = "page", "call"
_PART = 1024 * 1024
_BEGINS = re.compile(rb'"result":\s*"|<string>')
_OTHER_WAYS = (
    "let server_url lead to Odoo itself, and give the host `dbfilter = ^(%d|%h)$`, under which its page for backups answers "
    "for suspended databases too"
)


async def fetch(
    connection: HostConnection, name: str, sites: Sequence[str], into: BinaryIO, size: Callable[[], Awaitable[int]]
) -> str:
    """Write a backup of a database into an empty file, and say by which way it came. Whether it is whole is not looked at.

    Raises:
        HostError: there is no way, or the host refuses.
    """
    # Odoo's pages take the master password that comes for the host's own where that is still `admin`: not before it is known.
    await connection.check_master_password()
    closed: HostError | None = None
    for site in sites:
        found = await _by_page(connection, name, site, into)
        if found is None:
            return BY_PAGE
        closed = found
        if not isinstance(closed, NoSuchDatabase):
            break
    if not isinstance(closed, NoSuchDatabase | NotOdoo | ProxyFailure | Redirected | None):
        raise _placed(closed, connection, name)
    if (found_bytes := await size()) > LARGEST_BY_CALL:
        why = closed.what if closed else "its page has no name"
        what = f"there is no way to back it up: {why}, and {_too_large(found_bytes)}"
        raise Refused(what, server=connection.server, database=name, advice=_OTHER_WAYS)
    await _by_call(connection, name, into)
    return BY_CALL


async def require_way_to_suspended(connection: HostConnection, name: str, domain: str | None, size: int) -> None:
    """Find out before a database is suspended whether it could be fetched then, as far as the host tells.

    Args:
        connection: to its host.
        name: the database.
        domain: where the host's sites are.
        size: how many bytes the database and its files have.

    Raises:
        HostError: it could not, or the host does not say.
    """
    if size <= LARGEST_BY_CALL:
        return
    found, dotted_are_served = await _doors(connection, domain)
    if not isinstance(found, NoSuchDatabase | Rejected):
        why = found.what if found else "its page answers nonsense"
    elif isinstance(found, NoSuchDatabase) and dotted_are_served is False:
        why = "its page does not answer for suspended databases"
    else:
        return
    what = f"once it is suspended there is no way to fetch it: {why}, and {_too_large(size)}"
    raise Refused(what, server=connection.server, database=name, advice=_OTHER_WAYS)


async def check(connection: HostConnection, domain: str | None) -> Check:
    """Say by which way the host's databases can be backed up, before it matters. Its log gets a line of a database not found."""
    test = "backups"
    try:
        found, dotted_are_served = await _doors(connection, domain)
    except HostError as error:
        return Check(test, CheckResult.UNKNOWN, error.what, error.advice, for_activation=False)
    limit = f"Odoo's call, up to {LARGEST_BY_CALL / 1e6:.0f} MB"
    if not isinstance(found, NoSuchDatabase | Rejected):
        seen = f"{found.what if found else 'its page answers nonsense'}: only by {limit}"
        return Check(test, CheckResult.FAILED, seen, found.advice if found else "", for_activation=False)
    if not isinstance(found, NoSuchDatabase) or dotted_are_served:
        return Check(test, CheckResult.PASSED, "by its page, suspended ones too", for_activation=False)
    perhaps = "perhaps only " if dotted_are_served is None else ""
    seen = f"by its page; suspended ones {perhaps}by {limit}"
    return Check(test, CheckResult.PASSED, seen, "for larger ones: dbfilter = ^(%d|%h)$", for_activation=False)


async def _doors(connection: HostConnection, domain: str | None) -> tuple[HostError | None, bool | None]:
    """Ask the page for a database that nobody has; return what it says, and whether it serves suspended ones, if one tells."""
    nobodys = Form("backup", _NOBODYS, f"{_NOBODYS}.{domain or 'localhost'}", connection.master_password())
    await connection.check_master_password()
    with tempfile.TemporaryFile() as spool:
        answer = await connection.fetch_page(nobodys, into=spool, timeout=connection.timeouts.read_seconds)
    dotted = [name for name in await connection.list_databases() if "." in name]
    served = [bool(await connection.served_databases(name)) for name in dotted[:1]]
    return refusal(answer), served[0] if served else None


def _too_large(size: int) -> str:
    return f"{size / 1e6:.0f} MB are more than the {LARGEST_BY_CALL / 1e6:.0f} MB that Odoo's call can dump"


async def _by_page(connection: HostConnection, name: str, site: str, into: BinaryIO) -> HostError | None:
    """Fetch it by the page of a site; return why it did not come, None if something did."""
    into.seek(0)
    into.truncate()
    form = Form("backup", name, site, connection.master_password(), {"backup_format": "zip"})
    return refusal(await connection.fetch_page(form, into=into, timeout=connection.timeouts.backup_seconds))


async def _by_call(connection: HostConnection, name: str, into: BinaryIO) -> None:
    into.seek(0)
    into.truncate()
    if not await connection.database_exists(name):
        raise NoSuchDatabase("there is no such database", server=connection.server, database=name)
    with tempfile.TemporaryFile() as raw:
        arguments = (connection.master_password(), name, "zip")
        await connection.fetch_value("db", "dump", *arguments, into=raw, timeout=connection.timeouts.backup_seconds)
        try:
            _unwrap(raw, into)
        except (ValueError, binascii.Error):
            what = "its dump came in a form that Odoo gives none"
            raise UnexpectedAnswer(what, server=connection.server, database=name) from None
        except EOFError:
            raise ConnectionCut("its dump was cut", server=connection.server, database=name) from None


def _unwrap(raw: BinaryIO, into: BinaryIO) -> None:
    """Write what an answer holds as base64 text, wherever in it, without holding it.

    Raises:
        ValueError: it holds none.
        EOFError: its end is missing.
    """
    raw.seek(0)
    begin = _BEGINS.search(raw.read(_PART))
    if begin is None:
        raise ValueError("no text begins in it")
    raw.seek(begin.end())
    rest = b""
    while part := raw.read(_PART):
        end = re.search(rb'["<]', part)
        text = rest + b"".join((part[: end.start()] if end else part).split())
        whole = len(text) - (0 if end else len(text) % 4)
        into.write(base64.b64decode(text[:whole], validate=True))
        rest = text[whole:]
        if end:
            return
    raise EOFError


def _placed(error: HostError, connection: HostConnection, name: str) -> HostError:
    """Say where an error was met, in words that hold no secret."""
    return type(error)(connection.clean(error.what), server=connection.server, database=name, advice=error.advice)
