"""HTTP, by httpx: one request out, one whole answer back, or why there is none.

The only module that uses httpx. What it must get right is *when* something failed: an error before the first byte of the
request left is certain to have changed nothing, any other is not (`NoAnswer.sent`). Nothing is sent twice, no redirect is
followed, no cookie is kept, no body is read beyond its limit, packed or not. How long a call may take in all is the caller's
to limit, by cancelling: httpx limits each read, so that a host which drips would never end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import BinaryIO

from reconciler.core.model.failures import (
    ConnectionCut,
    HostError,
    HostTimeout,
    HostUnreachable,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Refused,
    StorageFailure,
    TlsFailure,
    UnexpectedAnswer,
)
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.only_httpx import httpx
from reconciler.odoo.protocol import BEGINNING, Answer, NoAnswer, Request, Timeout, Transport, Upload
from reconciler.odoo.proxies import Proxy, proxy_for
from reconciler.odoo.tls import TlsOptions, authorities, ssl_context
from reconciler.version import __version__

__all__ = ["HttpxTransport", "PageTransport", "Transport", "Transports"]

BODY_LIMIT = 16 * 1024 * 1024
_POOLS = 16
"""Hosts are spread over so many pools: httpx looks through all connections of a pool at the start and end of each request, so
that one pool for a thousand hosts costs as much as the calls themselves."""
_IDLE_CONNECTIONS = 16  # of a pool
_IDLE_SECONDS = 5.0  # shorter than any proxy's own limit, so that a kept connection is seldom closed under a request


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

_UNKNOWN_AUTHORITY = "let the server's `tls.ca_file` name the CA that signed it"
_NOT_ACCEPTED = {
    9: "look at the clocks of both machines",  # not yet valid
    10: "renew it",  # expired
    62: "let `server_url` have a name that the certificate bears",
    64: "let `server_url` have a name that the certificate bears",
}
"""What helps, by the code of OpenSSL's verification (x509_vfy.h)."""

