"""Three pages, for monitoring alone: `/healthz`, `/readyz`, `/metrics`. Nothing is changed through them and no body is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.health.standing import Standing
from reconciler.telemetry.metrics import CONTENT_TYPE

# One request a connection: what is left of a body is never waited for, and no idle client is kept.
_ALWAYS = {"Cache-Control": "no-store", "Connection": "close", "X-Content-Type-Options": "nosniff"}
_WELL, _UNWELL = 200, 503


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


def make_app(view: View) -> Starlette:
    """Make the pages of a view; what it raises is answered with 500 and raised to the server."""

    async def healthz(_request: Request) -> Response:
        why = view.alive()
        return _text(_UNWELL, f"not alive: {why}") if why else _text(_WELL, "alive")

    async def readyz(_request: Request) -> Response:
        why = view.ready()
        return _text(_UNWELL, f"not ready: {why}") if why else _text(_WELL, _in_force(view.standing()))

    async def metrics(_request: Request) -> Response:
        return Response(view.metrics(), headers={**_ALWAYS, "Content-Type": CONTENT_TYPE})

    app = Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


def _in_force(standing: Standing) -> str:
    return f"ready: fleet {standing.fleet}, revision {standing.revision}" if standing.revision else "ready"


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    said = {404: "there is nothing here", 405: "only GET and HEAD"}
    return _text(refusal.status_code, said.get(refusal.status_code, refusal.detail), refusal.headers)


async def _failed(_request: Request, _failure: Exception) -> Response:
    return _text(500, "the daemon could not answer; its log says why")


def _text(status: int, line: str, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{line}\n", status, headers={**_ALWAYS, **(headers or {})})
