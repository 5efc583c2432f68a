"""The table of routes: what each is for, who may use it, what it takes and gives. It is served and described from here."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor
from reconciler.reports.plain import plain
from reconciler.web.boards import Board, NotYet, StoreSilent
from reconciler.web.doors import Doorkeeper
from reconciler.web.problem_details import RequestRefused, problem_answer, wrong_fields
from reconciler.web.questions import Query, read

MOST_BYTES = 64 * 1024
"""Of a body; none that is asked for needs a hundredth of it."""

KEY = re.compile(r"[\x21-\x7e]{1,255}")
"""What an `Idempotency-Key` may be."""

HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """One request that was let in: who asks, for what, with which question and body, and by which key it is known again."""

    board: Board
    actor: Actor
    path: Mapping[str, str]
    query: Any
    body: Any
    key: str = ""


Serve = Callable[[Admitted], Awaitable[Mapping[str, Any] | str]]
"""Answers a request."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that the API can be asked.

    Args:
        method: GET, POST, PATCH or DELETE.
        path: with `{name}` for what is filled in.
        role: who may.
        summary: what it is for, in one line.
        answer: model of the answer; what `serve` gives must be one in JSON's plain types, or a text of another `content`.
        serve: answers it.
        query: what the address may ask beside its path.
        body: what is sent along; None where no body is read.
        status: of a good answer.
        refusals: how it can be refused beside what holds for all.
        keyed: whether it may bear an `Idempotency-Key`, so that it is done once however often it is sent.
        content: the media type of a good answer.
    """

    method: str
    path: str
    role: Role
    summary: str
    answer: type[BaseModel]
    serve: Serve
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    keyed: bool = False
    content: str = "application/json"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Name what is filled into the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def route(endpoint: Endpoint, board: Board, door: Doorkeeper) -> Route:
    """Make a route of an endpoint: nobody gets past it without the role that it needs."""

    async def serve(request: Request) -> Response:
        try:
            actor = require(endpoint.role, door.by_header(request))
            query = read(endpoint.query, request.query_params)
            body = await _body(request, endpoint.body) if endpoint.body else None
            key = _key(request) if endpoint.keyed else ""
            given = await endpoint.serve(Admitted(board, actor, request.path_params, query, body, key))
        except RequestRefused as refused:
            return problem_answer(refused, HEADERS)
        except (NotYet, StoreSilent) as why:
            return problem_answer(RequestRefused(503, str(why), {"Retry-After": "5"}), HEADERS)
        text = given if isinstance(given, str) else _written(given)
        return Response(text.encode("utf-8", "backslashreplace"), endpoint.status, HEADERS, endpoint.content)

    return Route(endpoint.path, serve, methods=[endpoint.method], name=f"{endpoint.method} {endpoint.path}")


def _written(given: Mapping[str, Any]) -> str:
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"), default=plain)


def require(role: Role, actor: Actor) -> Actor:
    """Return the actor if they may what needs this role.

    Raises:
        Refused: they may not.
    """
    if not actor.role.may(role):
        raise RequestRefused(403, f"this needs the role {role}; yours is {actor.role}")
    return actor


async def read_all(request: Request, most: int = MOST_BYTES) -> bytes:
    """Read a body of at most so many bytes.

    Raises:
        Refused: there is more.
    """
    whole = b""
    try:
        async for chunk in request.stream():
            whole += chunk
            if len(whole) > most:
                raise RequestRefused(413, f"at most {most} bytes are read")
    except ClientDisconnect:
        raise RequestRefused(400, "the body ended before its end") from None
    return whole


def _key(request: Request) -> str:
    given = request.headers.getlist("idempotency-key")
    if len(given) > 1 or any(not KEY.fullmatch(each) for each in given):
        raise RequestRefused(422, "an Idempotency-Key is one word of 1 to 255 letters, digits and signs of ASCII")
    return given[0] if given else ""


def _no_number(word: str) -> None:
    raise ValueError(word)


async def _body(request: Request, model: type[BaseModel]) -> BaseModel:
    text = await read_all(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if text and kind != "application/json":
        raise RequestRefused(415, "send JSON, and say so: `Content-Type: application/json`")
    try:
        given = json.loads(text or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the body is no JSON") from None
    if not isinstance(given, dict):
        raise RequestRefused(422, "the body must be a JSON object")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise wrong_fields(error, "body") from None