_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
"""The number that Python writes before what the system says, which says it no better."""

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
        environ: variables that may name proxies, see `reconciler.odoo.proxies`.
    """

    def __init__(self, tls: TlsOptions | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._context = ssl_context(tls or TlsOptions())
        self._environ = dict(environ or {})
        self._kept: _Pools = {}
        self._fresh: _Pools = {}

    async def send(self, request: Request, *, timeout: Timeout, into: BinaryIO | None = None) -> Answer:
        """Send once and return the whole answer, or its beginning if the whole goes into a file; or raise `NoAnswer`."""
        client = self._client(request)
        content = request.body if request.upload is None else _parts(request.upload)
        limits = httpx.Timeout(timeout.total, connect=min(timeout.connect, timeout.total))
        with _failures_named():
            async with client.stream(
                "POST", request.url, content=content, headers=dict(request.headers), timeout=limits
            ) as response:
                return _answer(response, await (_bounded(response) if into is None else _written(response, into)))

    async def aclose(self) -> None:
        """Close all connections."""
        for client in (*self._kept.values(), *self._fresh.values()):
            await client.aclose()

    @property
    def context(self) -> ssl.SSLContext:
        """How the certificates of these hosts are checked."""
        return self._context

    def _client(self, request: Request) -> httpx.AsyncClient:
        pools, keep = (self._fresh, 0) if request.fresh else (self._kept, _IDLE_CONNECTIONS)
        proxy = proxy_for(request.url, self._environ)
        pool = (zlib.crc32(_host(request.url)) % _POOLS, proxy.url if proxy else "")
        if pool not in pools:
            pools[pool] = self._make_client(keep, proxy)
        return pools[pool]

    def _make_client(self, keep: int, proxy: Proxy | None) -> httpx.AsyncClient:
        if proxy is not None and proxy.fault:
            raise _unusable(proxy)
        try:
            return _client_of(self._context, keep, _IDLE_SECONDS, proxy=proxy.url if proxy else None)
        except (ValueError, httpx.InvalidURL):
            if proxy is None:
                raise
            raise _unusable(replace(proxy, fault="it is not the address of a proxy")) from None


_Pools = dict[tuple[int, str], httpx.AsyncClient]
"""Clients by the pool of their hosts and the proxy that these go by."""


def _unusable(proxy: Proxy) -> NoAnswer:
    what = f"the proxy in {proxy.variable} cannot be used: {proxy.fault}"
    return NoAnswer(Refused, what, sent=False, advice=f"correct {proxy.variable}, or name the host in NO_PROXY")


class PageTransport:
    """Carries a visitor's requests for pages: no cookie, no credential, no proxy of the environment.

    Args:
        tls: whom to believe, beside the system's authorities: what customers' browsers take is right for a public name, and so
            is what the server's options name.
    """

    def __init__(self, tls: TlsOptions) -> None:
        self._tls = tls

    @functools.cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made when it is first needed: most runs ask for no page, and a context for TLS costs 18 ms.
        context = ssl_context(TlsOptions(verify=self._tls.verify))
        if self._tls.ca_file:
            try:
                context.load_verify_locations(cafile=str(self._tls.ca_file))
            except OSError as error:
                what = f"the file of authorities {self._tls.ca_file} cannot be read: {error.strerror or error}"
                raise NoAnswer(TlsFailure, one_line(what), sent=False) from None
        return _client_of(context, _IDLE_CONNECTIONS, 1.0, accept="text/html, application/json;q=0.9")

    async def visit(self, url: str, *, name: str, body: bytes | None, limit: int, timeout: Timeout) -> Answer:
        """Ask once for a page of a site and return the beginning of the answer, or raise `NoAnswer`.

        Args:
            url: where to ask.
            name: of the site, with its port if it has one: what Host says and what a certificate must bear.
            body: JSON to POST; None to GET.
            limit: bytes that are read of the page.
            timeout: how long it may take.
        """
        headers = {"host": name} | ({} if body is None else {"content-type": "application/json"})
        limits = httpx.Timeout(timeout.total, connect=min(timeout.connect, timeout.total))
        method, extensions = "GET" if body is None else "POST", {"sni_hostname": name.partition(":")[0]}
        with _failures_named():
            async with self._client.stream(
                method, url, content=body, headers=headers, timeout=limits, extensions=extensions
            ) as response:
                return _answer(response, await _beginning(response, limit))

    async def aclose(self) -> None:
        """Close all connections."""
        if "_client" in self.__dict__:
            await self._client.aclose()


def _client_of(
    context: ssl.SSLContext, keep: int, idle: float, *, proxy: str | None = None, **headers: str
) -> httpx.AsyncClient:
    """Make a client that keeps so many idle connections for so many seconds, and takes nothing of the environment."""
    return httpx.AsyncClient(
        verify=context,
        # No limit on their number: a pool shared by hosts would let a hanging one starve the others. The engine limits.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=idle),
        proxy=proxy,
        trust_env=False,
        follow_redirects=False,
        # Odoo gives every anonymous caller a session cookie; sent back, it would bind calls to a database.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": f"odoo-fleet/{__version__}", "accept-encoding": "gzip", **headers},
    )


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


@contextlib.contextmanager
def _failures_named() -> Iterator[None]:
    """Raise `NoAnswer` for whatever a request fails with."""
    try:
        yield
    except tuple(MEANINGS) as error:
        raise _meaning(error) from None  # not chained: httpx's errors hold the request, and it the secrets
    except UnicodeError:
        raise NoAnswer(Refused, "the address or a header cannot be put on the wire", sent=False) from None
    except OSError as error:
        # A TLS alert after the handshake comes through httpx as it is (a client certificate that is asked for).
        raise NoAnswer(ConnectionCut, one_line(f"the connection was cut: {error.strerror or error}")) from None


async def _parts(body: Upload) -> AsyncIterator[bytes]:
    parts = body.parts()
    while part := await asyncio.to_thread(next, parts, b""):
        yield part


def _host(url: str) -> bytes:
    """Return what stands between the scheme and the path."""
    return url.partition("://")[2].partition("/")[0].encode(errors="replace")


async def _bounded(response: httpx.Response) -> bytes:
    """Read the body, unpacked, up to the limit."""
    body = bytearray()
    async for piece in _pieces(response):
        body += piece
        if len(body) > BODY_LIMIT:
            raise NoAnswer(UnexpectedAnswer, f"the answer is larger than {BODY_LIMIT // 1024 // 1024} MiB")
    return bytes(body)


async def _written(response: httpx.Response, into: BinaryIO) -> bytes:
    """Write the body, unpacked, into a file; return its beginning. A file that cannot be written is not the host's failure."""
    begin = bytearray()
    async for piece in _pieces(response):
        begin += piece[: BEGINNING - len(begin)]
        try:
            await asyncio.to_thread(into.write, piece)
        except OSError as error:
            what = f"the answer cannot be kept on this machine: {error.strerror or error}"
            raise StorageFailure(one_line(what), advice="make room where TMPDIR leads") from None
    return bytes(begin)


