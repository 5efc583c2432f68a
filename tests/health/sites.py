"""A web site on a loopback address: pages by path, and what was asked of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LOGIN_FORM = '<form class="oe_login_form" role="form" method="post" action="/web/login"></form>'
LOGIN_PAGE = f"<!DOCTYPE html><html><head><title>Odoo</title></head><body>{LOGIN_FORM}</body></html>"


@dataclass
class Page:
    """An answer; one with `seconds` comes only after so long."""

    body: str | bytes = ""
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def redirect(location: str, status: str = "303 See Other") -> Page:
    return Page("<title>Redirecting...</title>", status, {"Location": location})


@dataclass
class Site:
    """`pages` by method and path; what is not there is 404. `asked` has the heads of the requests, in small letters."""

    pages: dict[str, Page]
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The first lines of the requests."""
        return [head.splitlines()[0] for head in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode().lower(), reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the visitor or the test has gone
        finally:
            writer.transport.abort()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(head)
        length = next((int(line[15:]) for line in head.splitlines() if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        method, path, _ = head.split(" ", 2)
        page = self.pages.get(f"{method.upper()} {path.partition('?')[0]}", Page(status="404 NOT FOUND"))
        await asyncio.sleep(page.seconds)
        body = page.body.encode() if isinstance(page.body, str) else page.body
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), **page.headers}
        lines = [f"HTTP/1.1 {page.status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()


@asynccontextmanager
async def site(pages: dict[str, Page], tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Serve a site."""
    served = Site(pages)
    async with await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        served.url = f"http://127.0.0.1:{port}" if tls is None else f"https://127.0.0.1:{port}"
        yield served
