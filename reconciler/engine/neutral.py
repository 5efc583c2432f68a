"""Keeps a neutralized database neutralized while modules come into it: what they bring is off before anybody could run it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.specs import DatabaseSpec
from reconciler.engine.patience import insist
from reconciler.engine.ports import Clock, Database
from reconciler.engine.verifying import require_neutralized


@contextlib.asynccontextmanager
async def kept_neutral(
    spec: DatabaseSpec, database: Database, clock: Clock, *, broken: bool = False
) -> AsyncIterator[None]:
    """Let modules come into a database in the body; one that is to be neutralized is so all the time, and proven to be.

    Its host runs scheduled actions as soon as they are there, so that no new one can be switched on before it is proven. If
    anything fails it stays so, which is noted in the database: the next run neutralizes and proves it. In what newer code has
    `broken` nothing can be made for that, and nothing runs, before its modules are upgraded.

    Raises:
        ProofFailed: it is not neutralized after that.
        HostError: nobody can say.
    """
    if not spec.neutralize:
        yield
        return
    if not broken:
        await insist(database.keep_asleep, clock)
    yield
    await insist(database.neutralize, clock)
    await require_neutralized(database, clock, {"server": spec.server, "database": database.name})
    await insist(database.let_go, clock)
    if names.parse(database.name).state is NameState.PUBLISHED and not spec.sleeps:
        await insist(database.wake, clock)
