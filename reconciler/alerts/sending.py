"""Sends a message to a channel: whoever hangs is killed, and nothing of the address, which is a secret, is told."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from reconciler.core.model.failures import AlertFailed, HookFailed
from reconciler.hooks.programs import run_command
from reconciler.notices.alerting import Message
from reconciler.notices.notices import Level
from schemas.secrets import REDACTED, Secret

SECONDS = 30.0
"""How long a channel may take."""

_PROGRAM = Path(__file__).with_name("deliver.py")
_TYPES = {Level.ERROR: "failure", Level.WARNING: "warning", Level.INFO: "info"}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "REQUESTS_CA_BUNDLE")
_SHORTEST = 4
"""Parts of an address that are shorter are no secrets, and would be found in any sentence."""


async def send(
    url: Secret, message: Message, environ: Mapping[str, str] = os.environ, seconds: float = SECONDS
) -> None:
    """Send.

    Args:
        url: the channel's address.
        message: what it is told.
        environ: the environment, of which the program gets little.
        seconds: how long it may take.

    Raises:
        AlertFailed: nobody took it.
    """
    words = {"title": message.title, "body": message.body, "type": _TYPES[message.level], "url": url.reveal()}
    command = [sys.executable, "-P", str(_PROGRAM)]
    try:
        await run_command(command, json.dumps(words).encode(), environ, seconds, _PROXIES)
    except HookFailed as failure:
        why = str(failure).removeprefix("exit code 1").removeprefix(": ")
        raise AlertFailed(without(url, why) or "it was not taken") from None


def without(url: Secret, text: str) -> str:
    """Return a text without the parts of an address."""
    parts = {part for part in re.split(r"[/:@?&=,;#+]+", url.reveal().partition("://")[2]) if len(part) >= _SHORTEST}
    parts |= {unquote(part) for part in parts} | {url.reveal()}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, REDACTED)
    return text
