"""The pages, in one table with the role that each needs, and what is shown on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.access.roles import Role
from reconciler.core.model.changesets import by_cause
from reconciler.core.model.pauses import Pause
from reconciler.notices.notices import Level
from reconciler.reports.happenings import Asked, Newest
from reconciler.reports.status import InstanceRow, InSync, Row, ServerRow, subjects
from reconciler.web import questions
from reconciler.web.api import find_subject, holding
from reconciler.web.boards import Board, Picture, StoreSilent
from reconciler.web.doors import Doorkeeper
from reconciler.web.page.charts import charts, strip
from reconciler.web.page.entrance import Entrance, OtherWay
from reconciler.web.page.languages import Language
from reconciler.web.page.live import Live
from reconciler.web.page.order_forms import order_pages
from reconciler.web.page.shell import STATIC, GoTo, Page, PageVisit, Shell, Shown, back_to
from reconciler.web.page.support import support_pages
from reconciler.web.page.words import PageWords
from reconciler.web.page.work import work_pages
from reconciler.web.problem_details import RequestRefused
from reconciler.web.work import KEPT
from schemas.document import Document
from schemas.kinds import pausable

_A_PAGE = 50
_GLANCE = 8
_LOOKS = 96
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BOARD_STATES = ("active", "maintenance", "offline", "draft", "disabled")


def pages() -> tuple[Page, ...]:
    """Return all pages that need a session."""
    user, manager = Role.USER, Role.MANAGER
    table = [Page("GET", "/", user, _glance)]
    for subject in subjects():
        table += [
            Page("GET", f"/{subject}", user, _listing(subject)),
            Page("GET", f"/{subject}/{{code}}", user, _one(subject)),
        ]
    return (
        *table,
        Page("GET", "/changes", user, _changes),
        Page("GET", "/events", user, _events),
        Page("GET", "/passes", user, _passes),
        Page("POST", "/reconcile", manager, _reconcile),
        Page("POST", "/pause", manager, _pause),
        Page("POST", "/resume", manager, _resume),
        *order_pages(),
        *work_pages(),
        *support_pages(),
    )


def page_routes(board: Board, door: Doorkeeper, other: OtherWay | None = None) -> list[Route]:
    """Return what serves the page, with the ways in and out and the style sheet, which need no session.

    Args:
        board: the daemon.
        door: lets in.
        other: another way in than by a token.
    """
    shell = Shell(board, door, other.name if other else "")
    return [
        *(other.routes(shell, door) if other else ()),
        *(shell.route(page) for page in pages()),
        *Entrance(shell, door).routes(),
        Live(board, door, shell).route(),
        Route("/static/{name}", _static, methods=["GET"]),
    ]


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        return Response("there is nothing here\n", 404, {"Connection": "close"}, "text/plain")
    headers = {"Cache-Control": "public, max-age=3600", "Connection": "close", "X-Content-Type-Options": "nosniff"}
    return Response(STATIC[name], 200, headers, _TYPES["." + name.rpartition(".")[2]])


async def _glance(visit: PageVisit) -> Shown:
    picture = await visit.board.picture()
    status, changes = picture.status, picture.changeset
    syncs = Counter(row.in_sync for row in status.instances)
    given = {
        "title": visit.say("Fleet"),
        "picture": picture,
        "servers": status.servers,
        "boards": _boards(status.servers),
        "states": Counter(row.state for row in status.instances),
        "out_of_sync": sum(number for sync, number in syncs.items() if sync is not InSync.YES),
        "syncs": [(sync, syncs[sync]) for sync in InSync if syncs[sync]],
        "unwell": [row for row in status.servers if row.online is False or row.health.value in {"warning", "critical"}],
        "actions": changes.actions[:_GLANCE],
        "causes": [*by_cause(changes.blocked).items()],
        "most": _GLANCE,
        "pauses": list(visit.board.pauses().values()),
        "found": await _happened(visit, Asked(_GLANCE)),
        "foreign": changes.foreign,
    }
    return Shown("glance.html", given)


def _boards(rows: Sequence[ServerRow]) -> list[tuple[str, list[ServerRow]]]:
    """Put servers under the state that they are in; one that does not answer is offline, whatever its text says."""
    columns: dict[str, list[ServerRow]] = {state: [] for state in BOARD_STATES}
    for row in rows:
        is_used = row.state in {"active", "maintenance"}
        state = "offline" if row.online is False and is_used else "disabled" if row.state == "inactive" else row.state
        columns[state].append(row)
    return list(columns.items())


def _listing(subject: str) -> Any:
    kind = subjects()[subject]
    question = questions.QUESTIONS.get(kind, questions.Others)

    async def serve(visit: PageVisit) -> Shown:
        picture = await visit.board.picture()
        asked, view = _asked(visit.request.query_params)
        try:
            query: questions.DocumentsQuery = questions.read(question, asked)
            wrong: Sequence[Any] = ()
        except RequestRefused as refused:
            query, wrong = question(), refused.errors or (refused.detail,)
        documents = dict(picture.desired.documents[kind])
        rows = questions.chosen(picture.status.rows[subject], documents, query)
        is_board = subject == "servers" and view == "board"
        part = rows if is_board else rows[query.offset : query.offset + query.limit]
        given = {
            "title": visit.words.word(subject.capitalize()),
            "subject": subject,
            "kind": kind,
            "picture": picture,
            "rows": part[: questions.MOST] if is_board else part,
            "boards": _boards([row for row in part if isinstance(row, ServerRow)]) if is_board else None,
            "total": len(rows),
            "query": query,
            "asked": asked,
            "choices": _choices(picture, subject, visit.words),
            "documents": documents,
            "held": _held(visit.board, picture, kind, part),
            "wrong": wrong,
            "link": _Link(f"/{subject}", asked, view),
        }
        return Shown("listing.html", given, 422 if wrong else 200)

    return serve


def _asked(given: QueryParams) -> tuple[QueryParams, str]:
    """Leave out what a form sends for what was not chosen, and what is not asked of the list itself."""
    kept = [(name, value) for name, value in given.multi_items() if value.strip() and name not in {"view", "told"}]
    return QueryParams(kept), given.get("view", "")


@dataclass(frozen=True, slots=True)
class _Link:
    """Addresses of the same list, asked otherwise."""

    path: str
    asked: QueryParams
    view: str

    def __call__(self, **other: Any) -> str:
        kept = [(n, v) for n, v in self.asked.multi_items() if n not in other and (n != "offset" or "view" in other)]
        view = other.pop("view", self.view)
        given = [(name, str(value)) for name, value in other.items() if value not in ("", None, 0)]
        words = urlencode([*kept, *given, *([("view", view)] if view else [])])
        return f"{self.path}?{words}" if words else self.path


def _choices(picture: Picture, subject: str, words: PageWords) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what a list can be narrowed by: the question's field, its label, and values with their words."""
    rows, desired, say = picture.status.rows[subject], picture.desired, words.language.say

    def states() -> list[tuple[str, str]]:
        return [(state, words.word(state)) for state in sorted({row.state for row in rows if hasattr(row, "state")})]

    def codes(kind: str) -> list[tuple[str, str]]:
        return [(code, code) for code in desired.documents[kind]]

    labels = {
        f"{key}={value}"
        for each in desired.documents[subjects()[subject]].values()
        for key, value in each.labels.items()
    }
    label = ("label", say("Label"), [(each, each) for each in sorted(labels)])
    match subject:
        case "servers":
            healths = [(each, words.word(each)) for each in ("healthy", "warning", "critical", "unknown")]
            full = [(number, say("%(number)s %% or less free", number=number)) for number in ("20", "5")]
            return [
                ("state", say("State"), states()),
                ("health", say("Health"), healths),
                ("max_capacity", say("Capacity"), full),
                label,
            ]
        case "templates":
            return [
                ("server", say("Server"), codes("server")),
                ("ready", say("Ready"), [("true", say("ready")), ("false", say("not ready"))]),
                label,
            ]
        case "instances":
            syncs = [(each.value, words.badge(each).text) for each in InSync]
            return [
                ("state", say("State"), states()),
                ("in_sync", say("Sync"), syncs),
                ("server", say("Server"), codes("server")),
                ("plan", say("Plan"), codes("plan")),
                ("template", say("Template"), codes("template")),
                label,
            ]
    return [label]


