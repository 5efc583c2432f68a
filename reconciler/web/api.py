"""The API, version 1: what is declared beside what is observed, what is pending and why, what happened; and steering.

Every answer is of one fleet as of one decision of its daemon, so that what is in it fits together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Route

from reconciler.access.roles import Role
from reconciler.core.model.pauses import Pause
from reconciler.core.policies.calendars import of_instances, of_trash
from reconciler.reports.happenings_json import happening_document
from reconciler.reports.health_json import look, signs
from reconciler.reports.icalendar import render_icalendar
from reconciler.reports.plain import report
from reconciler.reports.plan_json import changeset_document
from reconciler.reports.status import InstanceRow, Row, TemplateRow, subjects
from reconciler.reports.status_json import pause_document, row_document
from reconciler.reports.words import why
from reconciler.version import __version__
from reconciler.web import answers, questions
from reconciler.web.boards import Board, Picture
from reconciler.web.doors import Doorkeeper
from reconciler.web.first_passwords import first_password_endpoints
from reconciler.web.openapi import openapi
from reconciler.web.order_routes import order_endpoints
from reconciler.web.problem_details import RequestRefused
from reconciler.web.routes import Admitted, Endpoint, route
from reconciler.web.support import support_endpoints
from reconciler.web.work import work_endpoints
from schemas.kinds import pausable

BASE = "/api/v1"
CALENDAR = "text/calendar; charset=utf-8"
"""What the one answer that is no JSON is."""


class ReconcileBody(BaseModel):
    """What is to be looked at now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: list[str] = Field(default=[], max_length=1000, description="Codes of servers; none: all of them.")


