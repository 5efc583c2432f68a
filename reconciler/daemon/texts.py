"""Which text is in force: the newest valid one. Another is taken only whole, and what is wrong with it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.model.failures import HostError
from reconciler.daemon.sources import Offer, Trouble
from reconciler.daemon.telling import Teller
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.diagnostics import Severity
from reconciler.health.standing import Standing
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.standing_text import name

_SHOWN = 3


class Refusal(Exception):
    """A valid text that this daemon cannot take; the message says why."""


@dataclass(slots=True)
class Texts:
    """Judges the texts that a source offers.

    Args:
        teller: who tells what is in force and what is not.
        now: the time of day.
        take: puts a valid text in force; raises `Refusal`, or `HostError` where its files of authorities cannot be read.
        note: changes the picture of how things stand.
    """

    teller: Teller
    now: Callable[[], datetime]
    take: Callable[[Desired, Offer], None]
    note: Callable[[Callable[[Standing], Standing]], None]
    _desired: Desired | None = None
    _revision: str = ""
    _rejected: str = ""
    _trouble: Trouble | None = None

    def offer(self, candidate: Offer) -> bool:
        """Take a text, or say why not; tells whether it is in force now."""
        desired = candidate.loaded.desired
        if desired is None:
            return self._reject(candidate, _summary(candidate))
        desired = replace(desired, named=candidate.shown)  # what is said later of a place in it is said as this is
        former = self._desired
        if former is not None and former.settings.code != desired.settings.code:
            ours = former.settings.code
            return self._reject(
                candidate, f"it is another fleet, '{desired.settings.code}': this daemon keeps '{ours}'"
            )
        try:
            self.take(desired, candidate)
        except (HostError, Refusal) as error:
            return self._reject(candidate, str(error))
        was_rejected, self._desired, self._rejected = bool(self._rejected), desired, ""
        revision = _name_of(candidate, desired)
        # Not by the name alone: a work tree that differs from its commit has one name for all that it may say.
        is_same = former is not None and revision == self._revision and former.digest == desired.digest
        if is_same:
            self._tell_mended(revision, was_rejected=was_rejected)
        else:
            self._tell_taken(former, desired, candidate, revision)
        self._revision = revision
        now, documents = self.now(), desired.counts
        self.note(
            lambda standing: replace(
                standing,
                fleet=desired.settings.code,
                revision=revision,
                in_force_since=standing.in_force_since if is_same else now,
                rejected="",
                documents=documents,
            )
        )
        return True

    def trouble(self, trouble: Trouble | None) -> None:
        """Take note that no text can be had, or that it can again; said when it changes."""
        former, self._trouble = self._trouble, trouble
        if trouble is None and former is None:
            return
        why = trouble.why if trouble else ""
        self.note(
            lambda standing: replace(
                standing, source_problem=why, source_failures=standing.source_failures + 1 if why else 0
            )
        )
        if trouble is None:
            detail = "the fleet's text can be read again"
            self.teller.tell(Notice(NoticeName.SOURCE_REACHABLE, Level.INFO, detail))
        elif former is None or (former.name, former.why) != (trouble.name, trouble.why):
            stays = self._stays()
            self.teller.tell(Notice(trouble.name, Level.ERROR, f"{trouble.why}{stays}"))

    def _reject(self, candidate: Offer, why: str) -> bool:
        by = f" ({candidate.about})" if candidate.about else ""
        what = f"{name(candidate.revision)}{by}: " if candidate.revision else ""
        said = f"{what}{why}"
        if said != self._rejected:
            self._rejected = said
            detail = f"the text is not taken: {said}{self._stays()}"
            self.teller.tell(Notice(NoticeName.REVISION_REJECTED, Level.ERROR, detail, revision=candidate.revision))
        self.note(lambda standing: replace(standing, rejected=said))
        return False

    def _stays(self) -> str:
        return (
            "; the last valid one stays in force" if self._desired else "; there is no valid one yet: nothing is done"
        )

    def _tell_mended(self, revision: str, *, was_rejected: bool) -> None:
        if was_rejected:
            detail = f"the text is valid again: {name(revision)} is in force, as before"
            self.teller.tell(Notice(NoticeName.REVISION_IN_FORCE, Level.INFO, detail, revision=revision))

    def _tell_taken(self, former: Desired | None, desired: Desired, candidate: Offer, revision: str) -> None:
        if candidate.rewritten:
            detail = "the branch was pushed by force: what was in force before is no longer part of its history"
            self.teller.tell(Notice(NoticeName.HISTORY_REWRITTEN, Level.WARNING, detail, revision=revision))
        by = f" ({candidate.about})" if candidate.about else ""
        counts = ", ".join(count(number, kind) for kind, number in desired.counts.items())
        what = "is in force" if former is None else "is now in force"
        detail = f"{name(revision)}{by} {what}: {counts}"
        self.teller.tell(Notice(NoticeName.REVISION_IN_FORCE, Level.INFO, detail, revision=revision))


def _name_of(candidate: Offer, desired: Desired) -> str:
    """Name a text: by its commit, or by the digest of all that it declares."""
    return candidate.revision or f"sha256:{desired.digest}"


def _summary(candidate: Offer) -> str:
    errors = [d for d in candidate.loaded.diagnostics if d.severity is Severity.ERROR]
    shown = candidate.shown("; ".join(map(str, errors[:_SHOWN])))
    more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
    return f"{shown}{more}"
