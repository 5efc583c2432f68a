"""Requests to a provider: no redirect is followed, nothing read beyond a megabyte, nor waited for beyond ten seconds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from reconciler.odoo.only_httpx import httpx
from reconciler.oidc.provider import Heard, ProviderFailed
from reconciler.version import __version__

SECONDS = 10.0
_MOST_BYTES = 1 << 20


async def fetch(url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Heard:
    """Send one request; see `Fetch`."""
    given = {"Accept": "application/json", "User-Agent": f"odoo-fleet/{__version__}", **headers}
    try:
        async with asyncio.timeout(SECONDS):
            # What certificates there are is read from files: not on the daemon's loop.
            client = await asyncio.to_thread(httpx.AsyncClient, timeout=None, follow_redirects=False)
            async with (
                client,
                client.stream("GET" if form is None else "POST", url, data=form, headers=given) as answer,
            ):
                text = await _read(answer, url)
    except TimeoutError:
        raise ProviderFailed(f"{url} does not answer within {SECONDS:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderFailed(f"{url} does not answer: {str(error) or type(error).__name__}") from None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ProviderFailed(f"{url} answers {answer.status_code} with something that is no JSON object")
    return Heard(answer.status_code, said)


async def _read(answer: httpx.Response, url: str) -> bytes:
    text = b""
    async for part in answer.aiter_bytes():
        text += part
        if len(text) > _MOST_BYTES:
            raise ProviderFailed(f"{url} answers with more than a megabyte")
    return text
