"""The page's forms for support and for an owner's first password, and the page on which whoever asked finds the link."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import QueryParams

from reconciler.access.roles import Role
from reconciler.web.boards import SupportVisit
from reconciler.web.first_passwords import FirstPasswordBody
from reconciler.web.page.shell import GoTo, Page, PageVisit, Shown
from reconciler.web.problem_details import RequestRefused
from reconciler.web.questions import read
from reconciler.web.support import SupportBody, find_supported


def support_pages() -> tuple[Page, ...]:
    """Return the page, and what the form leads to."""
    return (
        Page("POST", "/support", Role.MANAGER, _ask),
        Page("GET", "/support/{id}", Role.MANAGER, _show),
        Page("POST", "/first-passwords", Role.MANAGER, _ask_for_owner),
        Page("GET", "/first-passwords/{id}", Role.MANAGER, _show_for_owner),
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
    return _shown(found, visit.say("Support for %(code)s", code=found.code))


async def _ask_for_owner(visit: PageVisit) -> GoTo:
    sent = {name: visit.form[name] for name in ("code", "for") if visit.form.get(name)}
    try:
        asked = read(FirstPasswordBody, QueryParams(sent))
    except RequestRefused as refused:
        raise RequestRefused(422, "say for how long, from 5m to 7d", errors=refused.errors) from None
    begun = await visit.board.link_first_password(asked.code, asked.length, visit.actor)
    return GoTo(f"/first-passwords/{begun.id}")


async def _show_for_owner(visit: PageVisit) -> Shown:
    found = visit.board.first_password(visit.path["id"], visit.actor)
    return _shown(found, visit.say("First password of the owner of %(code)s", code=found.code), for_owner=True)


def _shown(found: SupportVisit, title: str, *, for_owner: bool = False) -> Shown:
    link = found.link.reveal() if found.link else ""
    return Shown("support.html", {"title": title, "visit": found, "link": link, "for_owner": for_owner})
