"""How a pass ended, for people: what was done, what failed and why, what is unknown, what was skipped because of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.core.model.changesets import Changeset
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.fleet.counting import count
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.plan_text import blocked_lines
from reconciler.reports.words import why

_TITLES = {
    Result.DONE: ("Worth knowing", Tone.DOUBT),
    Result.FAILED: ("Failed", Tone.BAD),
    Result.UNKNOWN: ("Unknown", Tone.DOUBT),
    Result.SKIPPED: ("Skipped", Tone.FAINT),
}


def render_outcomes(shown: Changeset, outcomes: Sequence[Outcome], after: Changeset | None, paper: Paper) -> str:
    """Return all that did not end well or had something to be said, what is new since, then one line that sums up.

    Args:
        shown: what was to be carried out, which people have read.
        outcomes: of its actions, in its order.
        after: what a fresh look found to be done still; None if none was made.
        paper: what is written on.
    """
    sections = []
    for result, (title, tone) in _TITLES.items():
        found = [o for o in outcomes if o.result is result and (o.detail or result is not Result.DONE)]
        if found:
            lines = [paper.paint(title, tone)]
            for text in _skipped(found) if result is Result.SKIPPED else map(_detail, found):
                lines += paper.paragraph(text, indent=2, head="- ", tone=tone)
            sections.append("\n".join(lines))
    if after is not None:
        sections += _since(shown, outcomes, after, paper)
    sections.append("\n".join(paper.paragraph(summary(outcomes, after))))
    return "\n\n".join(sections)


def summary(outcomes: Sequence[Outcome], after: Changeset | None) -> str:
    """Sum up: how many actions ended how, and what a fresh look found."""
    by_result = sorted(outcomes, key=lambda o: list(Result).index(o.result))
    counts = {result: len(list(group)) for result, group in groupby(by_result, key=lambda o: o.result)}
    done = f"{count(counts.pop(Result.DONE, 0), 'action')} done"
    text = ", ".join([done, *(f"{number} {result}" for result, number in counts.items())])
    return f"{text}{_afterwards(after)}."


def _afterwards(after: Changeset | None) -> str:
    if after is None:
        return ""
    if after.is_converged:
        return "; a fresh look finds nothing left to do"
    left = [count(len(after.actions), "action") + " still to do"] if after.actions else []
    left += [f"{len(after.blocked)} blocked"] if after.blocked else []
    if after.withheld:
        withheld = f"{count(len(after.withheld), 'action')} withheld"
        left = [*left, withheld] if left else [f"nothing left to do but {withheld}"]
    return f"; a fresh look finds {' and '.join(left)}"


def _since(shown: Changeset, outcomes: Sequence[Outcome], after: Changeset, paper: Paper) -> Iterator[str]:
    """What the fresh look found that nobody has read of yet."""
    told = {o.action.id for o in outcomes if o.result is not Result.DONE}
    if actions := [action for action in after.actions if action.id not in told]:
        lines = [paper.paint("Still to do", Tone.STRONG)]
        for action in actions:
            lines += paper.paragraph(f"{action.id}: {why(action)}", indent=2, head="- ", tone=Tone.DOUBT)
        yield "\n".join(lines)
    known = frozenset(shown.blocked)
    if blocked := [each for each in after.blocked if each not in known]:
        yield "\n".join(blocked_lines(blocked, paper))


def _skipped(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One cause may stop many actions: it is said once."""
    causes = dict.fromkeys(o.detail for o in outcomes)
    for cause in causes:
        yield f"{cause}: {', '.join(o.action.id for o in outcomes if o.detail == cause)}"


def _detail(outcome: Outcome) -> str:
    return f"{outcome.action.id}: {outcome.detail}" if outcome.detail else outcome.action.id
