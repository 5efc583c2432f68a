"""HTTP, by httpx: one request out, one whole answer back, or why there is none.

The only module that imports httpx. What it must get right is *when* something failed: an error before the first byte of the
request left is certain to have changed nothing, any other is not (`NoAnswer.sent`). Nothing is sent twice, no redirect is
followed, no cookie is kept, no body is read beyond its limit, packed or not. How long a call may take in all is the caller's
to limit, by cancelling: httpx limits each read, so that a host which drips would never end.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from reconciler.core.failures import (
    ConnectionCut,
    HostError,
    HostTimeout,
    HostUnreachable,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Refused,
    TlsFailure,
    UnexpectedAnswer,
)
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.protocol import Answer, NoAnswer, Request, Timeout, Transport
from reconciler.version import __version__

__all__ = ["HttpxTransport", "TlsOptions", "Transport", "Transports"]

BODY_LIMIT = 16 * 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_POOLS = 16
"""Hosts are spread over so many pools: httpx looks through all connections of a pool at the start and end of each request, so
that one pool for a thousand hosts costs as much as the calls themselves."""
_IDLE_CONNECTIONS = 16  # of a pool
_IDLE_SECONDS = 5.0  # shorter than any proxy's own limit, so that a kept connection is seldom closed under a request


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Whom to believe: the system's authorities, or one's own file of them, or (verify=False) anybody."""

    ca_file: Path | None = None
    verify: bool = True


# What each of httpx's errors means, and whether the request may have left. A test walks httpx's classes against this.
MEANINGS: dict[type[Exception], tuple[type[HostError], bool]] = {
    httpx.ConnectError: (HostUnreachable, False),
    httpx.ConnectTimeout: (HostUnreachable, False),
    httpx.PoolTimeout: (HostUnreachable, False),
    httpx.UnsupportedProtocol: (Refused, False),
    httpx.InvalidURL: (Refused, False),
    httpx.LocalProtocolError: (Refused, True),  # raised while writing too: part of the request may be out
    httpx.ProxyError: (ProxyFailure, False),  # the proxy refused to open a way to the host
    httpx.ReadTimeout: (HostTimeout, True),
    httpx.WriteTimeout: (HostTimeout, True),
    httpx.ReadError: (ConnectionCut, True),
    httpx.WriteError: (ConnectionCut, True),
    httpx.CloseError: (ConnectionCut, True),
    httpx.RemoteProtocolError: (ConnectionCut, True),
    httpx.DecodingError: (UnexpectedAnswer, True),
    httpx.TooManyRedirects: (Redirected, True),
    httpx.HTTPStatusError: (UnexpectedAnswer, True),
    httpx.CookieConflict: (UnexpectedAnswer, True),
    httpx.StreamConsumed: (UnexpectedAnswer, True),
    httpx.StreamClosed: (UnexpectedAnswer, True),
    httpx.ResponseNotRead: (UnexpectedAnswer, True),
    httpx.RequestNotRead: (UnexpectedAnswer, True),
    # The abstract ones, for a subclass that a later httpx may add.
    httpx.TimeoutException: (HostTimeout, True),
    httpx.NetworkError: (ConnectionCut, True),
    httpx.ProtocolError: (ConnectionCut, True),
    httpx.TransportError: (ConnectionCut, True),
    httpx.RequestError: (ConnectionCut, True),
    httpx.HTTPError: (ConnectionCut, True),
    httpx.StreamError: (UnexpectedAnswer, True),
}

# The handshake ended because the connection did: nothing is wrong with the certificates.
_TLS_INTERRUPTED = (
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
)

_WORDS: dict[type[HostError], str] = {
    HostUnreachable: "no connection",
    HostTimeout: "no answer in time",
    ConnectionCut: "the connection was cut",
    ProxyFailure: "the proxy opened no way",
    Refused: "the request cannot be sent",
}


