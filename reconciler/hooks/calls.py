"""A web call of a hook: JSON by POST, signed with the time, sent again within its time while nobody takes it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.model.failures import HookFailed
from reconciler.hooks.programs import said
from reconciler.odoo.only_httpx import httpx
from reconciler.version import __version__
from schemas.secrets import Secret

SIGNATURE = "Odoo-Fleet-Signature"
KEY = "Idempotency-Key"

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same call is sent again: it bears the same key."""

_PAUSES = (1.0, 4.0)
_HEARD = 1000


def signature(body: bytes, secret: Secret, at: datetime) -> str:
    """Sign a body: `t=SECONDS,v1=HEX`, HMAC-SHA-256 of the seconds since 1970, a dot and the body."""
    seconds = int(at.timestamp())
    signed = hmac.digest(secret.reveal().encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={signed.hex()}"


@dataclass(slots=True)
class Caller:
    """Sends web calls; no redirect is followed.

    Args:
        now: the time of day, UTC.
        sleep: waits.
    """

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    _client: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, url: str, body: bytes, key: str, secret: Secret, seconds: float) -> None:
        """Send until somebody takes it, at most three times.

        Raises:
            HookFailed: nobody took it in time, or it was refused.
        """
        failure = HookFailed("it does not answer")
        try:
            async with asyncio.timeout(seconds):
                for pause in (*_PAUSES, None):
                    refusal = await self._send_once(url, body, key, secret)
                    if refusal is None:
                        return
                    lasts, failure = refusal
                    if lasts or pause is None:
                        raise failure
                    await self.sleep(pause)
        except TimeoutError:
            raise HookFailed(f"nobody took it within {seconds:g} s: {failure}") from None

    async def _send_once(self, url: str, body: bytes, key: str, secret: Secret) -> tuple[bool, HookFailed] | None:
        """Send once; return whether it will not be taken next time either, and why it was not; None if it was."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"odoo-fleet/{__version__}",
            KEY: key,
            SIGNATURE: signature(body, secret, self.now()),
        }
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=None)
        try:
            async with self._client.stream("POST", url, content=body, headers=headers) as answer:
                if answer.is_success:
                    return None
                heard = await _beginning(answer)
        except httpx.HTTPError as error:
            return False, HookFailed(f"it does not answer{said(str(error).encode())}")
        what = f"it answered {answer.status_code} {answer.reason_phrase}".rstrip()
        return answer.status_code not in _PASSING, HookFailed(f"{what}{said(heard)}")


async def _beginning(answer: httpx.Response) -> bytes:
    heard = b""
    async for part in answer.aiter_raw():
        heard += part
        if len(heard) >= _HEARD:
            break
    return b"" if "content-encoding" in answer.headers else heard[:_HEARD]
