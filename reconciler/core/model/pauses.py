"""Pauses: what is to be left alone for a while, because its text says so or because someone said `odoo-fleet pause`.

A pause withholds changes. It stops no look, no health round and no report, and it hides nothing: what would have been done is
shown as withheld.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.core.model.addressed import Addressed
from reconciler.fleet.desired import Desired


@dataclass(frozen=True, slots=True, order=True)
class Pause(Addressed):
    """One document that is left alone. `since` is None where the text says so (`paused: true`)."""

    kind: str
    code: str
    reason: str = ""
    since: datetime | None = None

    @property
    def why(self) -> str:
        """Say what is paused, by whom, and why if that was given."""
        by = "its text says paused: true" if self.since is None else f"since {self.since:%Y-%m-%d %H:%M} UTC"
        said = f": {self.reason}" if self.reason else ""
        return f"{self.address} is paused ({by}){said}"


def in_force(desired: Desired, commanded: Mapping[tuple[str, str], Pause]) -> Mapping[tuple[str, str], Pause]:
    """Return the pauses of documents that exist, by kind and code; what the text says counts before a command."""
    documents = {(document.kind, document.code): document for document in desired.pausable()}
    paused = {key: pause for key, pause in commanded.items() if key in documents}
    return paused | {key: Pause(*key) for key, document in documents.items() if document.paused}


class Subject(Protocol):
    """What a pause can concern: an action, or something that is blocked."""

    @property
    def kind(self) -> str:
        """Kind of its document."""

    @property
    def code(self) -> str:
        """Code of its document."""

    @property
    def server(self) -> str:
        """The server where it happens."""


def pause_of(subject: Subject, fleet: str, pauses: Mapping[tuple[str, str], Pause]) -> Pause | None:
    """Return the widest pause that concerns something: of the fleet, of its server, of its document."""
    return next((pauses[key] for key in _concerned(subject, fleet) if key in pauses), None)


def _concerned(subject: Subject, fleet: str) -> Iterator[tuple[str, str]]:
    yield "fleet", fleet
    yield "server", subject.server
    yield subject.kind, subject.code
