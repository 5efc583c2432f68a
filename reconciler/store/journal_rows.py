"""The journal as rows: passes and outcomes of one fleet. Statements only, no transactions."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from reconciler.core.outcomes import Outcome, Result
from reconciler.store.records import OutcomeRecord, PassRecord, PassStart
from reconciler.store.tables import outcomes, passes

_THIS_PASS = passes.c.id == bindparam("of_pass")
_END = update(passes).where(_THIS_PASS).values(ended_at=bindparam("end"))
# Counted as they come, so that the counts of a pass that was killed are right too.
_COUNT = {r: update(passes).where(_THIS_PASS).values({r.value: passes.c[r.value] + 1}) for r in Result}
_PASS_COLUMNS = [passes.c[f.name] for f in fields(PassRecord)]
_OUTCOME_COLUMNS = [outcomes.c[f.name] for f in fields(OutcomeRecord)]


def add_pass(connection: Connection, fleet: str, start: PassStart, number: int | None = None) -> int:
    """Write a pass down and return its number: the given one, or the next."""
    given = {} if number is None else {"id": number}
    key = connection.execute(insert(passes), {"fleet": fleet, **asdict(start), **given}).inserted_primary_key
    assert key is not None
    return int(key.id)


def has_pass(connection: Connection, number: int) -> bool:
    """Tell whether a number is taken, by whatever fleet."""
    return connection.scalar(select(passes.c.id).where(passes.c.id == number)) is not None


def end_pass(connection: Connection, number: int, at: datetime) -> None:
    """Write a pass's end down."""
    connection.execute(_END, {"of_pass": number, "end": at})


def add_outcome(connection: Connection, number: int, outcome: Outcome, at: datetime) -> None:
    """Write an outcome down and count it."""
    action = outcome.action
    values = {
        "pass_id": number,
        "at": at,
        "action_id": action.id,
        "verb": action.verb.value,
        "kind": action.kind,
        "code": action.code,
        "server": action.server,
        "database": action.database,
        "becomes": action.becomes,
        "reason": action.reason.value,
        "result": outcome.result.value,
        "detail": outcome.detail,
        "seconds": outcome.seconds,
    }
    connection.execute(insert(outcomes), values)
    connection.execute(_COUNT[outcome.result], {"of_pass": number})


def read_passes(connection: Connection, fleet: str, limit: int) -> tuple[PassRecord, ...]:
    """Read the last passes of a fleet, newest first."""
    query = select(*_PASS_COLUMNS).where(passes.c.fleet == fleet).order_by(passes.c.id.desc()).limit(limit)
    return tuple(PassRecord(*row) for row in connection.execute(query))


def read_outcomes(
    connection: Connection, fleet: str, *, kind: str | None, code: str | None, pass_id: int | None, limit: int
) -> tuple[OutcomeRecord, ...]:
    """Read the last outcomes of a fleet, newest first; all, or those that fit what is given."""
    query = select(*_OUTCOME_COLUMNS).join(passes).where(passes.c.fleet == fleet)
    for column, wanted in ((outcomes.c.kind, kind), (outcomes.c.code, code), (outcomes.c.pass_id, pass_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = connection.execute(query.order_by(outcomes.c.id.desc()).limit(limit))
    return tuple(OutcomeRecord(*row) for row in rows)
