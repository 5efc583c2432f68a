"""Ways into customers' databases that were asked of a daemon: made beside its passes, and shown to whoever asked alone.

A link is in memory until its visit ends, and nowhere else. A stop of the daemon forgets it; the account ends at its time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe

from reconciler.access.tokens import Actor
from reconciler.core.model.failures import HostError, MemoryFailure
from reconciler.engine.support import Opens, find
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.web.boards import SupportVisit

_ID_BYTES = 9


@dataclass(slots=True)
class SupportDesk:
    """Makes ways in of one kind.

    Args:
        opens: makes one.
        on_defect: told of an exception that is a defect of the tool, with the server where it came to light.
    """

    opens: Opens
    on_defect: Callable[[str, Exception], None]
    _visits: dict[str, tuple[str, SupportVisit]] = field(
        default_factory=dict
    )  # by id: the hash of the token, and the visit
    # What two at once run in a database has one name there, and the first that ends takes the other's along.
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def ask(
        self, world: World, desired: Desired, code: str, lasts: timedelta, actor: Actor, now: datetime
    ) -> SupportVisit:
        """Begin to open a way into an instance's database, and return how it stands; it was written down before."""
        self._visits = {name: each for name, each in self._visits.items() if each[1].until > now}
        visit = SupportVisit(token_urlsafe(_ID_BYTES), code, "asked", now + lasts)
        self._visits[visit.id] = actor.token.hash, visit
        task = asyncio.create_task(self._open(world, desired, visit, lasts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return visit

    def of(self, name: str, actor: Actor, now: datetime) -> SupportVisit | None:
        """Return how a visit stands that this token asked for; None where there is none, or it is over."""
        asked_by, visit = self._visits.get(name, ("", None))
        return visit if visit is not None and asked_by == actor.token.hash and now < visit.until else None

    async def _open(self, world: World, desired: Desired, visit: SupportVisit, lasts: timedelta) -> None:
        instance = desired.instances.get(visit.code)
        if instance is None:  # it left the text while it was written down who asks
            self._note(replace(visit, state="failed", why="the fleet declares no such instance any more"))
            return
        try:
            async with self._turns[visit.code]:
                opened = await self.opens(world, desired, instance, await find(world, desired, instance), lasts)
        except (HostError, MemoryFailure, SecretUnavailable) as error:
            self._note(replace(visit, state="failed", why=str(error)))
        except Exception as error:  # noqa: BLE001 -- whoever asked is told
            self.on_defect("", error)
            why = f"a defect of odoo-fleet: {type(error).__name__}; the log has the traceback"
            self._note(replace(visit, state="failed", why=why))
        else:
            account = opened.visit
            self._note(replace(visit, state="open", until=account.until, login=account.login, link=opened.link))

    def _note(self, visit: SupportVisit) -> None:
        asked_by, _ = self._visits.get(visit.id, ("", visit))
        self._visits[visit.id] = asked_by, visit
