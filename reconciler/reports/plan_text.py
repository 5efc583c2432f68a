"""A changeset for people: grouped by server, a line per action with its reason, and what is blocked or left alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from reconciler.core.actions import Action, FieldChange
from reconciler.core.changesets import Blocked, Changeset
from reconciler.core.desired import Desired
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.words import SYMBOLS, count, goals, subject, whereby, why

_DESCRIBED = frozenset({"admin_password", "modules", "languages", "schedule", "files"})
"""Fields whose changes are told in words; the values of others are quoted."""

_TONES = {"+": Tone.ADD, "~": Tone.CHANGE, "-": Tone.REMOVE}


def render_plan(changeset: Changeset, desired: Desired, paper: Paper, *, scope: str = "") -> str:
    """Return the whole plan; its last line sums it up.

    Args:
        changeset: what the gate let through and what it did not.
        desired: the fleet, for the order of its servers and for what is counted when nothing differs.
        paper: what is written on.
        scope: what the run is limited to, in words; empty for all of the fleet looked at in depth.
    """
    sections = [*_servers(changeset, desired, paper)]
    if changeset.blocked:
        sections.append([paper.paint("Blocked", Tone.STRONG), *_each(_blocked(changeset, paper))])
    if changeset.left_alone:
        sections.append([paper.paint("Left alone", Tone.STRONG), *_each(_left_alone(changeset, paper))])
    sections.append(paper.paragraph(summary(changeset, desired, scope)))
    return "\n\n".join("\n".join(lines) for lines in sections)


def summary(changeset: Changeset, desired: Desired, scope: str = "") -> str:
    """Sum a changeset up in one sentence."""
    if changeset.actions:
        parts = [", ".join(f"{number} to {goal}" for goal, number in goals(changeset.actions).items())]
        start = "Plan: "
    else:
        parts = [_nothing(changeset, desired, scope)]
        start = ""
    if changeset.blocked:
        parts.append(f"{len(changeset.blocked)} blocked")
    if changeset.left_alone:
        parts.append(f"{count(len(changeset.left_alone), 'database')} left alone")
    if changeset.foreign:
        parts.append(f"{changeset.foreign} of others")
    return f"{start}{'; '.join(parts)}" + (f" ({scope})." if scope else ".")


def _nothing(changeset: Changeset, desired: Desired, scope: str) -> str:
    if changeset.blocked:
        return "Nothing can be done"
    if scope:
        return "No changes"
    instances = sum(i.state != "absent" for i in desired.instances.values())
    servers = sum(s.active and s.state != "draft" for s in desired.servers.values())
    what = f"{count(instances, 'instance')}, {count(len(desired.templates), 'template')}"
    return f"No changes. {what} on {count(servers, 'server')} match"


def _servers(changeset: Changeset, desired: Desired, paper: Paper) -> Iterator[list[str]]:
    sequence = {s.code: (s.sequence, s.code) for s in desired.servers.values()}
    actions = sorted(
        changeset.actions, key=lambda a: sequence[a.server]
    )  # stable: the order of each server's actions stays
    for code, group in groupby(actions, key=lambda a: a.server):
        server = desired.servers[code]
        name = f" {server.name}" if server.name != code else ""
        lines = [paper.paint(code, Tone.STRONG) + paper.paint(name, Tone.FAINT)]
        own = list(group)
        longest = max(len(f"{a.verb} {subject(a)}") for a in own)
        lines += _each(_action(action, min(longest, paper.width // 2 - 4), paper) for action in own)
        yield lines


def _action(action: Action, column: int, paper: Paper) -> list[str]:
    symbol = SYMBOLS[action.verb]
    what = f"{action.verb} {subject(action)}"
    reason = ", ".join(part for part in (why(action), whereby(action)) if part)
    lines = paper.paragraph(reason, indent=2, head=f"{symbol} {what.ljust(column)}  ", tone=_TONES[symbol])
    # The mark follows from what is applied: by itself it is a change worth a line, beside others it is not.
    shown = [c for c in action.changes if not c.field.startswith("mark.")] or action.changes[:1]
    for change in shown:
        lines += paper.paragraph(_change(change), indent=6)
    return lines


def _change(change: FieldChange) -> str:
    if change.field.startswith("mark."):
        return "ownership mark: to be written anew"
    if change.field.partition(".")[0] in _DESCRIBED:
        return f"{change.field}: {change.observed} → {change.desired}"
    observed = change.observed if change.observed == "not set" else f'"{change.observed}"'
    return f'{change.field}: {observed} → "{change.desired}"'


def _blocked(changeset: Changeset, paper: Paper) -> Iterator[list[str]]:
    """Say each cause once, with all that it stops: a host that is down stops everything on it."""
    causes: dict[tuple[str, str], list[Blocked]] = {}
    for each in changeset.blocked:
        causes.setdefault((each.why, each.advice), []).append(each)
    for (why_not, advice), stopped in causes.items():
        if len(stopped) == 1:
            lines = paper.paragraph(f"{_placed(stopped[0])}: {why_not}", indent=2, head="! ", tone=Tone.DOUBT)
        else:
            lines = paper.paragraph(why_not, indent=2, head="! ", tone=Tone.DOUBT)
            lines += paper.paragraph(", ".join(each.address for each in stopped), indent=4, head="stops ")
        yield lines + (paper.paragraph(advice, indent=4, head="→ ") if advice else [])


def _placed(blocked: Blocked) -> str:
    on_server = blocked.server and blocked.kind != "server"
    return f"{blocked.address} on {blocked.server}" if on_server else blocked.address


def _left_alone(changeset: Changeset, paper: Paper) -> Iterator[list[str]]:
    """Say once what holds of many databases."""
    for what in dict.fromkeys(each.what for each in changeset.left_alone):
        names = (f"{each.database} on {each.server}" for each in changeset.left_alone if each.what == what)
        yield paper.paragraph(f"{', '.join(names)}: {what}", indent=2, head="· ", tone=Tone.FAINT)


def _each(paragraphs: Iterator[list[str]]) -> Iterator[str]:
    for lines in paragraphs:
        yield from lines
