"""What the API answers, as models: the OpenAPI document is made of them, and tests hold every answer against that.

Rows are those of `status`, documents are those of `schemas`: a field that is added there is described here by itself. One that is
added elsewhere and is not described here fails those tests.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, create_model

from reconciler.core.model.actions import FieldChange
from reconciler.core.model.changesets import Blocked, Frozen, LeftAlone, MetHook, Removed
from reconciler.health.signs import HealthStatus
from reconciler.notices.records import PassRecord
from reconciler.reports.status import DocumentRow, InstanceRow, PlanRow, ServerRow, TemplatePlace, subjects
from schemas.kinds import KINDS

T = TypeVar("T")
_ROWS: dict[str, type] = {"server": ServerRow, "instance": InstanceRow, "plan": PlanRow}


class Paused(BaseModel):
    """One pause that is in force."""

    kind: str = Field(description="Kind of the document that is paused.", examples=["server"])
    code: str = Field(examples=["prod-1"])
    by: Literal["text", "command"] = Field(description="`text`: its document says `paused: true`.")
    since: datetime | None = Field(description="Since when; null for one that the text says.")
    reason: str
    why: str = Field(description="All of it in words.")


class PlacedTemplate(BaseModel):
    """One template, where it is and whether it can be cloned there."""

    code: str
    name: str
    template_db: str
    places: tuple[TemplatePlace, ...]
    is_ready: bool = Field(description="Whether it can be cloned on each of its servers.")


class Item(BaseModel):
    """A document, declared and observed side by side."""

    kind: str
    code: str
    paused: tuple[Paused, ...] = Field(description="The pauses that hold it back: its own, its server's, the fleet's.")


def _item(kind: str) -> type[Item]:
    row = PlacedTemplate if kind == "template" else _ROWS.get(kind, DocumentRow)
    declared = Field(description="What its document says, with defaults; secrets as references.")
    observed = Field(description="What `odoo-fleet status -o json` says of it.")
    fields: dict[str, Any] = {"declared": (KINDS[kind], declared), "observed": (row, observed)}
    name = "".join(part.title() for part in kind.split("-"))
    return create_model(f"{name}Item", __base__=Item, __doc__=f"One {kind}, declared and observed.", **fields)


def items() -> dict[str, type[Item]]:
    """Return by what is asked for (`servers`) what one of it is."""
    return {subject: _item(kind) for subject, kind in subjects().items()}


class Listing(BaseModel, Generic[T]):
    """A part of a list."""

    format: Literal[1]
    fleet: str = Field(description="Code of the fleet.")
    checked_at: datetime = Field(description="When what is observed was decided on.")
    total: int = Field(description="How many fit the question.")
    offset: int = Field(description="How many of them stand before the first of these.")
    limit: int
    items: tuple[T, ...]


class One(BaseModel, Generic[T]):
    """One of them."""

    format: Literal[1]
    fleet: str
    checked_at: datetime
    item: T


class Fleet(BaseModel):
    """How the fleet and its daemon stand."""

    format: Literal[1]
    fleet: str
    name: str
    revision: str = Field(description="The commit in force, or `sha256:` and the digest of a text without one.")
    in_force_since: datetime | None
    rejected: str = Field(description="A newer text that is not taken, and why; empty if there is none.")
    source_problem: str = Field(description="Why the text cannot be read now; empty if it can.")
    documents: dict[str, int] = Field(description="How many documents there are, by kind.")
    decided_at: datetime | None
    converged_at: datetime | None = Field(description="When reality last matched the text.")
    failing_since: datetime | None
    busy: tuple[str, ...] = Field(description="Servers on which actions run now.")
    pending: int = Field(description="Actions that are to run and have not ended.")
    blocked: int
    withheld: int
    orphans: int
    foreign: int
    frozen: tuple[str, ...]
    servers_online: int
    servers_asked: int
    paused: tuple[Paused, ...]
    ready: str = Field(description="As `/readyz`: empty, or why the daemon does not keep its fleet.")


class PlannedAction(BaseModel):
    """One step of the changeset, as `odoo-fleet plan -o json` has it."""

    id: str = Field(examples=["clone instance/acme on prod-1"])
    verb: str
    kind: str
    code: str
    server: str
    reason: str
    why: str = Field(description="The reason in words.")
    database: str
    becomes: str
    changes: tuple[FieldChange, ...]
    after: tuple[str, ...] = Field(description="The actions that come before it.")
    origin: str = Field(description="Code of the server that the database leaves, if it moves to another; else empty.")
    may_fail: int | None = Field(
        description="How many upgrades of a run may fail before this one is not begun; null where none are counted."
    )


class Held(BaseModel):
    """An action that a pause withholds."""

    action: PlannedAction
    why: str


class StoppedByThreshold(BaseModel):
    """What a threshold of the fleet's `safety` stops; `POST /approve` with its digest lets it through, once."""

    threshold: str = Field(examples=["removals"])
    why: str
    digest: str
    actions: tuple[PlannedAction, ...]