class HttpxTransport:
    """Carries requests for all hosts that share their TLS options.

    Requests that change something go on a connection of their own (`Request.fresh`): a kept one may be closed by the host at
    the very moment of sending, and then nobody knows whether the request was read.

    Args:
        tls: whom to believe.
        trust_environment: take proxies from HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, as curl does; loopback addresses
            never go by a proxy.
    """

    def __init__(self, tls: TlsOptions | None = None, *, trust_environment: bool = True) -> None:
        self._context = _ssl_context(tls or TlsOptions())
        self._trust_environment = trust_environment
        self._kept = [self._client(keep=_IDLE_CONNECTIONS) for _ in range(_POOLS)]
        self._fresh = [self._client(keep=0) for _ in range(_POOLS)]

    async def send(self, request: Request, *, timeout: Timeout) -> Answer:
        """Send once and return the whole answer, or raise `NoAnswer`."""
        pools = self._fresh if request.fresh else self._kept
        client = pools[zlib.crc32(_host(request.url)) % _POOLS]
        limits = httpx.Timeout(timeout.total, connect=min(timeout.connect, timeout.total))
        try:
            async with client.stream(
                "POST", request.url, content=request.body, headers=dict(request.headers), timeout=limits
            ) as response:
                body = await _bounded(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, body)
        except tuple(MEANINGS) as error:
            raise _meaning(error) from None  # not chained: httpx's errors hold the request, and it the secrets
        except UnicodeError:
            raise NoAnswer(Refused, "the address or a header cannot be put on the wire", sent=False) from None
        except OSError as error:
            # A TLS alert after the handshake comes through httpx as it is (a client certificate that is asked for).
            raise NoAnswer(ConnectionCut, one_line(f"the connection was cut: {error.strerror or error}")) from None

    async def aclose(self) -> None:
        """Close all connections."""
        for client in (*self._kept, *self._fresh):
            await client.aclose()

    def _client(self, keep: int) -> httpx.AsyncClient:
        # No limit on their number: a pool shared by hosts would let a hanging one starve the others. The engine limits.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=_IDLE_SECONDS)
        try:
            return httpx.AsyncClient(
                verify=self._context,
                limits=limits,
                mounts={f"all://{host}": None for host in _LOOPBACK},
                trust_env=self._trust_environment,
                follow_redirects=False,
                # Odoo gives every anonymous caller a session cookie; sent back, it would bind calls to a database.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"user-agent": f"odoo-fleet/{__version__}", "accept-encoding": "gzip"},
            )
        except (ImportError, ValueError, httpx.InvalidURL):
            what = "the proxy that the environment names cannot be used"
            raise Refused(what, advice="see HTTP_PROXY, HTTPS_PROXY and ALL_PROXY: http:// or https://") from None


def _host(url: str) -> bytes:
    """Return what stands between the scheme and the path."""
    return url.partition("://")[2].partition("/")[0].encode(errors="replace")


def _ssl_context(tls: TlsOptions) -> ssl.SSLContext:
    """Make the context; a private CA stands in the place of the system's authorities, not beside them."""
    try:
        context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    except OSError as error:
        what = f"the file of authorities {tls.ca_file} cannot be read: {error.strerror or error}"
        raise TlsFailure(one_line(what)) from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _bounded(response: httpx.Response) -> bytes:
    """Read the body, unpacked, up to the limit. Unpacking is done here: httpx's own would unpack a whole bomb at once."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise NoAnswer(UnexpectedAnswer, one_line(f"the answer is packed as {encoding}, which was not asked for"))
    chunks = response.aiter_raw()
    body = bytearray()
    async for piece in chunks if encoding == "identity" else _unpacked(chunks):
        body += piece
        if len(body) > BODY_LIMIT:
            raise NoAnswer(UnexpectedAnswer, f"the answer is larger than {BODY_LIMIT // 1024 // 1024} MiB")
    return bytes(body)


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        async for chunk in chunks:
            rest = chunk
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, 1024 * 1024)
                rest = unpacker.unconsumed_tail
    except zlib.error:
        raise NoAnswer(UnexpectedAnswer, "the answer says that it is packed, but it is not") from None
    if not unpacker.eof:
        raise NoAnswer(ConnectionCut, "the packed answer ends too early")


def _meaning(error: Exception) -> NoAnswer:
    tls = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)), None)
    if isinstance(error, httpx.ConnectError) and tls is not None and not isinstance(tls, _TLS_INTERRUPTED):
        return _tls_failure(tls)
    kind, sent = next(MEANINGS[base] for base in type(error).__mro__ if base in MEANINGS)
    words = str(error) or type(error).__name__
    return NoAnswer(kind, one_line(f"{_WORDS.get(kind, 'no answer')}: {words}"), sent=sent)


def _tls_failure(reason: ssl.SSLError) -> NoAnswer:
    if isinstance(reason, ssl.SSLCertVerificationError):
        what = one_line(f"the certificate is not accepted: {reason.verify_message}")
        return NoAnswer(TlsFailure, what, sent=False, advice="name the CA in the server's TLS options")
    if reason.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return NoAnswer(NotOdoo, "no TLS is spoken there", sent=False, advice="is it http:// instead of https://?")
    return NoAnswer(TlsFailure, one_line(f"no TLS connection: {reason.reason or reason}"), sent=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


class Transports:
    """One transport for each distinct set of TLS options: a context for TLS costs 18 ms, and hosts mostly share theirs."""

    def __init__(self, *, trust_environment: bool = True) -> None:
        self._trust_environment = trust_environment
        self._by_options: dict[TlsOptions, HttpxTransport] = {}

    def get(self, tls: TlsOptions) -> HttpxTransport:
        """Return the transport for hosts with these options."""
        if tls not in self._by_options:
            self._by_options[tls] = HttpxTransport(tls, trust_environment=self._trust_environment)
        return self._by_options[tls]

    async def aclose(self) -> None:
        """Close all connections of all transports."""
        async with asyncio.TaskGroup() as closing:
            for transport in self._by_options.values():
                closing.create_task(transport.aclose())
