"""In virtual time there are no threads: what would go to one is done at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.backups.copying import made_once


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(work: Callable[..., object], /, *args: object) -> object:
        return work(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


@pytest.fixture
def copied_worlds(_no_threads: None) -> None:
    """The worlds with a customer to copy are made without threads, before any test begins with one."""
    for version in ("19.0", "14.0"):
        made_once(version)