def _held(board: Board, picture: Picture, kind: str, rows: Sequence[Row]) -> dict[str, list[Pause]]:
    return {row.code: list(holding(board, picture, kind, row)) for row in rows}


def _one(subject: str) -> Any:
    kind = subjects()[subject]

    async def serve(visit: PageVisit) -> Shown:
        picture, code = await visit.board.picture(), visit.path["code"]
        row = next((row for row in picture.status.rows[subject] if row.code == code), None)
        if row is None:
            raise RequestRefused(404, "the fleet has nothing of this kind and code")
        document = picture.desired.documents[kind][code]
        tabs = _tabs(subject, visit.language)
        tab = visit.request.query_params.get("tab", "")
        tab = tab if tab in tabs else next(iter(tabs))
        given: dict[str, Any] = {
            "title": document.name,
            "subject": subject,
            "kind": kind,
            "picture": picture,
            "row": row,
            "document": document,
            "place": str(picture.desired.range_of(kind, code)),
            "tabs": tabs,
            "tab": tab,
            "held": list(holding(visit.board, picture, kind, row)),
            "mine": visit.board.pauses().get((kind, code)),
            "can_pause": kind in pausable(),
            "keeps": kind in KEPT and bool(picture.desired.settings.backup_targets),
            "actions": [a for a in picture.changeset.actions if _concerns(a, kind, code)],
            "causes": by_cause(b for b in picture.changeset.blocked if _concerns(b, kind, code)).items(),
            "withheld": [w for w in picture.changeset.withheld if _concerns(w.action, kind, code)],
            "fields": _fields(document),
            "instances": _instances(picture, kind, code),
            "found": None,
            "history": (),
            "charts": (),
            "strip": (),
            "looked": None,
            "record": visit.board.standing().health.get(code) if kind == "server" else None,
        }
        if tab == "history":
            asked = Asked(_A_PAGE, server=code) if kind == "server" else Asked(_A_PAGE, kind=kind, code=code)
            given["found"] = await _happened(visit, asked)
        elif tab == "health":
            given |= await _health(visit, code)
        return Shown("one.html", given)

    return serve


