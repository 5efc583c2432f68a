"""The journal of a run: each action's end is written down when it comes, so that a killed run leaves what it did.

A store that fails here loses history only, so it is told once and ends nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.cli import screens
from reconciler.cli.operators import who_runs
from reconciler.cli.sessions import Session
from reconciler.core.model.failures import MemoryFailure
from reconciler.git.revisions import revision_of
from reconciler.notices.events import ActionEnded, Event
from reconciler.version import __version__


@dataclass(slots=True)
class Journal:
    """Writes the outcomes of one pass."""

    session: Session
    number: int
    silent: bool = False

    def __call__(self, event: Event) -> None:
        """Write an outcome down."""
        if isinstance(event, ActionEnded):
            store, now = self.session.store, datetime.now(UTC)
            self.session.aside.tell(lambda: store.record_outcome(self.number, event.outcome, now), self.failed)

    def failed(self, failure: MemoryFailure) -> None:
        """Tell the first failure of the store and go on."""
        if not self.silent:
            screens.say(f"The history of this run is not complete: {failure}")
        self.silent = True


@contextlib.contextmanager
def keep_journal(session: Session, command: str) -> Iterator[None]:
    """Write down that a pass begins, what becomes of its actions, and that it ends."""
    revision = revision_of(session.reach.root)
    ran_by = who_runs(session.reach.environ)
    session.ran |= {"by": ran_by, **({"revision": revision} if revision else {})}
    now, digest = datetime.now(UTC), session.desired.digest
    number = session.store.begin_pass(command, now, __version__, digest, revision, ran_by)
    journal = Journal(session, number)
    try:
        with session.listening(journal):
            yield
    finally:
        try:
            session.store.end_pass(number, datetime.now(UTC))
        except MemoryFailure as failure:
            journal.failed(failure)
