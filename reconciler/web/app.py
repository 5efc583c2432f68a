"""What is served: `/healthz`, `/readyz`, `/metrics` for monitoring, `/ask` for proxies, to everybody; what else is wanted.

Nothing is changed through the first four, and no body is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.health.standing import Standing
from reconciler.telemetry.metrics import CONTENT_TYPE
from reconciler.web.problem_details import RequestRefused, problem_answer
from reconciler.web.routes import HEADERS

# One request a connection: what is left of a body is never waited for, and no idle client is kept.
_ALWAYS = {"Cache-Control": "no-store", "Connection": "close", "X-Content-Type-Options": "nosniff"}
_WELL, _UNKNOWN, _UNWELL = 200, 404, 503
API = "/api/"


class View(Protocol):
    """What the pages show. Asked for each request, on the event loop, so it answers from memory."""

    def standing(self) -> Standing:
        """How the daemon stands."""
        ...

    def metrics(self) -> bytes:
        """Its metrics, of the type that `telemetry.metrics` names."""
        ...

    def alive(self) -> str:
        """Nothing, or why it should be started again."""
        ...

    def ready(self) -> str:
        """Nothing, or why it does not do its work."""
        ...

    def serves(self, name: str) -> bool:
        """Whether a host name in small letters is one of an instance of the fleet that is not absent."""
        ...


def make_app(view: View, api: Sequence[Route] = ()) -> Starlette:
    """Make the pages of a view, and what else there is; what they raise is answered with 500 and raised to the server."""

    async def healthz(_request: Request) -> Response:
        why = view.alive()
        return _text(_UNWELL, f"not alive: {why}") if why else _text(_WELL, "alive")

    async def readyz(_request: Request) -> Response:
        why = view.ready()
        return _text(_UNWELL, f"not ready: {why}") if why else _text(_WELL, _in_force(view.standing()))

    async def metrics(_request: Request) -> Response:
        return Response(view.metrics(), headers={**_ALWAYS, "Content-Type": CONTENT_TYPE})

    async def ask(request: Request) -> Response:
        """Answer a proxy that is about to have a certificate made for a name that somebody came by."""
        name = request.query_params.get("domain", "")
        if view.serves(name.lower().removesuffix(".")):
            return _text(_WELL, "it is a name of this fleet's")
        return _text(_UNKNOWN, "no instance of this fleet has that name")

    app = Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/ask", ask, methods=["GET"]),
            *api,
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


def _in_force(standing: Standing) -> str:
    return f"ready: fleet {standing.fleet}, revision {standing.revision}" if standing.revision else "ready"


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    if request.url.path.startswith(API):
        said = {404: "there is nothing here: see /api/v1/openapi.json", 405: "this cannot be done here"}
        detail = said.get(refusal.status_code, refusal.detail)
        return problem_answer(RequestRefused(refusal.status_code, detail, refusal.headers or {}), HEADERS)
    said = {404: "there is nothing here", 405: "only GET and HEAD"}
    return _text(refusal.status_code, said.get(refusal.status_code, refusal.detail), refusal.headers)


async def _failed(request: Request, _failure: Exception) -> Response:
    why = "the daemon could not answer; its log says why"
    return problem_answer(RequestRefused(500, why), HEADERS) if request.url.path.startswith(API) else _text(500, why)


def _text(status: int, line: str, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{line}\n", status, headers={**_ALWAYS, **(headers or {})})
