"""The page's form for support, and the page on which whoever asked finds the link."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import QueryParams

from reconciler.access.roles import Role
from reconciler.web.asking import read
from reconciler.web.page.shell import GoTo, Page, PageVisit, Shown
from reconciler.web.problems import RequestRefused
from reconciler.web.support import SupportBody, find_supported


def support_pages() -> tuple[Page, ...]:
    """Return the page, and what the form leads to."""
    return (
        Page("POST", "/support", Role.MANAGER, _ask),
        Page("GET", "/support/{id}", Role.MANAGER, _show),
    )


async def _ask(visit: PageVisit) -> GoTo:
    code = find_supported(await visit.board.picture(), visit.form.get("code", ""))
    sent = {name: visit.form[name] for name in ("code", "minutes", "reason") if visit.form.get(name)}
    try:
        asked = read(SupportBody, QueryParams(sent))
    except RequestRefused as refused:
        raise RequestRefused(422, "say why, and for 5 to 480 minutes", errors=refused.errors) from None
    opened = await visit.board.open_support(code, timedelta(minutes=asked.minutes), asked.reason, visit.actor)
    return GoTo(f"/support/{opened.id}")


async def _show(visit: PageVisit) -> Shown:
    found = visit.board.support(visit.path["id"], visit.actor)
    link = found.link.reveal() if found.link else ""
    return Shown(
        "support.html", {"title": visit.say("Support for %(code)s", code=found.code), "visit": found, "link": link}
    )