class PauseBody(BaseModel):
    """Which document is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str | None = Field(
        default=None,
        max_length=120,
        description="KIND/CODE; left out: the whole fleet.",
        examples=["instance/acme", "server/prod-1"],
    )
    reason: str = Field(default="", max_length=1000, description="Why, for whoever meets it and for the history.")


def endpoints() -> tuple[Endpoint, ...]:
    """Return all of the API, in the order in which it is described."""
    user, admin = Role.USER, Role.ADMIN
    table = [
        Endpoint("GET", f"{BASE}/openapi.json", user, "This description.", BaseModel, _describe),
        Endpoint("GET", f"{BASE}/fleet", user, "How the fleet and its daemon stand.", answers.Fleet, _fleet),
        *_of_documents(),
    ]
    for several in (order_endpoints, work_endpoints, support_endpoints, first_password_endpoints):
        table += several(BASE)
    return (
        *table,
        Endpoint("GET", f"{BASE}/changeset", user, "What is pending, and why.", answers.PendingChangeset, _changeset),
        Endpoint("GET", f"{BASE}/passes", user, "The last passes.", answers.Passes, _passes, questions.Last),
        Endpoint("GET", f"{BASE}/events", user, "What happened.", answers.Events, _events, questions.Happened),
        Endpoint(
            "GET",
            f"{BASE}/calendar.ics",
            user,
            "What ends when, as iCalendar: subscriptions, grace, trials, trash.",
            BaseModel,
            _calendar,
            content=CALENDAR,
        ),
        Endpoint("GET", f"{BASE}/health", user, "How the servers are.", answers.FleetHealth, _health),
        *_of_steering(),
        Endpoint("GET", f"{BASE}/tokens", admin, "Who may use this.", answers.Tokens, _tokens),
        Endpoint(
            "DELETE", f"{BASE}/tokens/{{id}}", admin, "Revoke a token.", answers.TokenRow, _revoke, refusals=(404,)
        ),
    )


def _of_steering() -> tuple[Endpoint, ...]:
    """Return what wakes the daemon, and what holds it back."""
    return (
        Endpoint(
            "POST",
            f"{BASE}/reconcile",
            Role.MANAGER,
            "Read the text again and look at servers now.",
            answers.Accepted,
            _reconcile,
            body=ReconcileBody,
            refusals=(404,),
            status=202,
        ),
        Endpoint(
            "POST",
            f"{BASE}/pause",
            Role.MANAGER,
            "Leave a document, or the whole fleet, alone.",
            answers.PauseChanged,
            _pause,
            body=PauseBody,
            refusals=(404,),
        ),
        Endpoint(
            "POST",
            f"{BASE}/resume",
            Role.MANAGER,
            "End a pause.",
            answers.PauseChanged,
            _resume,
            body=PauseBody,
            refusals=(404,),
        ),
    )


def _of_documents() -> Iterator[Endpoint]:
    """Yield for each kind the list of its documents, and one of them."""
    models = answers.items()
    for subject, kind in subjects().items():
        model: Any = models[subject]
        question = questions.QUESTIONS.get(kind, questions.Others)
        listed, one = answers.Listing[model], answers.One[model]
        said = f"The {subject}: declared and observed."
        yield Endpoint("GET", f"{BASE}/{subject}", Role.USER, said, listed, _listing(subject), question)
        yield Endpoint(
            "GET", f"{BASE}/{subject}/{{code}}", Role.USER, f"One {kind}.", one, _one(subject), refusals=(404,)
        )


def api_routes(board: Board, door: Doorkeeper) -> list[Route]:
    """Return what serves the API."""
    return [route(each, board, door) for each in endpoints()]


async def _describe(call: Admitted) -> Mapping[str, Any]:
    del call
    return openapi(endpoints())


async def _fleet(call: Admitted) -> Mapping[str, Any]:
    board, picture = call.board, await call.board.picture()
    standing = board.standing()
    online = standing.servers_online.values()
    return report(
        standing.fleet,
        name=picture.desired.settings.name,
        revision=standing.revision,
        in_force_since=standing.in_force_since,
        rejected=standing.rejected,
        source_problem=standing.source_problem,
        documents=standing.documents,
        decided_at=standing.decided_at,
        converged_at=standing.converged_at,
        failing_since=standing.failing_since,
        busy=standing.busy,
        pending=standing.pending,
        blocked=standing.blocked,
        withheld=standing.withheld,
        orphans=standing.orphans,
        foreign=standing.foreign,
        frozen=standing.frozen,
        servers_online=sum(online),
        servers_asked=len(online),
        paused=[pause_document(each) for _, each in sorted(board.pauses().items())],
        ready=board.ready(),
    )


def _listing(subject: str) -> Any:
    async def serve(call: Admitted) -> Mapping[str, Any]:
        picture, question = await call.board.picture(), call.query
        documents = dict(picture.desired.documents[subjects()[subject]])
        found = questions.chosen(picture.status.rows[subject], documents, question)
        part = found[question.offset : question.offset + question.limit]
        return {
            **_start(picture),
            "total": len(found),
            "offset": question.offset,
            "limit": question.limit,
            "items": [_item(call.board, picture, subject, row) for row in part],
        }

    return serve


def _one(subject: str) -> Any:
    async def serve(call: Admitted) -> Mapping[str, Any]:
        picture, code = await call.board.picture(), call.path["code"]
        row = next((row for row in picture.status.rows[subject] if row.code == code), None)
        if row is None:
            raise RequestRefused(404, f"the fleet has no {subjects()[subject]} of this code")
        return {**_start(picture), "item": _item(call.board, picture, subject, row)}

    return serve


def _item(board: Board, picture: Picture, subject: str, row: Row) -> dict[str, Any]:
    kind = subjects()[subject]
    return {
        "kind": kind,
        "code": row.code,
        "paused": [pause_document(each) for each in holding(board, picture, kind, row)],
        "declared": picture.desired.documents[kind][row.code].model_dump(mode="json"),
        "observed": row_document(row),
    }


def holding(board: Board, picture: Picture, kind: str, row: Row) -> Iterable[Pause]:
    """Return the pauses that hold a document back: the fleet's, those of its servers, its own."""
    paused = board.pauses()
    servers: Iterable[str] = ()
    if isinstance(row, InstanceRow):
        servers = (row.server or "",)
    elif isinstance(row, TemplateRow):
        servers = (place.server for place in row.places)
    keys = [("fleet", picture.status.fleet), *(("server", code) for code in servers), (kind, row.code)]
    return [paused[key] for key in keys if key in paused]


