"""What the page's forms for orders do: what they send becomes an order, as one that the API takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.access.roles import Role
from reconciler.web.orders import Order, Wish
from reconciler.web.page.shell import GoTo, Page, PageVisit
from reconciler.web.problem_details import RequestRefused

NEW = ("company", "code", "template", "plan", "server")
CHANGED = ("name", "company", "plan", "state")
_OWNER = {"owner_name": "name", "owner_login": "login"}


def order_pages() -> tuple[Page, ...]:
    """Return what the forms lead to."""
    return (Page("POST", "/instances", Role.MANAGER, _create), Page("POST", "/instances/{code}", Role.MANAGER, _change))


async def _create(visit: PageVisit) -> GoTo:
    fields: dict[str, Any] = _filled(visit.form, NEW)
    owner = {name: visit.form[field].strip() for field, name in _OWNER.items() if visit.form.get(field, "").strip()}
    if owner:
        fields["owner"] = owner
    await visit.board.order(Order(Wish.CREATE, fields.get("code", ""), fields, _key(visit, fields)), visit.actor)
    return GoTo("/instances", "order")


async def _change(visit: PageVisit) -> GoTo:
    code, instances = visit.path["code"], (await visit.board.picture()).desired.instances
    if code not in instances:
        raise RequestRefused(404, "the fleet has no instance of this code")
    # What stands there already, or is the default, is not written down for being shown.
    shown = {name: getattr(instances[code], name) for name in CHANGED}
    fields = {name: value for name, value in _filled(visit.form, CHANGED).items() if value != shown[name]}
    if not fields:
        return GoTo(f"/instances/{code}")
    await visit.board.order(Order(Wish.CHANGE, code, fields, _key(visit, fields)), visit.actor)
    return GoTo(f"/instances/{code}", "order")


def _filled(form: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    """Return what was filled in; what was left empty is not said."""
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}


def _key(visit: PageVisit, fields: Mapping[str, Any]) -> str:
    """Know a form again that is sent twice: from the same page, of the same session, filled in alike."""
    said = json.dumps(
        [visit.session.csrf, visit.form.get("revision", ""), visit.request.url.path, fields], sort_keys=True
    )
    return f"page-{hashlib.sha256(said.encode()).hexdigest()}"