async def _beginning(response: httpx.Response, limit: int) -> bytes:
    """Read so many bytes of the body, unpacked, and leave the rest."""
    body = bytearray()
    async with contextlib.aclosing(_pieces(response)) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= limit:
                break
    return bytes(body[:limit])


async def _pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the body, unpacked here: httpx's own unpacking would unpack a whole bomb at once."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise NoAnswer(UnexpectedAnswer, one_line(f"the answer is packed as {encoding}, which was not asked for"))
    chunks = response.aiter_raw()
    async for piece in chunks if encoding == "identity" else _unpacked(chunks):
        yield piece


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
    words = _ERRNO.sub("", str(error)) or type(error).__name__
    return NoAnswer(kind, one_line(f"{_WORDS.get(kind, 'no answer')}: {words}"), sent=sent)


def _tls_failure(reason: ssl.SSLError) -> NoAnswer:
    if isinstance(reason, ssl.SSLCertVerificationError):
        what = one_line(f"the certificate is not accepted: {reason.verify_message}")
        return NoAnswer(TlsFailure, what, sent=False, advice=_NOT_ACCEPTED.get(reason.verify_code, _UNKNOWN_AUTHORITY))
    if reason.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return NoAnswer(NotOdoo, "no TLS is spoken there", sent=False, advice="is it http:// instead of https://?")
    return NoAnswer(TlsFailure, one_line(f"no TLS connection: {reason.reason or reason}"), sent=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _require_key_log(environ: Mapping[str, str]) -> None:
    """Name the variable that is at fault: Python would say of each context that some file cannot be read."""
    path = environ.get("SSLKEYLOGFILE")
    if not path:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except OSError as error:
        what = f"SSLKEYLOGFILE names a file that cannot be written: {error.strerror or error}"
        advice = "unset it: a log of TLS keys opens what is sent, master passwords too"
        raise TlsFailure(one_line(what), advice=advice) from None


class Transports:
    """One transport for each distinct set of TLS options: a context for TLS costs 18 ms, and hosts mostly share theirs.

    Args:
        environ: variables that may name proxies, or a log of keys.

    Raises:
        TlsFailure: the log of keys cannot be written.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        _require_key_log(environ or {})
        self._environ = environ
        self._by_trust: dict[tuple[bytes, bool], HttpxTransport] = {}
        self._pages: dict[tuple[bytes, bool], PageTransport] = {}

    def get(self, tls: TlsOptions) -> HttpxTransport:
        """Return the transport for hosts with these options; one file of authorities is the same wherever it lies.

        Raises:
            TlsFailure: the file cannot be read.
        """
        trust = (authorities(tls), tls.verify)
        if trust not in self._by_trust:
            self._by_trust[trust] = HttpxTransport(tls, self._environ)
        return self._by_trust[trust]

    def pages(self, tls: TlsOptions) -> PageTransport:
        """Return what carries requests for public pages of servers with these options; raises as `get`."""
        trust = (authorities(tls), tls.verify)
        if trust not in self._pages:
            self._pages[trust] = PageTransport(tls)
        return self._pages[trust]

    async def aclose(self) -> None:
        """Close all connections of all transports."""
        async with asyncio.TaskGroup() as closing:
            for transport in self._by_trust.values():
                closing.create_task(transport.aclose())
            for visitor in self._pages.values():
                closing.create_task(visitor.aclose())
