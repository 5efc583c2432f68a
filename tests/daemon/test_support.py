"""A way in that was asked of a daemon ends as said, also where its instance has left the text by then."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor, Token
from reconciler.daemon.support import SupportDesk
from tests.harness.universe import EPOCH, Process, fleet, instance, read, universe


def test_an_instance_that_left_the_text_meanwhile_is_said_to_whoever_asked() -> None:
    defects: list[Exception] = []

    async def opens(*_: object) -> object:
        raise AssertionError("there is nothing to be opened")

    async def main() -> None:
        desk = SupportDesk(cast("Any", opens), lambda _server, error: defects.append(error))
        actor = Actor(Token("a-hash", Role.ADMIN, "eve", EPOCH, "eve@laptop"), "127.0.0.1")
        desired = read(fleet(instance("beta")))
        world = universe().world(desired, Process())
        visit = desk.ask(world, desired, "acme", timedelta(minutes=30), actor, EPOCH)
        assert visit.state == "asked"
        await asyncio.sleep(0)
        found = desk.of(visit.id, actor, EPOCH)
        assert found is not None
        assert (found.state, found.why) == ("failed", "the fleet declares no such instance any more")

    asyncio.run(main())
    assert not defects
