"""The journal as rows: passes, outcomes and notices of one fleet. Statements only, no transactions."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, astuple, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update

from reconciler.core.model.outcomes import Outcome, Result
from reconciler.notices.notices import Notice
from reconciler.notices.records import NoticeRecord, OutcomeRecord, PassRecord, PassStart
from reconciler.store.tables import notices, outcomes, passes

_THIS_PASS = passes.c.id == bindparam("of_pass")
_END = update(passes).where(_THIS_PASS).values(ended_at=bindparam("end"))
# Counted as they come, so that the counts of a pass that was killed are right too.
_COUNT = {r: update(passes).where(_THIS_PASS).values({r.value: passes.c[r.value] + 1}) for r in Result}
_PASS_COLUMNS = [passes.c[f.name] for f in fields(PassRecord)]
_OF_ITS_PASS = ("revision", "command", "ran_by")
_OUTCOME_COLUMNS = [(passes if f.name in _OF_ITS_PASS else outcomes).c[f.name] for f in fields(OutcomeRecord)]
_NOTICE_COLUMNS = [notices.c[f.name] for f in fields(NoticeRecord)]
_PASSES_AT_A_TIME = 100


def add_pass(connection: Connection, fleet: str, start: PassStart, number: int | None = None) -> int:
    """Write a pass down and return its number: the given one, or the next."""
    given = {} if number is None else {"id": number}
    key = connection.execute(insert(passes), {"fleet": fleet, **asdict(start), **given}).inserted_primary_key
    assert key is not None
    if number is not None and connection.dialect.name == "postgresql":
        # Its sequences do not notice numbers that are given, and would give them a second time.
        sequence = func.pg_get_serial_sequence(passes.name, passes.c.id.name)
        connection.execute(select(func.setval(sequence, func.greatest(number, func.nextval(sequence)))))
    return int(key.id)


def has_pass(connection: Connection, number: int) -> bool:
    """Tell whether a number is taken, by whatever fleet."""
    return connection.scalar(select(passes.c.id).where(passes.c.id == number)) is not None


def end_pass(connection: Connection, number: int, at: datetime) -> None:
    """Write a pass's end down."""
    connection.execute(_END, {"of_pass": number, "end": at})


def add_outcome(connection: Connection, fleet: str, number: int, outcome: Outcome, at: datetime) -> None:
    """Write an outcome down and count it."""
    action = outcome.action
    values = {
        "pass_id": number,
        "at": at,
        "action_id": action.id,
        "verb": str(action.verb),
        "kind": action.kind,
        "code": action.code,
        "server": action.server,
        "database": action.database,
        "becomes": action.becomes,
        "reason": action.reason.value,
        "result": outcome.result.value,
        "detail": outcome.detail,
        "seconds": outcome.seconds,
        "fleet": fleet,
        "changes": json.dumps([astuple(change) for change in action.changes]) if action.changes else None,
    }
    connection.execute(insert(outcomes), values)
    connection.execute(_COUNT[outcome.result], {"of_pass": number})


def read_passes(connection: Connection, fleet: str, limit: int) -> tuple[PassRecord, ...]:
    """Read the last passes of a fleet, newest first."""
    query = select(*_PASS_COLUMNS).where(passes.c.fleet == fleet).order_by(passes.c.id.desc()).limit(limit)
    return tuple(PassRecord(*row) for row in connection.execute(query))


def read_outcomes(
    connection: Connection, fleet: str, wanted: dict[str, str | None], *, since: datetime | None, limit: int
) -> tuple[OutcomeRecord, ...]:
    """Read the last outcomes of a fleet, newest first; all, or those whose columns are as wanted (None: whatever they are)."""
    query = select(*_OUTCOME_COLUMNS).join(passes).where(outcomes.c.fleet == fleet)
    query = query.where(*(outcomes.c[name] == value for name, value in wanted.items() if value is not None))
    if since is not None:
        query = query.where(outcomes.c.at >= since)
    query = query.order_by(outcomes.c.at.desc(), outcomes.c.id.desc()).limit(limit)
    return tuple(
        OutcomeRecord(**{**row, "changes": _changes(row["changes"])}) for row in connection.execute(query).mappings()
    )


def forget(connection: Connection, fleet: str, before: datetime, running: Collection[int], count: int) -> int:
    """Delete some older passes and at most so many of their outcomes; return how many rows, 0 when all are gone.

    Those named as running stay, whatever their age.
    """
    still_at_work = exists().where(outcomes.c.pass_id == passes.c.id, outcomes.c.at >= before)
    old = (
        select(passes.c.id)
        .where(passes.c.fleet == fleet, passes.c.id.not_in(running))
        .where(func.coalesce(passes.c.ended_at, passes.c.started_at) < before, ~still_at_work)
        .order_by(passes.c.id)
        .limit(_PASSES_AT_A_TIME)
    )
    numbers = connection.scalars(old).all()
    theirs = select(outcomes.c.id).where(outcomes.c.pass_id.in_(numbers)).limit(count)
    deleted = connection.execute(delete(outcomes).where(outcomes.c.id.in_(theirs))).rowcount
    if deleted < count:
        deleted += connection.execute(delete(passes).where(passes.c.id.in_(numbers))).rowcount
    return deleted


def add_notice(connection: Connection, fleet: str, notice: Notice, at: datetime) -> None:
    """Write a notice down."""
    values = {**asdict(notice), "fields": json.dumps(notice.fields)}
    connection.execute(insert(notices), {"fleet": fleet, "at": at, **values})


def read_notices(
    connection: Connection,
    fleet: str,
    wanted: dict[str, str | None],
    names: Collection[str],
    but_levels: Collection[str],
    *,
    since: datetime | None,
    limit: int,
) -> tuple[NoticeRecord, ...]:
    """Read the last notices, newest first; all, or those whose columns are as wanted (None: whatever they are).

    Of no names all are read, and of all levels but those that are left out.
    """
    query = select(*_NOTICE_COLUMNS).where(notices.c.fleet == fleet)
    query = query.where(*(notices.c[name] == value for name, value in wanted.items() if value is not None))
    if names:
        query = query.where(notices.c.name.in_(names))
    if but_levels:
        query = query.where(notices.c.level.not_in(but_levels))
    if since is not None:
        query = query.where(notices.c.at >= since)
    rows = connection.execute(query.order_by(notices.c.at.desc(), notices.c.id.desc()).limit(limit))
    return tuple(NoticeRecord(**{**row, "fields": tuple(json.loads(row["fields"]))}) for row in rows.mappings())


def forget_notices(connection: Connection, fleet: str, before: datetime, count: int) -> int:
    """Delete at most so many older notices; return how many."""
    old = select(notices.c.id).where(notices.c.fleet == fleet, notices.c.at < before).limit(count)
    return connection.execute(delete(notices).where(notices.c.id.in_(old))).rowcount


def _changes(text: str | None) -> tuple[tuple[str, str, str], ...]:
    """Read changes back; what is not three texts was not written here."""
    if text is None:
        return ()
    return tuple((str(field), str(observed), str(desired)) for field, observed, desired in json.loads(text))
