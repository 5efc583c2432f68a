"""The API's routes for links by which owners choose their first password: shown to whoever asked alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reconciler.core.diffs.support import LONGEST_LINK, SHORTEST
from reconciler.core.model.lengths import read_length
from reconciler.web.routes import Admitted, Endpoint
from reconciler.web.support import document, way_endpoints

_WRITTEN = "^(([5-9]|[1-9][0-9]{1,2})m|([1-9][0-9]?|1[0-5][0-9]|16[0-8])h|[1-7]d)$"
"""For whoever asks; others of the same length (`300s`, `1w`) are taken too."""


class FirstPasswordBody(BaseModel):
    """Whose database, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(max_length=100, description="Code of the instance.", examples=["acme"])
    lasts: str = Field(
        default="24h",
        alias="for",
        description="How long the link is good, from 5m to 7d.",
        examples=["24h"],
        json_schema_extra={"pattern": _WRITTEN},
    )

    @field_validator("lasts")
    @classmethod
    def _may_be(cls, lasts: str) -> str:
        if not SHORTEST <= (read_length(lasts) or timedelta()) <= LONGEST_LINK:
            raise ValueError("write a length of time from 5m to 7d, as in 24h or 3d")
        return lasts

    @property
    def length(self) -> timedelta:
        """For how long."""
        return read_length(self.lasts) or timedelta()


def first_password_endpoints(base: str) -> tuple[Endpoint, ...]:
    """Return what can be asked."""
    said = (
        "Have a link made by which an instance's owner chooses the first password of his own.",
        "How a link to a first password stands that this token asked for.",
    )
    return way_endpoints(f"{base}/first-passwords", said, (_ask, _show), FirstPasswordBody)


async def _ask(call: Admitted) -> Mapping[str, Any]:
    return document(await call.board.link_first_password(call.body.code, call.body.length, call.actor))


async def _show(call: Admitted) -> Mapping[str, Any]:
    return document(call.board.first_password(call.path["id"], call.actor))
