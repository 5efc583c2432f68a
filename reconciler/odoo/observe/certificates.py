"""The certificate of a host: until when it is valid, and whether it is accepted. A handshake, and not a byte after it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from reconciler.health.verdicts import Certificate
from reconciler.odoo.cleaning import one_line

_HTTPS_PORT = 443
_UNREADABLE = Certificate(problem="its date cannot be read")


async def look(url: str, context: ssl.SSLContext, limit: float) -> Certificate | None:
    """Look at the certificate of a host.

    One that is not accepted is looked at again without checking it, on a connection that is closed at once: its date is worth
    knowing then most of all.

    Args:
        url: the host's address.
        context: how the host's certificate is checked.
        limit: seconds that a handshake may take.

    Returns:
        None for an address without TLS, and where no handshake could be made.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    place = (parts.hostname, parts.port or _HTTPS_PORT)
    try:
        return _read(await _handshake(*place, context, limit))
    except ssl.SSLCertVerificationError as refused:
        problem = one_line(refused.verify_message)
    except (OSError, TimeoutError, UnicodeError):
        return None
    try:
        return replace(_read(await _handshake(*place, _unchecked(), limit)), problem=problem)
    except (OSError, TimeoutError, UnicodeError):
        return Certificate(problem=problem)


async def _handshake(host: str, port: int, context: ssl.SSLContext, limit: float) -> bytes:
    async with asyncio.timeout(limit):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return shown or b""
    finally:
        writer.transport.abort()  # nothing was sent: there is nothing to say farewell to


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _read(certificate: bytes) -> Certificate:
    try:
        return Certificate(_not_after(certificate))
    except (ValueError, IndexError):
        return _UNREADABLE


def _not_after(certificate: bytes) -> datetime:
    """Read the end of validity out of a certificate (RFC 5280, section 4.1): Python's ssl reads only those that it has accepted.

    Raises:
        ValueError, IndexError: this is no certificate.
    """
    (_, body), *_ = _elements(certificate)
    (_, signed), *_ = _elements(body)
    fields = [value for tag, value in _elements(signed) if tag != _VERSION]
    serial_algorithm_issuer = 3
    _, (tag, end) = _elements(fields[serial_algorithm_issuer])
    text = end.decode("ascii")
    if tag == _UTC_TIME:  # of two digits for the year: from 1950 to 2049
        text = ("20" if text < "50" else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


_VERSION = 0xA0
_UTC_TIME = 0x17
_LONG_LENGTH = 0x80


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a sequence in DER: their tags and contents."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length >= _LONG_LENGTH:
            size = length - _LONG_LENGTH
            length = int.from_bytes(data[position : position + size])
            position += size
        if position + length > len(data):
            raise ValueError("an element is longer than what holds it")
        yield tag, data[position : position + length]
        position += length