class PendingChangeset(BaseModel):
    """What is pending, and why; what is not done, and why."""

    format: Literal[1]
    fleet: str
    checked_at: datetime
    digest: str
    converged: bool
    summary: dict[str, int] = Field(description="How many of each: by what they are to do, blocked, left alone, …")
    actions: tuple[PlannedAction, ...]
    blocked: tuple[Blocked, ...]
    left_alone: tuple[LeftAlone, ...]
    withheld: tuple[Held, ...]
    removed: tuple[Removed, ...]
    frozen: tuple[Frozen, ...]
    hooks: tuple[MetHook, ...]
    stopped: tuple[StoppedByThreshold, ...]


class EndedAction(BaseModel):
    """The action that an event is the end of."""

    id: str
    pass_id: int
    verb: str
    database: str
    becomes: str
    reason: str
    result: str
    seconds: float
    command: str
    changes: tuple[FieldChange, ...]
    ran_by: str | None


class Event(BaseModel):
    """One thing that happened, as `odoo-fleet events -o json` has it."""

    at: datetime
    name: str
    level: str
    kind: str
    code: str
    server: str
    revision: str | None
    fields: tuple[str, ...]
    detail: str
    action: EndedAction | None


class Events(BaseModel):
    """What happened, the newest first."""

    format: Literal[1]
    fleet: str
    more: bool = Field(description="Whether there are older ones.")
    items: tuple[Event, ...]


class Passes(BaseModel):
    """The last passes, the newest first."""

    format: Literal[1]
    fleet: str
    items: tuple[PassRecord, ...]


class Look(BaseModel):
    """One look at a server's health."""

    health_status: HealthStatus
    since: datetime = Field(description="Since when this is its status.")
    is_online: bool
    last_check_date: datetime
    why: str = Field(description="All that is wrong, the worst first; empty if nothing is.")
    signs: dict[str, str | int | float | bool | None] = Field(description="The vital signs, by name; null: not known.")


class ServerHealth(BaseModel):
    """A server, and the last look at its health; null if its health was not looked at."""

    code: str
    name: str
    state: str
    look: Look | None


class FleetHealth(BaseModel):
    """How the servers are."""

    format: Literal[1]
    fleet: str
    items: tuple[ServerHealth, ...]


class TokenRow(BaseModel):
    """What is kept of a token."""

    id: str
    name: str
    role: str
    made_at: datetime
    made_by: str
    expires_at: datetime | None
    ended: bool


class Tokens(BaseModel):
    """All tokens."""

    format: Literal[1]
    fleet: str
    items: tuple[TokenRow, ...]


class Accepted(BaseModel):
    """What was asked for is under way."""

    accepted: Literal[True]
    detail: str


class PauseChanged(BaseModel):
    """How a document stands after its pause was begun or ended."""

    kind: str
    code: str
    changed: bool = Field(description="False if it was so before.")
    paused: tuple[Paused, ...] = Field(description="The pauses that still hold it back.")