def _tabs(subject: str, language: Language) -> dict[str, str]:
    health = {"health": language.say("Health")} if subject == "servers" else {}
    instances = {"instances": language.say("Instances")} if subject in {"servers", "templates", "plans"} else {}
    first = {"observed": language.say("Observed"), "configuration": language.say("Configuration")}
    return {**first, **instances, **health, "history": language.say("History")}


def _concerns(each: Any, kind: str, code: str) -> bool:
    return (each.kind, each.code) == (kind, code) or (kind == "server" and each.server == code)


def _instances(picture: Picture, kind: str, code: str) -> list[InstanceRow]:
    return [row for row in picture.status.instances if getattr(row, kind, None) == code]


def _fields(document: Document) -> list[tuple[str, Any, bool, str]]:
    """Return a document's fields: name, value, whether that is the default, and what the field is for."""
    plain = document.model_dump(mode="json")
    found = []
    for name, field in type(document).model_fields.items():
        if name not in {"kind", "code"}:
            default = field.get_default(call_default_factory=False)
            found.append((name, plain[name], getattr(document, name) == default, field.description or ""))
    return sorted(found, key=lambda each: each[2])


async def _health(visit: PageVisit, code: str) -> dict[str, Any]:
    try:
        history = await visit.board.health_history(code, _LOOKS)
    except StoreSilent as why:
        return {"looked": str(why)}
    return {"history": history, "charts": charts(history), "strip": strip(history)}


async def _happened(visit: PageVisit, asked: Asked) -> Newest | str:
    """Return what happened, newest first, or why that cannot be said now: the rest of a page is shown all the same."""
    try:
        found = await visit.board.happenings(asked)
    except StoreSilent as why:
        return str(why)
    return Newest(tuple(reversed(found.happenings)), found.is_cut)


async def _changes(visit: PageVisit) -> Shown:
    picture = await visit.board.picture()
    servers: dict[str, list[Any]] = {}
    for action in picture.changeset.actions:
        servers.setdefault(action.server, []).append(action)
    stopped = [each.why for each in picture.changeset.stopped]
    blocked = [each for each in picture.changeset.blocked if not any(why in each.why for why in stopped)]
    shown = {"picture": picture, "servers": servers, "blocked": blocked, "causes": by_cause(blocked)}
    return Shown("changes.html", {"title": visit.say("Pending changes"), **shown})


async def _events(visit: PageVisit) -> Shown:
    asked, _ = _asked(visit.request.query_params)
    try:
        query, wrong = questions.read(questions.Happened, asked), ""
    except RequestRefused as refused:
        query, wrong = questions.Happened(), refused.detail
    found = await _happened(visit, query.asked())
    levels = [level.value for level in Level]
    given = {"found": found, "query": query, "levels": levels, "wrong": wrong, "most": questions.MOST}
    return Shown("events.html", {"title": visit.say("Events"), **given}, 422 if wrong else 200)


async def _passes(visit: PageVisit) -> Shown:
    try:
        found: Any = await visit.board.passes(_A_PAGE)
    except StoreSilent as why:
        found = str(why)
    return Shown("passes.html", {"title": visit.say("Passes"), "found": found})


async def _reconcile(visit: PageVisit) -> GoTo:
    picture, server = await visit.board.picture(), visit.form.get("server", "")
    if server and server not in picture.desired.servers:
        raise RequestRefused(404, "the fleet has no server of this code")
    await visit.board.reconcile({server} if server else (), visit.actor)
    return back_to(visit, "reconcile")


async def _pause(visit: PageVisit) -> GoTo:
    kind, code = find_subject(await visit.board.picture(), visit.form.get("document"))
    await visit.board.pause(kind, code, visit.form.get("reason", "")[:1000], visit.actor)
    return back_to(visit, "pause")


async def _resume(visit: PageVisit) -> GoTo:
    kind, code = find_subject(await visit.board.picture(), visit.form.get("document"))
    await visit.board.resume(kind, code, "", visit.actor)
    return back_to(visit, "resume")
