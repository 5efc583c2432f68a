"""Every error that httpx can raise has a meaning, and is certain to have sent nothing only where it is."""

import asyncio
import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from reconciler.core.model.failures import ConnectionCut, HostUnreachable, Refused
from reconciler.odoo.protocol import NoAnswer, Request, Timeout
from reconciler.odoo.transport import MEANINGS, HttpxTransport

Loss = Callable[[Exception], NoAnswer]

REQUEST = Request("http://odoo.example.com/jsonrpc", {}, b"{}")
BEFORE_SENDING = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL", "ProxyError"}


def _all_of(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for kind in base.__subclasses__():
        yield from _all_of(kind)


HTTPX_ERRORS = sorted(
    {
        kind
        for name in vars(httpx).values()
        if isinstance(name, type) and issubclass(name, Exception)
        for kind in _all_of(name)
    },
    key=lambda kind: kind.__name__,
)


@pytest.fixture(name="lost_by")
def _lost_by(monkeypatch: pytest.MonkeyPatch) -> Loss:
    """Send while httpx raises this error from its depths, and return what the transport made of it."""

    def send(error: Exception) -> NoAnswer:
        async def fail(*_: object) -> httpx.Response:
            raise error

        async def work() -> None:
            await HttpxTransport().send(REQUEST, timeout=Timeout(1, 1))

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", fail)
        with pytest.raises(NoAnswer) as caught:
            asyncio.run(work())
        return caught.value

    return send


def _instance(kind: type[Exception]) -> Exception:
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("x", request=httpx.Request("POST", "http://x"), response=httpx.Response(500))
    return kind() if kind.__init__.__code__.co_argcount == 1 else kind("words")


def test_httpx_has_the_errors_that_this_test_walks() -> None:
    assert {"ConnectError", "ReadTimeout", "InvalidURL", "StreamClosed"} <= {kind.__name__ for kind in HTTPX_ERRORS}


@pytest.mark.parametrize("kind", HTTPX_ERRORS)
def test_every_error_of_httpx_has_its_own_entry(kind: type[Exception]) -> None:
    assert kind in MEANINGS


@pytest.mark.parametrize("kind", HTTPX_ERRORS)
def test_only_errors_before_the_first_byte_count_as_not_sent(kind: type[Exception], lost_by: Loss) -> None:
    lost = lost_by(_instance(kind))
    assert lost.failure is MEANINGS[kind][0]
    assert lost.sent is (kind.__name__ not in BEFORE_SENDING)
    assert lost.__cause__ is None
    assert lost.__suppress_context__


def test_an_error_that_a_later_httpx_may_add_counts_as_sent(lost_by: Loss) -> None:
    assert lost_by(type("NewError", (httpx.TransportError,), {})("words")).sent


def test_an_error_of_the_system_counts_as_sent(lost_by: Loss) -> None:
    assert lost_by(OSError(5, "Input/output error")).sent


def test_trouble_with_tls_after_the_handshake_counts_as_sent(lost_by: Loss) -> None:
    error = httpx.WriteError("broken")
    error.__cause__ = ssl.SSLError(1, "bad record mac")
    lost = lost_by(error)
    assert (lost.failure, lost.sent) == (ConnectionCut, True)


def test_an_error_without_words_is_named(lost_by: Loss) -> None:
    assert lost_by(httpx.ReadTimeout("")).what == "no answer in time: ReadTimeout"


@pytest.mark.parametrize("proxy", ["socks4://x:1", "socks5://user:word@x:1", "ftp://x", "http://x:y"])
def test_a_proxy_that_cannot_be_used_is_said_where_it_would_be_used(proxy: str) -> None:
    async def work() -> NoAnswer:
        transport = HttpxTransport(environ={"ALL_PROXY": proxy})
        with pytest.raises(NoAnswer) as caught:
            await transport.send(Request("http://odoo.example.com/", {}, b""), timeout=Timeout(2, 2))
        return caught.value

    failure = asyncio.run(work())
    assert (failure.failure, failure.sent) == (Refused, False)
    assert "the proxy in ALL_PROXY cannot be used" in failure.what
    assert "word" not in failure.what


def test_a_proxy_of_the_environment_is_taken_but_never_for_loopback() -> None:
    async def failure(url: str) -> NoAnswer:
        transport = HttpxTransport(environ={"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "socks5://x:1"})
        try:
            with pytest.raises(NoAnswer) as caught:
                await transport.send(Request(url, {}, b""), timeout=Timeout(2, 2))
            return caught.value
        finally:
            await transport.aclose()

    async def reachable(host: str) -> bool:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return (await failure(f"http://{host}:{port}/")).sent

    proxied = asyncio.run(failure("http://odoo.example.com/"))
    assert (proxied.failure, proxied.sent) == (HostUnreachable, False)
    assert asyncio.run(reachable("127.0.0.1"))
    assert asyncio.run(reachable("localhost"))
