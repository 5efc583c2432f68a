"""A changeset for people: grouped by server, a line per action with its reason, and what is blocked or left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.changesets import (
    Blocked,
    Changeset,
    Frozen,
    LeftAlone,
    Removed,
    by_cause,
    by_reason,
    by_what,
    frozen_by_cause,
)
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.words import IN_WORDS, goals, mark_in_words, whereby, why
from schemas.server import Server

_TONES = {"+": Tone.ADD, "~": Tone.CHANGE, "-": Tone.REMOVE}


def render_plan(
    changeset: Changeset,
    desired: Desired,
    paper: Paper,
    *,
    scope: str = "",
    known: str = "",
    notes: Mapping[str, str] | None = None,
) -> str:
    """Return the whole plan; its last line sums it up.

    Args:
        changeset: what the gate let through and what it did not.
        desired: the fleet, for the order of its servers and for what is counted when nothing differs.
        paper: what is written on.
        scope: what the run is limited to, in words; empty for all of the fleet looked at in depth.
        known: how the content of databases is known (`words.how_known`), which is what "no changes" rests on.
        notes: by an action's id, what is said instead of its reason (`reconciler.notices.recurrence.returned`).
    """
    notes = notes or {}
    sections = [*_servers(changeset, desired, paper, notes)]
    if changeset.removed:
        sections.append([paper.paint("No longer declared", Tone.STRONG), *_each(_removed(changeset, paper))])
    if changeset.withheld:
        sections.append([paper.paint("Withheld", Tone.STRONG), *_each(_withheld(changeset, paper, notes))])
    if changeset.blocked:
        sections.append(blocked_lines(changeset.blocked, paper))
    if changeset.unsaid_frozen:
        sections.append(frozen_lines(changeset.unsaid_frozen, paper))
    if changeset.hooks:
        sections.append([paper.paint("Hooks", Tone.STRONG), *_each(_hooks(changeset, paper))])
    if changeset.left_alone:
        sections.append(left_alone_lines("Left alone", changeset.left_alone, paper))
    sections.append(paper.paragraph(summary(changeset, desired, scope, known)))
    return "\n\n".join("\n".join(lines) for lines in sections)


def summary(changeset: Changeset, desired: Desired, scope: str = "", known: str = "") -> str:
    """Sum a changeset up in one sentence."""
    if changeset.actions:
        parts = [", ".join(f"{number} to {goal}" for goal, number in goals(changeset.actions).items())]
        start = "Plan: "
    else:
        parts = [_nothing(changeset, desired, scope)]
        parts += [known] if known else []
        start = ""
    if changeset.removed:
        parts.append(f"{len({each.address for each in changeset.removed})} no longer declared")
    if changeset.withheld and (changeset.actions or changeset.blocked):
        parts.append(f"{len(changeset.withheld)} withheld")
    if changeset.blocked:
        parts.append(f"{len(changeset.blocked)} blocked")
    if changeset.frozen:
        parts.append(f"{count(len(changeset.frozen), 'server')} frozen")
    if changeset.left_alone:
        parts.append(f"{count(len(changeset.left_alone), 'database')} left alone")
    if changeset.foreign:
        parts.append(f"{changeset.foreign} of others")
    return f"{start}{'; '.join(parts)}" + (f" ({scope})." if scope else ".")


def _nothing(changeset: Changeset, desired: Desired, scope: str) -> str:
    if changeset.blocked:
        return "Nothing can be done"
    if changeset.withheld:
        return f"Nothing to do but {count(len(changeset.withheld), 'withheld action')}"
    if scope:
        return "No changes"
    instances = sum(i.state != "absent" for i in desired.instances.values())
    servers = sum(s.active and s.state != "draft" for s in desired.servers.values())
    what = f"{count(instances, 'instance')}, {count(len(desired.templates), 'template')}"
    return f"No changes. {what} on {count(servers, 'server')} match"


def by_server(changeset: Changeset, desired: Desired) -> Iterator[tuple[Server, list[Action]]]:
    """Yield servers in the order of the text, each with its actions in theirs."""
    sequence = {s.code: (s.sequence, s.code) for s in desired.servers.values()}
    actions = sorted(changeset.actions, key=lambda a: sequence[a.server])  # stable
    for code, group in groupby(actions, key=lambda a: a.server):
        yield desired.servers[code], list(group)


def _servers(changeset: Changeset, desired: Desired, paper: Paper, notes: Mapping[str, str]) -> Iterator[list[str]]:
    for server, own in by_server(changeset, desired):
        name = f" {server.name}" if server.name != server.code else ""
        lines = [paper.paint(server.code, Tone.STRONG) + paper.paint(name, Tone.FAINT)]
        longest = max(len(f"{a.verb} {a.subject}") for a in own)
        lines += _each(_action(action, min(longest, paper.width // 2 - 4), paper, notes) for action in own)
        yield lines


def _action(action: Action, column: int, paper: Paper, notes: Mapping[str, str]) -> list[str]:
    symbol = action.verb.symbol
    what = f"{action.verb} {action.subject}"
    reason = _reason(action, notes)
    lines = paper.paragraph(reason, indent=2, head=f"{symbol} {what.ljust(column)}  ", tone=_TONES[symbol])
    for change in worth_showing(action.changes):
        lines += paper.paragraph(change_in_words(change), indent=6)
    return lines


def _reason(action: Action, notes: Mapping[str, str]) -> str:
    return ", ".join(part for part in (notes.get(action.id) or why(action), whereby(action)) if part)


def _withheld(changeset: Changeset, paper: Paper, notes: Mapping[str, str]) -> Iterator[list[str]]:
    """Say each reason once, with all that would be done without it."""
    for reason, actions in by_reason(changeset.withheld).items():
        lines = paper.paragraph(reason, indent=2, head="= ", tone=Tone.DOUBT)
        for action in actions:
            lines += paper.paragraph(f"{action.id}: {_reason(action, notes)}", indent=4, head="would ", tone=Tone.FAINT)
            for change in worth_showing(action.changes):
                lines += paper.paragraph(change_in_words(change), indent=10)
        yield lines


def worth_showing(changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """Leave the mark out: it follows from what is applied, and is worth a line only by itself."""
    return tuple(c for c in changes if not c.field.startswith("mark.")) or changes[:1]


def change_in_words(change: FieldChange) -> str:
    """Say from what to what a field goes."""
    if change.field.startswith("mark."):
        return mark_in_words(change)
    if change.field.partition(".")[0] in IN_WORDS:
        return f"{change.field}: {change.observed} → {change.desired}"
    observed = change.observed if change.observed == "not set" else f'"{change.observed}"'
    return f'{change.field}: {observed} → "{change.desired}"'


def blocked_lines(blocked: Sequence[Blocked], paper: Paper) -> list[str]:
    """Say each cause once, with all that it stops: a host that is down stops everything on it."""
    said = [paper.paint("Blocked", Tone.STRONG)]
    for (why_not, advice), stopped in by_cause(blocked).items():
        if len(stopped) == 1:
            paused = f" ({stopped[0].paused})" if stopped[0].paused else ""
            lines = paper.paragraph(f"{_placed(stopped[0])}: {why_not}{paused}", indent=2, head="! ", tone=Tone.DOUBT)
        else:
            lines = paper.paragraph(why_not, indent=2, head="! ", tone=Tone.DOUBT)
            times = Counter(each.address for each in stopped)  # a template stands on several servers
            named = (_placed(each) if times[each.address] > 1 else each.address for each in stopped)
            lines += paper.paragraph(", ".join(named), indent=4, head="stops ")
            for pause in dict.fromkeys(each.paused for each in stopped if each.paused):
                lines += paper.paragraph(pause, indent=4, head="= ", tone=Tone.FAINT)
        said += lines + (paper.paragraph(advice, indent=4, head="→ ") if advice else [])
    return said


def frozen_lines(frozen: Sequence[Frozen], paper: Paper) -> list[str]:
    """Say on which hosts nothing is changed, why, and what to do."""
    lines = [paper.paint("Frozen", Tone.STRONG)]
    for (why_frozen, advice), servers in frozen_by_cause(frozen).items():
        text = f"{servers[0]}: {why_frozen}" if len(servers) == 1 else why_frozen
        lines += paper.paragraph(text, indent=2, head="! ", tone=Tone.DOUBT)
        lines += paper.paragraph(advice, indent=4, head="→ ")
    return lines


def _removed(changeset: Changeset, paper: Paper) -> Iterator[list[str]]:
    """Say once what to do about many."""
    for advice in dict.fromkeys(each.advice for each in changeset.removed):
        for each in changeset.removed:
            if each.advice == advice:
                yield paper.paragraph(f"{stays(each)}: {each.fate}", indent=2, head="- ", tone=Tone.REMOVE)
        if advice:
            yield paper.paragraph(advice, indent=4, head="→ ")


def stays(removed: Removed) -> str:
    """Name what is no longer declared, and its database where there is one."""
    if removed.kind == "server":
        return removed.address
    place = f" on {removed.server}" if removed.server else ""
    return f"{removed.address}{place}{f', database {removed.database}' if removed.database else ''}"


def _hooks(changeset: Changeset, paper: Paper) -> Iterator[list[str]]:
    """Say of each hook what it comes before or after."""
    for hook in changeset.hooks:
        text = f"{hook.runs} {hook.when} {', '.join(hook.actions)}"
        yield paper.paragraph(text, indent=2, head="* ", tone=Tone.FAINT)


def _placed(blocked: Blocked) -> str:
    on_server = blocked.server and blocked.kind != "server"
    return f"{blocked.address} on {blocked.server}" if on_server else blocked.address


def left_alone_lines(title: str, left_alone: Sequence[LeftAlone], paper: Paper) -> list[str]:
    """Say under a title once what holds of many databases."""
    lines = [paper.paint(title, Tone.STRONG)]
    for what, databases in by_what(left_alone).items():
        names = (f"{each.database} on {each.server}" for each in databases)
        lines += paper.paragraph(f"{', '.join(names)}: {what}", indent=2, head="· ", tone=Tone.FAINT)
    return lines


def _each(paragraphs: Iterator[list[str]]) -> Iterator[str]:
    for lines in paragraphs:
        yield from lines
