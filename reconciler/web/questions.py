"""What can be asked of a list: which of it, in which order, which part. The API and the page read the same questions.

A question that names a field, a value or an order that there is not is refused with what there is, never answered with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from reconciler.health.signs import HealthStatus
from reconciler.notices.notices import Level
from reconciler.reports.happenings import Asked
from reconciler.reports.status import DocumentRow, InstanceRow, InSync, PlanRow, Row, ServerRow, TemplateRow
from reconciler.web.problem_details import RequestRefused, wrong_fields
from schemas.document import Document

MOST = 500
_USUAL = 50
Q = TypeVar("Q", bound=BaseModel)


def _labelled(written: str) -> str:
    if "=" not in written:
        raise ValueError("write KEY=VALUE, as in region=eu")
    return written


Label = Annotated[str, AfterValidator(_labelled), Field(json_schema_extra={"pattern": "="})]


_ORDER: Any = Field(default="code", description="In which order; - turns it.")


class Query(BaseModel):
    """What every question may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """Which part of a list."""

    offset: int = Field(default=0, ge=0, le=10_000_000, description="How many to leave out from the start.")
    limit: int = Field(default=_USUAL, ge=1, le=MOST, description="How many at most.")


class DocumentsQuery(PageQuery):
    """Which documents."""

    q: str = Field(default="", max_length=200, description="Part of a code, a name, or another name that it bears.")
    label: list[Label] = Field(default=[], description="KEY=VALUE that it bears; repeated: all of them.")
    sort: str = "code"


class Others(DocumentsQuery):
    """Which documents of a kind of which nothing else can be asked."""

    sort: Literal["code", "-code", "name", "-name"] = _ORDER


class Servers(DocumentsQuery):
    """Which servers."""

    state: Literal["draft", "active", "maintenance", "disabled", "inactive"] | None = None
    health: HealthStatus | None = None
    online: bool | None = Field(default=None, description="Whether its last look was answered.")
    max_capacity: float | None = Field(default=None, ge=0, le=100, description="At most so much percent is free.")
    sort: Literal[
        "code", "-code", "name", "-name", "state", "-state", "health", "-health",
        "instance_count", "-instance_count", "available_capacity", "-available_capacity", "latency_ms", "-latency_ms",
    ] = _ORDER  # fmt: skip


class Templates(DocumentsQuery):
    """Which templates."""

    sort: Literal["code", "-code", "name", "-name"] = _ORDER
    server: str | None = Field(default=None, max_length=100, description="Code of a server that it is for.")
    ready: bool | None = Field(default=None, description="Whether it can be cloned on each of its servers.")


class Plans(DocumentsQuery):
    """Which plans."""

    sort: Literal["code", "-code", "name", "-name", "instances", "-instances"] = _ORDER


class Instances(DocumentsQuery):
    """Which instances."""

    state: Literal["active", "suspended", "absent"] | None = Field(default=None, description="As it is declared.")
    observed: str | None = Field(default=None, max_length=40, description="What its database's name says.")
    in_sync: InSync | None = Field(default=None, description="Whether its database is as its text says.")
    server: str | None = Field(default=None, max_length=100, description="Code of the server that it is on.")
    plan: str | None = Field(default=None, max_length=100, description="Code of its plan.")
    template: str | None = Field(default=None, max_length=100, description="Code of its template, or its source's.")
    sort: Literal[
        "code", "-code", "name", "-name", "state", "-state", "server", "-server", "plan", "-plan",
        "in_sync", "-in_sync", "verified_at", "-verified_at",
    ] = _ORDER  # fmt: skip


class Happened(Query):
    """Which events."""

    kind: str | None = Field(default=None, max_length=40, description="Only what is about a document of this kind.")
    code: str | None = Field(default=None, max_length=100, description="Only what is about documents of this code.")
    server: str | None = Field(default=None, max_length=100, description="Only what happened on this server.")
    name: str | None = Field(default=None, max_length=60, description="Only what bears this name: `drift-repaired`.")
    level: Level = Field(default=Level.INFO, description="Only this level or worse.")
    limit: int = Field(default=_USUAL, ge=1, le=MOST, description="How many at most, the newest.")

    def asked(self) -> Asked:
        """Return it as the history is asked."""
        names = (self.name,) if self.name else ()
        return Asked(self.limit, None, self.kind, self.code, self.server, names, self.level)


