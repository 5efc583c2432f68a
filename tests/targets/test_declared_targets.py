"""The places for backups of a text live as long as somebody goes by that text, and no longer."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_worlds
from tests.backups.stage import TARGETS
from tests.harness.universe import ENVIRON, fleet, read


def test_a_text_that_is_no_longer_in_force_is_forgotten_with_its_targets(tmp_path: Path) -> None:
    """A shop's daemon takes a text for each order: each has all documents of its fleet."""
    text = fleet().replace("secret_key:", f"{TARGETS.format(tmp_path, '')}secret_key:", 1)

    async def story() -> None:
        async with open_worlds(Reach(tmp_path, ENVIRON), lambda _event: None) as make:
            desired = read(text)
            world = make(desired, tmp_path, NoMemory())
            assert world.targets is not None
            await world.targets.open("main").names("demo/")
            former = weakref.ref(desired)
            desired = read(text)
            world = make(desired, tmp_path, NoMemory())
            gc.collect()
            assert former() is None
            assert world.targets is not None

    asyncio.run(story())
