"""The ways in and out, which need no session: logging in with a token, logging out, and which language the page speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.web.doors import Doorkeeper, address_of
from reconciler.web.page import languages
from reconciler.web.page.languages import LANGUAGES
from reconciler.web.page.shell import COOKIE, Shell, check_origin, local_path, read_form, set_cookie
from reconciler.web.problem_details import RequestRefused


class OtherWay(Protocol):
    """Another way in than by a token."""

    @property
    def name(self) -> str:
        """What it is called for people."""
        ...

    def routes(self, shell: Shell, door: Doorkeeper) -> list[Route]:
        """Return what serves it."""
        ...


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets people in and out.

    Args:
        shell: makes pages.
        door: lets in.
    """

    shell: Shell
    door: Doorkeeper

    def routes(self) -> list[Route]:
        """Return what serves it."""
        return [
            Route("/login", self._serve(self._login), methods=["GET", "POST"]),
            Route("/logout", self._serve(self._logout), methods=["POST"]),
            Route("/language", self._serve(self._language), methods=["POST"]),
        ]

    def _serve(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                if request.method == "POST":
                    check_origin(request)
                return await answer(request)
            except RequestRefused as refused:
                return self.shell.refusal(request, refused)

        return serve

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            leads_to = request.query_params.get("next", "/")
            if self.door.by_session(request.cookies.get(COOKIE, ""), address_of(request)):
                return self.shell.redirect(local_path(leads_to))
            return self.shell.login_form(request, leads_to)
        form = await read_form(request)
        try:
            actor = self.door.by_token(form.get("token", "").strip(), address_of(request))
        except RequestRefused as refused:
            return self.shell.login_form(request, form.get("next", "/"), refused)
        self.door.close_session(request.cookies.get(COOKIE, ""))
        answer = self.shell.redirect(local_path(form.get("next", "/")))
        set_cookie(answer, request, self.door.open_session(actor))
        return answer

    async def _logout(self, request: Request) -> Response:
        self.door.close_session(request.cookies.get(COOKIE, ""))
        answer = self.shell.redirect("/login")
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    async def _language(self, request: Request) -> Response:
        form = await read_form(request)
        answer = self.shell.redirect(local_path(form.get("back", "/")))
        if (code := form.get("language", "")) in LANGUAGES:
            set_cookie(answer, request, code, languages.COOKIE, languages.COOKIE_SECONDS)
        return answer
