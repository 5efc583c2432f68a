"""What the page's buttons for work on single servers and databases do: ask the daemon for it, as the API does."""

from __future__ import annotations

from reconciler.access.roles import Role
from reconciler.web.page.shell import GoTo, Page, PageVisit, back_to
from reconciler.web.work import find_kept, find_server


def work_pages() -> tuple[Page, ...]:
    """Return what the buttons lead to."""
    return (
        Page("POST", "/servers/{code}/check", Role.MANAGER, _check),
        Page("POST", "/backup", Role.MANAGER, _back_up),
        Page("POST", "/verify", Role.MANAGER, _prove),
        Page("POST", "/approve", Role.ADMIN, _approve),
    )


async def _check(visit: PageVisit) -> GoTo:
    visit.board.check(find_server(await visit.board.picture(), visit.path["code"]), visit.actor)
    return back_to(visit, "check")


async def _back_up(visit: PageVisit) -> GoTo:
    visit.board.back_up(*find_kept(await visit.board.picture(), visit.form.get("document", "")), visit.actor)
    return back_to(visit, "backup")


async def _prove(visit: PageVisit) -> GoTo:
    kind, code = find_kept(await visit.board.picture(), visit.form.get("document", ""))
    visit.board.prove(kind, code, "", visit.actor)
    return back_to(visit, "verify")


async def _approve(visit: PageVisit) -> GoTo:
    visit.board.approve(visit.form.get("digest", "")[:64].encode("ascii", "replace").decode(), visit.actor)
    return back_to(visit, "approve")
