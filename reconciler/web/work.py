"""The API's routes for work on one server or database: look at it, back it up, prove a backup. The daemon does it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from reconciler.access.roles import Role
from reconciler.core.policies.backup_times import is_under_way
from reconciler.reports.plain import report
from reconciler.web import answers
from reconciler.web.boards import KeptRow, Picture
from reconciler.web.problem_details import RequestRefused
from reconciler.web.questions import Query
from reconciler.web.routes import Admitted, Endpoint

KEPT = ("instance", "template")


class KeptQuery(Query):
    """Which databases."""

    kind: str | None = Field(default=None, max_length=40, description="Only those of documents of this kind.")
    code: str | None = Field(default=None, max_length=100, description="Only those of documents of this code.")


class BackupBody(BaseModel):
    """Which document is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str = Field(
        max_length=120, description="KIND/CODE of an instance or a template.", examples=["instance/acme"]
    )


class ProofBody(BackupBody):
    """Which backup is meant."""

    backup: str = Field(
        default="",
        max_length=120,
        description="Its id, as `events` or `odoo-fleet backup list` has it; left out: the newest.",
    )


class ApproveBody(BaseModel):
    """What is approved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(
        pattern="^[0-9a-f]{64}$", description="Of what is approved, as `stopped` of `changeset` has it."
    )


class WorkAsked(BaseModel):
    """What was asked for is done as soon as its host is free: `events` and `backups` say how it ended."""

    accepted: bool = Field(description="False if the same was asked for before and has not ended.")
    detail: str


class WorkKept(BaseModel):
    """One kind of work on one database."""

    kind: str
    code: str
    server: str
    work: str = Field(description="`backup`, or `proof`: a backup restored beside its database and compared.")
    good_at: datetime | None = Field(description="When the last good one was made.")
    tried_at: datetime | None = Field(description="When the last try began or failed; null once one was good.")
    under_way: bool
    problem: str = Field(description="Why what was due failed last; empty once one was good.")
    asked_at: datetime | None = Field(description="When somebody asked for one that has not ended.")
    asked_by: str


class Backups(BaseModel):
    """How databases are kept."""

    format: int
    fleet: str
    items: tuple[WorkKept, ...]


def work_endpoints(base: str) -> tuple[Endpoint, ...]:
    """Return what can be asked for."""
    manager, refusals = Role.MANAGER, (404, 409)
    return (
        Endpoint("GET", f"{base}/backups", Role.USER, "How databases are kept.", Backups, _kept, KeptQuery),
        Endpoint(
            "POST",
            f"{base}/servers/{{code}}/check",
            manager,
            "Look at a server's health now.",
            answers.Accepted,
            _check,
            refusals=refusals,
            status=202,
        ),
        Endpoint(
            "POST",
            f"{base}/backup",
            manager,
            "Back a document's database up.",
            WorkAsked,
            _back_up,
            body=BackupBody,
            refusals=refusals,
            status=202,
        ),
        Endpoint(
            "POST",
            f"{base}/verify",
            manager,
            "Prove a backup by restoring it beside its database.",
            WorkAsked,
            _prove,
            body=ProofBody,
            refusals=refusals,
            status=202,
        ),
        Endpoint(
            "POST",
            f"{base}/approve",
            Role.ADMIN,
            "Let through what a threshold stopped, once.",
            answers.Accepted,
            _approve,
            body=ApproveBody,
            refusals=(409,),
            status=202,
        ),
    )


def find_server(picture: Picture, code: str) -> str:
    """Return the code of a server.

    Raises:
        Refused: there is none of this code.
    """
    if code not in picture.desired.servers:
        raise RequestRefused(404, "the fleet has no server of this code")
    return code


def find_kept(picture: Picture, document: str) -> tuple[str, str]:
    """Return kind and code of a document whose database can be backed up.

    Raises:
        Refused: there is none of this name.
    """
    kind, _, code = document.partition("/")
    if kind not in KEPT or code not in picture.desired.documents[kind]:
        raise RequestRefused(
            404, f"the fleet has no {document[:120]!r} that can be backed up: write KIND/CODE, as in instance/acme"
        )
    return kind, code


async def _check(call: Admitted) -> Mapping[str, Any]:
    server = find_server(await call.board.picture(), call.path["code"])
    call.board.check(server, call.actor)
    return {
        "accepted": True,
        "detail": f"the health of {server} is looked at within five seconds; `health` says how it is",
    }


async def _back_up(call: Admitted) -> Mapping[str, Any]:
    kind, code = find_kept(await call.board.picture(), call.body.document)
    accepted, detail = call.board.back_up(kind, code, call.actor)
    return {"accepted": accepted, "detail": detail}


async def _prove(call: Admitted) -> Mapping[str, Any]:
    kind, code = find_kept(await call.board.picture(), call.body.document)
    accepted, detail = call.board.prove(kind, code, call.body.backup, call.actor)
    return {"accepted": accepted, "detail": detail}


async def _approve(call: Admitted) -> Mapping[str, Any]:
    return {"accepted": True, "detail": call.board.approve(call.body.digest, call.actor)}


async def _kept(call: Admitted) -> Mapping[str, Any]:
    asked, rows, now = call.query, await call.board.kept(), call.board.now()
    fits = [row for row in rows if asked.kind in (None, row.record.kind) and asked.code in (None, row.record.code)]
    return report(call.board.standing().fleet, items=[_kept_document(row, now) for row in fits])


def _kept_document(row: KeptRow, now: datetime) -> dict[str, Any]:
    record, asked = row.record, row.asked
    return {
        "kind": record.kind,
        "code": record.code,
        "server": record.server,
        "work": record.work,
        "good_at": record.good_at,
        "tried_at": record.tried_at,
        "under_way": is_under_way(record, now),
        "problem": record.problem,
        "asked_at": asked.at if asked else None,
        "asked_by": asked.by if asked else "",
    }
