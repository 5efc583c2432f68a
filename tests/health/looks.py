"""Looks at servers in a few words: what a probe found, and the judgements that a row of them leads to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.core.model.observed import ObservedHost
from reconciler.health.verdicts import HealthRecord, Vitals, changes, judge
from reconciler.notices.notices import Notice
from schemas.fleet import Health
from schemas.server import Server
from tests.core.scenes import desired
from tests.harness.virtual_time import EPOCH

QUARTER = timedelta(minutes=15)
LIMITS = Health()
_PROBLEMS = {"master_password_problem": "master_password_accepted", "certificate_problem": "certificate_expires_at"}


def server(**fields: Any) -> Server:
    return desired().servers["one"].model_copy(update=fields)


def good(at: datetime = EPOCH, **found: Any) -> Vitals:
    """A look at a server with nothing wrong."""
    well = {
        "version": "19.0",
        "latency_ms": 20.0,
        "databases": 3,
        "available_capacity": 90.0,
        "master_password_accepted": True,
    }
    return _probe(at, {**well, **found}, answered=True)


def silent(at: datetime = EPOCH, **found: Any) -> Vitals:
    """A look at a server that does not answer."""
    return _probe(at, {"problem": "no connection: refused", **found}, answered=False)


def _probe(at: datetime, found: dict[str, Any], *, answered: bool) -> Vitals:
    problem = found.pop("problem", "")
    problems = {sign: found.pop(name) for name, sign in _PROBLEMS.items() if name in found}
    return Vitals(ObservedHost("one", answered, problem), at, found, problems)


def row(answers: Iterable[Vitals], of: Server | None = None, limits: Health = LIMITS) -> list[HealthRecord]:
    """Judge looks one after the other, a quarter of an hour apart."""
    records: list[HealthRecord] = []
    for number, probe in enumerate(answers):
        moved = replace(probe, at=EPOCH + number * QUARTER)
        records.append(judge(of or server(), records[-1] if records else None, moved, limits))
    return records


def told(records: list[HealthRecord], limits: Health = LIMITS) -> list[tuple[int, Notice]]:
    """The notices that a row of judgements makes, each with the number of its look."""
    before = [None, *records]
    return [(n, notice) for n, after in enumerate(records) for notice in changes(before[n], after, limits)]
