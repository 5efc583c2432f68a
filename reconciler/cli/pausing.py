"""What `pause` and `resume` share: the document that is meant, and the pauses that concern it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.cli.known import Known
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.pauses import Pause, in_force
from reconciler.reports.plain import report


@dataclass(frozen=True, slots=True)
class PausableDocument(Addressed):
    """A document that can be paused."""

    known: Known
    kind: str
    code: str

    @property
    def server(self) -> str:
        """The server that it is; empty for other kinds."""
        return self.code if self.kind == "server" else ""

    def place(self) -> str:
        """Say where its text pauses it (`file:line:column`); empty if it does not, or cannot be read."""
        desired = self.known.desired
        if desired is None:
            return ""
        pause = in_force(desired, {}).get((self.kind, self.code))
        return "" if pause is None else str(desired.range_of(self.kind, self.code, "paused"))

    def wider(self, inventory: Inventory) -> tuple[Pause, ...]:
        """Return the other pauses that hold it back as well: of the fleet, of a server where its databases are."""
        desired = self.known.desired
        pauses = inventory.pauses if desired is None else in_force(desired, inventory.pauses)
        around = [("fleet", self.known.fleet), *(("server", server) for server in self._servers(inventory))]
        return tuple(pauses[key] for key in around if key in pauses and key != (self.kind, self.code))

    def _servers(self, inventory: Inventory) -> list[str]:
        if self.kind not in {"instance", "template"}:
            return []
        servers = {entry.server for entry in inventory.of(self.kind, self.code)}
        desired = self.known.desired
        if desired is not None and self.kind == "template" and self.code in desired.templates:
            servers |= set(desired.templates[self.code].server_codes)
        if desired is not None and self.kind == "instance" and self.code in desired.instances:
            servers |= {desired.instances[self.code].server or ""}
        return sorted(servers - {""})


def find_subject(known: Known, words: Sequence[str]) -> PausableDocument:
    """Return the document that words name, whether the fleet has it or not; without one, the fleet."""
    kind, code = known.parse(words) if words else ("fleet", known.fleet)
    return PausableDocument(known, kind, code)


def pause_document(subject: PausableDocument, inventory: Inventory, *, changed: bool, at: datetime) -> dict[str, Any]:
    """Return for machines how a document stands after a command."""
    mine = inventory.pauses.get((subject.kind, subject.code))
    place = subject.place()
    return report(
        subject.known.fleet,
        kind=subject.kind,
        code=subject.code,
        paused=mine is not None or bool(place),
        changed=changed,
        since=None if mine is None else mine.since,
        reason="" if mine is None else mine.reason,
        paused_by_text=place or None,
        paused_as_well=[pause.address for pause in subject.wider(inventory)],
        at=at,
    )
