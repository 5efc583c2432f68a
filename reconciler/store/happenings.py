"""Read from the store what happened: notices and ended actions that fit what is asked for, the newest of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.core.model.outcomes import Result
from reconciler.notices.notices import Level
from reconciler.notices.records import NoticeRecord, OutcomeRecord
from reconciler.reports.happenings import ENDED, Asked, Happening, Newest, ended, in_order, milder
from reconciler.store.opening import AnyStore


def read_happenings(store: AnyStore, asked: Asked) -> Newest:
    """Read them. One more than asked for is read of each sort, to know whether there are more."""
    wanted = asked.limit + 1
    both = in_order(_notices(store, asked, wanted), _deeds(store, asked, wanted))
    return Newest(both[-asked.limit :], len(both) > asked.limit)


def _notices(store: AnyStore, asked: Asked, wanted: int) -> Iterable[Happening]:
    records = store.notices(
        asked.kind,
        asked.code,
        server=asked.server,
        names=asked.names,
        but_levels=milder(asked.level),
        since=asked.since,
        limit=wanted,
    )
    return map(_notice, records)


def _deeds(store: AnyStore, asked: Asked, wanted: int) -> Iterable[Happening]:
    results = [result for result in Result if _fits(ENDED[result], asked)]
    # Each kind of end by itself, unless all are wanted: failures are rare, and the store finds them without reading the others.
    questions: list[str | None] = [None] if len(results) == len(Result) else [result.value for result in results]
    records: list[OutcomeRecord] = []
    for result in questions:
        records += store.outcomes(
            asked.kind, asked.code, server=asked.server, result=result, since=asked.since, limit=wanted
        )
    if len(questions) > 1:
        records.sort(key=lambda record: (record.at, record.pass_id), reverse=True)
    return map(ended, records[:wanted])


def _fits(end: tuple[str, Level], asked: Asked) -> bool:
    name, level = end
    return name in (asked.names or (name,)) and level not in milder(asked.level)


def _notice(record: NoticeRecord) -> Happening:
    return Happening(
        record.at,
        record.name,
        record.level,
        record.detail,
        record.kind,
        record.code,
        record.server,
        record.revision,
        record.fields,
    )


def unseen(found: Iterable[Happening], seen: set[Happening]) -> Iterator[Happening]:
    """Yield what was not seen yet, and take it for seen."""
    for happening in found:
        if happening not in seen:
            seen.add(happening)
            yield happening
