"""The API's routes for support: a way into a customer's database for a while, shown to whoever asked for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reconciler.access.roles import Role
from reconciler.core.support import LONGEST, SHORTEST
from reconciler.web import answers
from reconciler.web.boards import Picture, SupportVisit
from reconciler.web.problems import RequestRefused
from reconciler.web.routes import Admitted, Endpoint

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
    return (
        Endpoint(
            "POST",
            f"{base}/support",
            Role.MANAGER,
            "Let yourself into an instance's database for a while.",
            Support,
            _ask,
            body=SupportBody,
            refusals=(404, 409),
            status=202,
        ),
        Endpoint(
            "GET",
            f"{base}/support/{{id}}",
            Role.MANAGER,
            "How a way in stands that this token asked for.",
            Support,
            _show,
            refusals=(404,),
        ),
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
    return _document(await call.board.open_support(code, lasts, call.body.reason, call.actor))


async def _show(call: Admitted) -> Mapping[str, Any]:
    return _document(call.board.support(call.path["id"], call.actor))


def _document(visit: SupportVisit) -> dict[str, Any]:
    return {
        "format": answers.FORMAT,
        "id": visit.id,
        "code": visit.code,
        "state": visit.state,
        "until": visit.until.isoformat(timespec="seconds"),
        "login": visit.login,
        "link": visit.link.reveal() if visit.link else "",
        "why": visit.why,
    }
