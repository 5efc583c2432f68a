"""When actions may begin: `windows`, outside of which some verbs wait, and `freezes`, in which nearly all wait."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from schemas.document import Part, type_of_sequence
from schemas.texts import Day, LabelKey, LabelValue, Line, TimeOfDay, problem
from schemas.timezones import check_timezone

VerbName = Literal[
    "activate",
    "set-maintenance",
    "disable",
    "create",
    "rebuild",
    "adopt",
    "clone",
    "copy",
    "restore",
    "discard",
    "replace",
    "move",
    "rename",
    "suspend",
    "end",
    "untrash",
    "resume",
    "rotate-password",
    "configure",
    "upgrade",
    "uninstall",
    "end-support",
    "sweep",
    "drop",
]
"""The verbs of `reconciler.core.model.verbs`, here so that editors complete them."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Zone = Annotated[str, AfterValidator(check_timezone)]
Selector = Mapping[LabelKey, LabelValue]

_CONCERNS = (
    "Labels of what it concerns: its own, and its server's where it has none of that name; left out: everything."
)
_ZONE = "Time zone in which it is meant; left out: UTC."


class Hours(Part):
    """Hours of some days of the week."""

    days: Annotated[tuple[Weekday, ...], type_of_sequence, Field(min_length=1)] = Field(
        default=WEEK, description="The days on which they begin.", examples=[["mon", "tue", "wed", "thu"]]
    )
    opens: TimeOfDay = Field(alias="from", description="When they begin.", examples=["22:00"])
    closes: TimeOfDay = Field(
        alias="to", description="When they end; not later than `from`: on the day after.", examples=["05:00"]
    )
    timezone: Zone = Field(default="UTC", description=_ZONE, examples=["Europe/Brussels"])


class Window(Hours):
    """When some verbs may begin; at any other time they wait. Those that no window names may begin at any time."""

    verbs: Annotated[tuple[VerbName, ...], type_of_sequence, Field(min_length=1)] = Field(
        description="What waits for it.", examples=[["configure", "rename"]]
    )
    selector: Selector = Field(default={}, description=_CONCERNS, examples=[{"region": "eu"}])


class Freeze(Part):
    """Days on which nothing is begun, but what is excepted, and what was begun before."""

    first: Day = Field(alias="from", description="The first day.", examples=["2026-12-24"])
    last: Day = Field(alias="to", description="The last day.", examples=["2027-01-03"])
    timezone: Zone = Field(default="UTC", description=_ZONE, examples=["Europe/Brussels"])
    selector: Selector = Field(default={}, description=_CONCERNS, examples=[{"tier": "gold"}])
    reason: Line = Field(default="", description="Why, shown with what waits.", examples=["closed"])
    excepted: Annotated[tuple[VerbName, ...], type_of_sequence] = Field(
        default=(), alias="except", description="Verbs that go on.", examples=[["resume", "restore"]]
    )

    @field_validator("last")
    @classmethod
    def _not_before_it_begins(cls, last: date, info: ValidationInfo) -> date:
        if (first := info.data.get("first")) is not None and last < first:
            raise problem("freeze-ends-early", f"the freeze ends on {last}, before it begins on {first}")
        return last
