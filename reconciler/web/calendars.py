"""What ends when, as a calendar that programs can subscribe to: the one answer of the API that is no JSON."""

from __future__ import annotations

from pydantic import BaseModel

from reconciler.access.roles import Role
from reconciler.core.policies.calendars import of_instances, of_trash
from reconciler.reports.icalendar import render_icalendar
from reconciler.version import __version__
from reconciler.web.routes import Admitted, Endpoint

CONTENT_TYPE = "text/calendar; charset=utf-8"


def calendar_endpoint(base: str) -> Endpoint:
    """Return what serves it."""
    said = "What ends when, as iCalendar: subscriptions, grace, trials, trash."
    return Endpoint("GET", f"{base}/calendar.ics", Role.USER, said, BaseModel, _calendar, content=CONTENT_TYPE)


async def _calendar(call: Admitted) -> str:
    picture, now = await call.board.picture(), call.board.now()
    trash = [(each.server, each.database) for each in picture.changeset.left_alone]
    trash += [(a.server, a.database) for a in picture.changeset.actions if a.verb.is_housekeeping]
    found = sorted([*of_instances(picture.desired, now), *of_trash(picture.desired, dict.fromkeys(trash))])
    return render_icalendar(picture.status.fleet, found, now, __version__)
