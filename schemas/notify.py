"""Channels: whom the daemon tells what it sees, of what, and when it lets people sleep."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.document import Part, type_of_sequence
from schemas.references import KeyReference
from schemas.windows import Hours, Selector


class Channel(Part):
    """A channel for messages: a chat, a mailbox, a web address."""

    url: KeyReference = Field(
        description="Its address as Apprise writes it, by reference, since whoever has it can write there: for example "
        "`slack://…`, `mailtos://…`, `msteams://…`, `jsons://…`.",
        examples=[{"env": "OPS_SLACK"}],
    )
    levels: Annotated[tuple[Literal["info", "warning", "error"], ...], type_of_sequence, Field(min_length=1)] = Field(
        default=("warning", "error"),
        description="Which notices it is told.",
        examples=[["error"], ["warning", "error"]],
    )
    selector: Selector = Field(
        default={},
        description="Labels of what it is told about: its own, and its server's where it has none of that name; left out: "
        "everything, also what is about no document.",
        examples=[{"region": "eu"}],
    )
    quiet: Hours | None = Field(
        default=None,
        description="When all but errors wait.",
        examples=[{"from": "20:00", "to": "07:00", "timezone": "Europe/Brussels"}],
    )
