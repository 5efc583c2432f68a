"""Happenings for people: one below the other like a log, the newest last, with times in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from reconciler.core.model.actions import FieldChange
from reconciler.core.model.outcomes import Result
from reconciler.notices.notices import Level
from reconciler.notices.records import OutcomeRecord
from reconciler.reports.happenings import Happening
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.plan_text import change_in_words, worth_showing
from reconciler.reports.words import why_of

_ENDS: Mapping[str, tuple[str, Tone]] = {
    Result.DONE: ("✓", Tone.GOOD),
    Result.FAILED: ("✗", Tone.BAD),
    Result.UNKNOWN: ("?", Tone.DOUBT),
    Result.SKIPPED: ("-", Tone.FAINT),
}
_LEVELS: Mapping[str, tuple[str, Tone | None]] = {
    Level.INFO: ("·", None),
    Level.WARNING: ("!", Tone.DOUBT),
    Level.ERROR: ("✗", Tone.BAD),
}
_OF_A_HASH = 8
"""Characters of a commit that are shown."""
_DIGEST = "sha256:"


def render_event(happening: Happening, paper: Paper) -> str:
    """Return one happening as one paragraph."""
    if happening.deed is None:
        return "\n".join(_told(happening, paper))
    return "\n".join(_stamped(happening, in_words(happening), paper))


def in_words(happening: Happening) -> str:
    """Say what happened, without when."""
    deed = happening.deed
    if deed is None:
        return happening.detail
    fields = f" ({', '.join(happening.fields)})" if happening.fields else ""
    return f"{_what(deed)}{fields}; {_end(happening, deed)}"


def render_history(happening: Happening, paper: Paper, of: str = "") -> str:
    """Return one happening with all that is known of it: the values that were changed, who did it, by which text.

    Args:
        happening: what happened.
        paper: what is written on.
        of: the document whose history is shown (`instance/acme`): it is not named in every line.
    """
    deed = happening.deed
    if deed is None:
        return "\n".join(_told(happening, paper))
    lines = _stamped(happening, _what(deed).replace(f" {of} on ", " on ", 1), paper)
    indent = len(_head(happening))
    for change in worth_showing(tuple(FieldChange(*change) for change in deed.changes)):
        lines += paper.paragraph(change_in_words(change), indent=indent)
    lines += paper.paragraph(_end(happening, deed), indent=indent)
    return "\n".join(lines)


def stamp(moment: datetime) -> str:
    """Write a moment: `2026-11-24 12:00:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def short(revision: str) -> str:
    """Shorten a commit's hash, or the digest of a text that is in no repository; `-dirty` behind it stays."""
    text, dash, rest = revision.partition("-")
    digest = _DIGEST if text.startswith(_DIGEST) else ""
    return f"{text[: len(digest) + _OF_A_HASH]}{dash}{rest}"


def _told(happening: Happening, paper: Paper) -> list[str]:
    at = f" (at {short(happening.revision)})" if happening.revision else ""
    return _stamped(happening, f"{happening.name}: {happening.detail}{at}", paper)


def _stamped(happening: Happening, text: str, paper: Paper) -> list[str]:
    return paper.paragraph(text, head=_head(happening), tone=_sign(happening)[1])


def _head(happening: Happening) -> str:
    return f"{stamp(happening.at)} {_sign(happening)[0]} "


def _sign(happening: Happening) -> tuple[str, Tone | None]:
    if happening.deed is not None:
        return _ENDS.get(happening.deed.result, ("?", Tone.DOUBT))
    return _LEVELS.get(happening.level, ("?", Tone.DOUBT))


def _what(deed: OutcomeRecord) -> str:
    return ", ".join([f"{deed.action_id}: {why_of(deed.verb, deed.reason)}", *_path(deed)])


def _path(deed: OutcomeRecord) -> Iterator[str]:
    if deed.database and deed.becomes and deed.database != deed.becomes:
        yield f"{deed.database} → {deed.becomes}"
    elif deed.becomes and not deed.database:
        yield f"database {deed.becomes}"


def _end(happening: Happening, deed: OutcomeRecord) -> str:
    took = f" in {deed.seconds:.1f} s" if deed.seconds else ""
    at = f" at {short(happening.revision)}" if happening.revision else ""
    detail = f": {happening.detail}" if happening.detail else ""
    who = f" ({deed.ran_by})" if deed.ran_by else ""
    return f"{deed.result}{took} by {deed.command}{who}{at}{detail}"
