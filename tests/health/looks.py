"""Looks at servers in a few words: what a probe found, and the judgements that a row of them leads to."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from reconciler.health.judging import HealthRecord, Probe, changes, judge
from reconciler.notices.notices import Notice
from schemas.fleet import Health
from schemas.server import Server
from tests.core.scenes import desired
from tests.harness.virtual_time import EPOCH

QUARTER = timedelta(minutes=15)
LIMITS = Health()


def server(**fields: Any) -> Server:
    return desired().servers["one"].model_copy(update=fields)


def good(at: datetime = EPOCH, **found: Any) -> Probe:
    """A look at a server with nothing wrong."""
    fields: dict[str, Any] = {
        "version": "19.0",
        "latency_seconds": 0.02,
        "databases": 3,
        "free_percent": 90.0,
        "master_password_accepted": True,
    }
    return Probe("one", at, answered=True, **{**fields, **found})


def silent(at: datetime = EPOCH, **found: Any) -> Probe:
    """A look at a server that does not answer."""
    return Probe("one", at, answered=False, **{"problem": "no connection: refused", **found})


def row(answers: Iterable[Probe], of: Server | None = None, limits: Health = LIMITS) -> list[HealthRecord]:
    """Judge looks one after the other, a quarter of an hour apart."""
    records: list[HealthRecord] = []
    for number, probe in enumerate(answers):
        moved = {name: getattr(probe, name) for name in Probe.__slots__} | {"at": EPOCH + number * QUARTER}
        records.append(judge(of or server(), records[-1] if records else None, Probe(**moved), limits))
    return records


def told(records: list[HealthRecord], limits: Health = LIMITS) -> list[tuple[int, Notice]]:
    """The notices that a row of judgements makes, each with the number of its look."""
    before = [None, *records]
    return [(n, notice) for n, after in enumerate(records) for notice in changes(before[n], after, limits)]
