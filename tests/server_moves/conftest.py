"""In virtual time there are no threads: what would go to one is done at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(work: Callable[..., object], /, *args: object) -> object:
        return work(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
