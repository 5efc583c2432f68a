"""The API's routes for support: a way into a customer's database for a while, shown to whoever asked for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reconciler.access.roles import Role
from reconciler.core.diffs.support import LONGEST, SHORTEST
from reconciler.reports.plain import FORMAT
from reconciler.web.boards import Picture, SupportVisit
from reconciler.web.problem_details import RequestRefused
from reconciler.web.routes import Admitted, Endpoint, Serve

_MINUTE = timedelta(minutes=1)


class SupportBody(BaseModel):
    """Whose database, for how long, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(max_length=100, description="Code of the instance.", examples=["acme"])
    minutes: int = Field(default=30, ge=SHORTEST // _MINUTE, le=LONGEST // _MINUTE, description="For how long.")
    reason: str = Field(
        min_length=1, max_length=1000, pattern=r"\S", description="Why, for the history.", examples=["ticket 4711"]
    )

    @field_validator("reason")
    @classmethod
    def _one_line(cls, reason: str) -> str:
        return " ".join(reason.split())


class Support(BaseModel):
    """A way in, and how it stands."""

    format: Literal[1]
    id: str
    code: str
    state: Literal["asked", "open", "failed"]
    until: datetime
    login: str = Field(description="Of the account; empty until it is open.")
    link: str = Field(description="Leads to Odoo's page on which its password is chosen, once; empty until it is open.")
    why: str = Field(description="Why it failed.")


def support_endpoints(base: str) -> tuple[Endpoint, ...]:
    """Return what can be asked."""
    said = "Let yourself into an instance's database for a while.", "How a way in stands that this token asked for."
    return way_endpoints(f"{base}/support", said, (_ask, _show), SupportBody)


def way_endpoints(
    path: str, said: tuple[str, str], serve: tuple[Serve, Serve], body: type[BaseModel]
) -> tuple[Endpoint, ...]:
    """Return what asks for a way in, and what shows how it stands.

    Args:
        path: of the first; the other's has its id behind it.
        said: what each is for.
        serve: what answers each.
        body: of the first.
    """
    may = Role.MANAGER
    return (
        Endpoint("POST", path, may, said[0], Support, serve[0], body=body, refusals=(404, 409), status=202),
        Endpoint("GET", f"{path}/{{id}}", may, said[1], Support, serve[1], refusals=(404,)),
    )


def find_supported(picture: Picture, code: str) -> str:
    """Return the code of an instance that does not forbid support.

    Raises:
        Refused: there is none of this code, or it forbids it.
    """
    instance = picture.desired.instances.get(code)
    if instance is None:
        raise RequestRefused(404, "the fleet has no instance of this code")
    if not instance.allow_support:
        raise RequestRefused(409, f"{instance.address} forbids it: `allow_support: false`")
    return code


async def _ask(call: Admitted) -> Mapping[str, Any]:
    code = find_supported(await call.board.picture(), call.body.code)
    lasts = timedelta(minutes=call.body.minutes)
    return document(await call.board.open_support(code, lasts, call.body.reason, call.actor))


async def _show(call: Admitted) -> Mapping[str, Any]:
    return document(call.board.support(call.path["id"], call.actor))


def document(visit: SupportVisit) -> dict[str, Any]:
    """Return how a way in stands, as `Support` describes it."""
    return {
        "format": FORMAT,
        "id": visit.id,
        "code": visit.code,
        "state": visit.state,
        "until": visit.until,
        "login": visit.login,
        "link": visit.link.reveal() if visit.link else "",
        "why": visit.why,
    }