async def _changeset(call: Admitted) -> Mapping[str, Any]:
    picture = await call.board.picture()
    document = changeset_document(picture.changeset)
    words = {action.id: why(action) for action in picture.changeset.actions}
    words |= {each.action.id: why(each.action) for each in picture.changeset.withheld}
    words |= {action.id: why(action) for each in picture.changeset.stopped for action in each.actions}
    stopped = (action for each in document["stopped"] for action in each["actions"])
    for action in (*document["actions"], *(each["action"] for each in document["withheld"]), *stopped):
        action["why"] = words[action["id"]]
    return {**_start(picture), **document}


async def _passes(call: Admitted) -> Mapping[str, Any]:
    return report(call.board.standing().fleet, items=await call.board.passes(call.query.limit))


async def _events(call: Admitted) -> Mapping[str, Any]:
    found = await call.board.happenings(call.query.asked())
    items = [happening_document(each) for each in reversed(found.happenings)]
    return report(call.board.standing().fleet, more=found.is_cut, items=items)


async def _calendar(call: Admitted) -> str:
    picture, now = await call.board.picture(), call.board.now()
    trash = [(each.server, each.database) for each in picture.changeset.left_alone]
    trash += [(a.server, a.database) for a in picture.changeset.actions if a.verb.is_housekeeping]
    found = sorted([*of_instances(picture.desired, now), *of_trash(picture.desired, dict.fromkeys(trash))])
    return render_icalendar(picture.status.fleet, found, now, __version__)


async def _health(call: Admitted) -> Mapping[str, Any]:
    picture, known = await call.board.picture(), call.board.standing().health
    rows = []
    for row in picture.status.servers:
        record = known.get(row.code)
        found = None if record is None else {**look(record), "signs": signs(record)}
        rows.append({"code": row.code, "name": row.name, "state": row.state, "look": found})
    return report(picture.status.fleet, items=rows)


async def _reconcile(call: Admitted) -> Mapping[str, Any]:
    wanted = set(call.body.servers)
    known = (await call.board.picture()).desired.servers
    if unknown := sorted(wanted - set(known)):
        raise RequestRefused(404, f"the fleet has no server {unknown[0][:63]!r}")
    await call.board.reconcile(wanted, call.actor)
    which = ", ".join(sorted(wanted)) or "all servers"
    return {"accepted": True, "detail": f"the text is read again, and {which} looked at, as soon as nothing runs there"}


async def _pause(call: Admitted) -> Mapping[str, Any]:
    kind, code = await _subject(call)
    changed = await call.board.pause(kind, code, call.body.reason, call.actor)
    return _after(call.board, kind, code, changed=changed)


async def _resume(call: Admitted) -> Mapping[str, Any]:
    kind, code = await _subject(call)
    changed = await call.board.resume(kind, code, call.body.reason, call.actor)
    return _after(call.board, kind, code, changed=changed)


async def _subject(call: Admitted) -> tuple[str, str]:
    return find_subject(await call.board.picture(), call.body.document)


def find_subject(picture: Picture, document: str | None) -> tuple[str, str]:
    """Return kind and code of a document that can be paused; the fleet's where none is named.

    Raises:
        Refused: there is none of this name.
    """
    desired = picture.desired
    if not document:
        return "fleet", desired.settings.code
    kind, _, code = document.partition("/")
    if kind not in pausable() or code not in desired.documents[kind]:
        raise RequestRefused(
            404, f"the fleet has no {document[:120]!r} that can be paused: write KIND/CODE, as in instance/acme"
        )
    return kind, code


def _after(board: Board, kind: str, code: str, *, changed: bool) -> Mapping[str, Any]:
    mine = [each for key, each in board.pauses().items() if key == (kind, code)]
    return {"kind": kind, "code": code, "changed": changed, "paused": [pause_document(each) for each in mine]}


async def _tokens(call: Admitted) -> Mapping[str, Any]:
    now = call.board.now()
    return report(call.board.standing().fleet, items=[each.shown(now) for each in call.board.tokens()])


async def _revoke(call: Admitted) -> Mapping[str, Any]:
    token = next((each for each in call.board.tokens() if each.id == call.path["id"]), None)
    if token is None or not await call.board.revoke(token, call.actor):
        raise RequestRefused(404, "there is no token of this id")
    return token.shown(call.board.now())


def _start(picture: Picture) -> dict[str, Any]:
    return report(picture.status.fleet, picture.status.at)