class Last(Query):
    """How many of the last ones."""

    limit: int = Field(default=_USUAL, ge=1, le=MOST, description="How many at most, the newest.")


QUESTIONS: dict[str, type[DocumentsQuery]] = {
    "server": Servers,
    "template": Templates,
    "plan": Plans,
    "instance": Instances,
}
"""By kind, what can be asked of its list; of others what can be asked of all."""


def read(question: type[Q], given: QueryParams) -> Q:
    """Read a question.

    Raises:
        Refused: it is none; says what is wrong with each field.
    """
    lists = {name for name, field in question.model_fields.items() if field.annotation == list[Label]}
    values: dict[str, Any] = {}
    for name in given:
        several = given.getlist(name)
        if name in lists:
            values[name] = several
        elif len(several) > 1:
            raise RequestRefused(422, f"the query names {name[:40]!r} more than once")
        else:
            values[name] = several[0]
    try:
        return question.model_validate(values)
    except ValidationError as error:
        raise wrong_fields(error, "query") from None


def chosen(rows: Iterable[Row], documents: dict[str, Document], question: DocumentsQuery) -> list[Row]:
    """Return the rows that a question asks for, in its order; its part is not cut out yet."""
    labels = [tuple(each.split("=", 1)) for each in question.label]
    wanted = question.q.strip().lower()
    found = [
        row
        for row in rows
        if all(documents[row.code].labels.get(key) == value for key, value in labels)
        and (not wanted or any(wanted in word.lower() for word in _words(row)))
        and _fits(row, question)
    ]
    return _sorted(found, question.sort)


def _words(row: Row) -> Iterable[str]:
    yield from (row.code, row.name)
    match row:
        case ServerRow():
            yield row.server_url
        case InstanceRow():
            yield from (row.database, row.url or "")
        case TemplateRow():
            yield row.template_db


def _fits(row: Row, question: DocumentsQuery) -> bool:
    match row, question:
        case ServerRow(), Servers():
            free, most = row.available_capacity, question.max_capacity
            is_full_enough = most is None or (free is not None and free <= most)
            return is_full_enough and _same(row, question, "state", "health", "online")
        case TemplateRow(), Templates():
            on_server = question.server is None or any(place.server == question.server for place in row.places)
            return on_server and question.ready in (None, row.is_ready)
        case InstanceRow(), Instances():
            return _same(row, question, "state", "observed", "in_sync", "server", "plan", "template")
        case ((PlanRow() | DocumentRow()), _):
            return True
    return True


def _same(row: Row, question: DocumentsQuery, *names: str) -> bool:
    return all(getattr(question, name) in (None, getattr(row, name)) for name in names)


_WORST_FIRST: dict[str, Sequence[Any]] = {
    "health": [HealthStatus.CRITICAL, HealthStatus.WARNING, HealthStatus.UNKNOWN, HealthStatus.HEALTHY],
    "in_sync": [InSync.NO, InSync.NOT_OURS, InSync.NEVER_SEEN, InSync.UNKNOWN, InSync.CHANGED, InSync.YES],
}


def _sorted(rows: list[Row], order: str) -> list[Row]:
    """Sort by a field, then by code; what has no value there stands last, whichever way."""
    name, downwards = order.removeprefix("-"), order.startswith("-")
    key = _key(name)
    rows.sort(key=lambda row: row.code)
    known = [row for row in rows if key(row) is not None]
    known.sort(key=key, reverse=downwards)
    return [*known, *(row for row in rows if key(row) is None)]


def _key(name: str) -> Callable[[Row], Any]:
    if name in _WORST_FIRST:
        return lambda row: _WORST_FIRST[name].index(getattr(row, name))
    if name == "name":
        return lambda row: row.name.lower()
    return lambda row: getattr(row, name)
