"""A changeset as a comment on a pull request: in ten seconds who is concerned, what happens, and what is not touched.

The first line is a marker by which the comment is found again and updated. Nothing that a file or a host says is obeyed
as Markdown, and the whole stays below what GitHub takes, with a last line that says how much was left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.changesets import Changeset, Removed, by_cause, by_reason, by_what, frozen_by_cause
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.verbs import Verb
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.reports.markdown import Block, Passage, code, fit, length, listed, name, prose
from reconciler.reports.plan_text import by_server, summary, worth_showing
from reconciler.reports.words import IN_WORDS, ends_suspended, left_behind, mark_in_words, trash_of, why
from schemas.kinds import KINDS, noun

LIMIT = 65_535
"""Characters of the longest page: GitHub refuses comments of 65,536."""

_ROOM_FOR_NOTE = 600
_NAMED = 10
"""Names in a sentence, before `and 7 more`."""
_ALIKE = 5
"""Rows that say the same before they become one."""
_A_VALUE = 120
"""Characters that are shown of a value."""
_A_REASON = 600
"""Characters that are shown of why something is blocked: it may quote what a host answered."""
_A_LINE = 20
"""Names in a folded line."""
_CHANGES = 2
"""Values that a row shows; those of a row with more are folded below the tables."""

_ACTION, _BLOCKED, _LEFT_ALONE, _DETAIL = "action", "blocked document", "database left alone", "line of details"
_WITHHELD, _REMOVED, _FROZEN, _HOOK = "withheld action", "document no longer declared", "frozen server", "hook"
_PLURALS = {
    _BLOCKED: "blocked documents",
    _LEFT_ALONE: "databases left alone",
    _DETAIL: "lines of details",
    _WITHHELD: "withheld actions",
    _REMOVED: "documents no longer declared",
    _FROZEN: "frozen servers",
    _HOOK: "hooks",
}


def marker(fleet: str) -> str:
    """Return the line by which the comment about a fleet is found again."""
    return f"<!-- odoo-fleet plan: {fleet} -->"


def render_changeset_markdown(
    changeset: Changeset,
    desired: Desired,
    *,
    scope: str = "",
    known: str = "",
    limit: int = LIMIT,
    notes: Mapping[str, str] | None = None,
    moment: str = "",
) -> str:
    """Return the page.

    Args:
        changeset: what the gate let through and what it did not.
        desired: the fleet, for the names of its customers and servers.
        scope: what the run is limited to, in words; empty for all of the fleet looked at in depth.
        known: how the content of databases is known, see `render_plan`.
        limit: how many characters it may have.
        notes: by an action's id, what is said instead of its reason (`reconciler.notices.recurrence.returned`).
        moment: how long a rename kept a database out of reach the last time, in words; empty where that is not known.
    """
    page = _Page(changeset, desired, notes or {}, moment)
    code_of = desired.settings.code
    head = [
        marker(code_of),
        f"### Plan for fleet {code(code_of)}",
        "",
        f"**{_summary(changeset, desired, scope, known)}**",
    ]
    start = "\n".join([*head, *page.overview(), ""])
    text, left_out = fit(page.blocks(), limit - length(start) - _ROOM_FOR_NOTE)
    return start + text + _note(left_out, len(changeset.actions), limit)


def _summary(changeset: Changeset, desired: Desired, scope: str, known: str) -> str:
    sentence = summary(changeset, desired, scope, known)
    if not scope:
        return prose(sentence)
    # By itself, so that what stands in brackets is not read as one word with them.
    return f"{prose(sentence.removesuffix(f' ({scope}).'))} ({prose(scope)})."


def _note(left_out: Counter[str], actions: int, limit: int) -> str:
    if not left_out:
        return ""
    parts = [
        f"{number} of {count(actions, 'action')}" if what == _ACTION else count(number, what, _PLURALS[what])
        for what, number in left_out.items()
    ]
    what = f"{', '.join(parts)} not shown, because a comment may not be longer than {limit:,} characters"
    return f"\n> [!IMPORTANT]\n> **Cut here:** {what}. `odoo-fleet plan` shows all.\n"


@dataclass(frozen=True, slots=True)
class _Row:
    """All that happens to one document on one server."""

    who: str
    happens: str
    why: str
    is_loss: bool
    actions: int
    changes: tuple[FieldChange, ...]


class _Page:
    """The parts of a page about one changeset."""

    def __init__(self, changeset: Changeset, desired: Desired, notes: Mapping[str, str], moment: str) -> None:
        self._changeset, self._desired, self._notes, self._moment = changeset, desired, notes, moment

    def overview(self) -> Iterator[str]:
        """Yield the lines that a reviewer reads if no others: who loses access, who is concerned, who is not."""
        changes, everyone = self._changeset, self._desired.instances.values()
        if changes.is_converged and not (changes.left_alone or changes.removed):
            return
        concerned = self._customers(a.code for a in changes.actions if a.kind == "instance")
        blocked = [b for b in changes.blocked if b.kind == "instance"]
        acted_on = {a.code for a in changes.actions if a.kind == "instance"}
        withheld = {w.action.code for w in changes.withheld if w.action.kind == "instance"}
        withheld = (withheld | {b.code for b in blocked if b.paused}) - acted_on
        waiting = {b.code for b in blocked} - acted_on - withheld
        others = sum(i.state != "absent" for i in everyone) - len(concerned) - len(waiting) - len(withheld)
        yield from self._removals()
        yield from self._warning(("goes", "go"), "out of reach", lambda verb: verb.takes_out_of_service)
        yield from self._warning(("loses", "lose"), "modules and what is in them", lambda verb: verb.loses_data)
        passing = [a for a in changes.actions if _passes_out_of_reach(a)]
        took = prose(self._moment) if self._moment else "for how long is not known yet"
        yield from self._passing((a.code for a in passing if a.verb is not verbs.MOVE), "renamed", took)
        size = "for how long depends on the size of the database"
        yield from self._passing((a.code for a in passing if a.verb is verbs.MOVE), "moved", size)
        yield ""
        if concerned:
            yield f"- **Concerned:** {count(len(concerned), 'customer')}: {listed(concerned, _NAMED)}"
        if waiting:
            yield f"- **Waiting:** {count(len(waiting), 'customer')}, see what is blocked"
        if withheld:
            yield f"- **Withheld:** {count(len(withheld), 'customer')}: {listed(self._customers(sorted(withheld)), _NAMED)}"
        untouched = [
            (others, "other customer", "other customers"),
            (len(changes.left_alone), _LEFT_ALONE, _PLURALS[_LEFT_ALONE]),
            (changes.foreign, "database of others", "databases of others"),
        ]
        shown = [count(number, one, many) for number, one, many in untouched if number > 0]
        if shown:
            yield f"- **Not touched:** {', '.join(shown)}"

    def _passing(self, codes: Iterable[str], done: str, took: str) -> Iterator[str]:
        """Warn of customers who are out of reach while something is done to their databases."""
        if passing := self._customers(codes):
            verb, it = ("is", "it is") if len(passing) == 1 else ("are", "each is")
            yield "\n> [!WARNING]"
            who = f"{listed(passing, _NAMED)}; {took}"
            yield f"> **{count(len(passing), 'customer')} {verb} out of reach while {it} {done}:** {who}"

    def blocks(self) -> Iterator[Block]:
        """Yield the parts below, the most important first: what does not fit is left out from the end."""
        yield self._removed()
        yield self._blocked()
        yield self._frozen()
        ordered = by_server(self._changeset, self._desired)
        servers = [(server.code, _groups(self._rows(actions))) for server, actions in ordered]
        for server, groups in servers:
            yield _table(self._title(server), groups)
        yield self._withheld()
        yield self._hooks()
        yield self._left_alone()
        for server, groups in servers:
            yield _details(server, groups)

    def _title(self, server: str) -> str:
        shown = self._desired.servers[server].name
        return code(server) if shown == server else f"{code(server)} {prose(shown)}"

    def _rows(self, actions: Iterable[Action]) -> list[_Row]:
        """Make a row for each document; what takes customers out of reach comes first."""
        own: dict[str, list[Action]] = {}
        for action in actions:
            own.setdefault(action.subject, []).append(action)
        rows = [self._row(group) for group in own.values()]
        return sorted(rows, key=lambda row: not row.is_loss)

    def _row(self, actions: list[Action]) -> _Row:
        first = actions[0]
        who = (
            f"unfinished build {code(first.database)}"
            if first.verb.is_housekeeping
            else self._who(first.kind, first.code)
        )
        told = _telling(actions)
        reasons = dict.fromkeys(prose(self._notes.get(action.id) or why(action)) for action in told)
        changes = tuple(change for action in actions for change in _worth_showing(action))
        return _Row(
            who=who,
            happens="; ".join(_happens(action) for action in told),
            why=", ".join(reasons),
            is_loss=any(action.verb.takes_out_of_service or action.verb.loses_data for action in actions),
            actions=len(actions),
            changes=changes,
        )

    def _who(self, kind: str, code_of: str) -> str:
        instance = self._desired.instances.get(code_of) if kind == "instance" else None
        if instance is None:
            return f"{kind} {code(code_of)}"
        shown = instance.partner or instance.name
        return code(code_of) if shown == code_of else f"{name(shown)} ({code(code_of)})"

    def _warning(self, words: tuple[str, str], what: str, concerns: Callable[[Verb], bool]) -> Iterator[str]:
        if found := self._customers(a.code for a in self._changeset.actions if concerns(a.verb)):
            word = words[len(found) != 1]
            yield f"\n> [!WARNING]\n> **{count(len(found), 'customer')} {word} {what}:** {listed(found, _NAMED)}"

    def _customers(self, codes: Iterable[str]) -> list[str]:
        return [self._who("instance", each) for each in dict.fromkeys(codes) if each in self._desired.instances]

    def _removals(self) -> Iterator[str]:
        """Say whose document is gone, before all else: nothing is done about it, which is what a reviewer must know."""
        removed = dict.fromkeys((r.kind, r.code, r.name) for r in self._changeset.removed)
        declared = {"instance": self._desired.instances, "template": self._desired.templates}
        for kind in reversed(KINDS):
            of_kind = [(code_of, shown) for of, code_of, shown in removed if of == kind]
            still = [each for each in of_kind if each[0] in declared.get(kind, ())]
            if gone := [each for each in of_kind if each not in still]:
                verb = "is" if len(gone) == 1 else "are"
                yield "\n> [!WARNING]"
                yield f"> **{count(len(gone), noun(kind))} {verb} no longer declared:** {_named(kind, gone)}. Nothing is dropped."
            if still:
                verb = "leaves" if len(still) == 1 else "leave"
                yield "\n> [!WARNING]"
                yield f"> **{count(len(still), noun(kind))} {verb} a database behind:** {_named(kind, still)}"

    def _removed(self) -> Block:
        """Say what becomes of each database whose document is gone; of many alike, at once."""
        alike: dict[tuple[str, str, str, str, str], list[Removed]] = {}
        for each in self._changeset.removed:
            single = each.address if len(self._changeset.removed) <= _ALIKE else ""
            alike.setdefault((each.kind, each.server, each.fate, each.advice, single), []).append(each)
        items = []
        for (_, server, fate, advice, _), group in alike.items():
            who = listed([_who_was(r.kind, r.code, r.name) for r in group], _NAMED)
            place = f" on {code(server)}" if server and group[0].kind != "server" else ""
            databases = f"database {code(group[0].database)}{place} " if group[0].database else ""
            if len(group) > 1:
                databases = f"each database{place} " if group[0].database else ""
            todo = f"\n  **What to do:** {prose(advice)}" if advice else ""
            text = f"- {who}: {databases}{prose(_short(fate, _A_REASON))}{todo}\n"
            items.append(Passage(text, Counter({_REMOVED: len(group)})))
        return Block("\n#### No longer declared\n\n", tuple(items))

    def _blocked(self) -> Block:
        """Say each cause once, with all that it stops."""
        items = []
        for (why_not, advice), stopped in by_cause(self._changeset.blocked).items():
            who = listed(list(dict.fromkeys(self._who(each.kind, each.code) for each in stopped)), _NAMED)
            todo = f"\n  **What to do:** {prose(advice)}" if advice else ""
            pauses = dict.fromkeys(each.paused for each in stopped if each.paused)
            todo += "".join(f"\n  **Paused:** {prose(pause)}" for pause in pauses)
            items.append(
                Passage(f"- {who}: {prose(_short(why_not, _A_REASON))}{todo}\n", Counter({_BLOCKED: len(stopped)}))
            )
        return Block("\n#### Blocked\n\n", tuple(items))

    def _frozen(self) -> Block:
        items = []
        for (why_frozen, advice), servers in frozen_by_cause(self._changeset.unsaid_frozen).items():
            who = listed([self._title(server) for server in servers], _NAMED)
            text = f"- {who}: {prose(why_frozen)}\n  **What to do:** {prose(advice)}\n"
            items.append(Passage(text, Counter({_FROZEN: len(servers)})))
        return Block("\n#### Frozen: nothing is changed there\n\n", tuple(items))

    def _withheld(self) -> Block:
        """Say each reason once, with what would happen without it."""
        items = []
        for reason, actions in by_reason(self._changeset.withheld).items():
            items.append(Passage(f"- {prose(_short(reason, _A_REASON))}. Without it:\n", Counter()))
            for alike in _groups(self._rows(actions)):
                line = f"  - {listed([row.who for row in alike], _ALIKE)}: {alike[0].happens} ({alike[0].why})\n"
                items.append(Passage(line, Counter({_WITHHELD: sum(row.actions for row in alike)})))
        return Block("\n#### Withheld\n\n", tuple(items))

    def _hooks(self) -> Block:
        items = []
        for hook in self._changeset.hooks:
            text = f"- {code(hook.runs)} {hook.when} {listed([code(each) for each in hook.actions], _NAMED)}\n"
            items.append(Passage(text, Counter({_HOOK: 1})))
        return Block("\n#### Hooks\n\n", tuple(items))

    def _left_alone(self) -> Block:
        """Say once what holds of many databases."""
        items = []
        for what, databases in by_what(self._changeset.left_alone).items():
            places = [f"{code(each.database)} on {code(each.server)}" for each in databases]
            text = f"- {listed(places, _NAMED)}: {prose(what)}\n"
            items.append(Passage(text, Counter({_LEFT_ALONE: len(places)})))
        return Block("\n#### Left alone\n\n", tuple(items))


def _passes_out_of_reach(action: Action) -> bool:
    """Tell whether customers of a database in service do not reach it while this lasts."""
    return action.verb.passes_out_of_reach and parse(action.database).state is NameState.PUBLISHED


def _named(kind: str, which: list[tuple[str, str]]) -> str:
    return listed([_who_was(kind, code_of, shown) for code_of, shown in which], _NAMED)


def _who_was(kind: str, code_of: str, shown: str) -> str:
    """Name a document that is not in the fleet any more."""
    if kind != "instance":
        return f"{kind} {code(code_of)}"
    return code(code_of) if shown in (code_of, "") else f"{name(shown)} ({code(code_of)})"


def _groups(rows: list[_Row]) -> list[list[_Row]]:
    """Put rows that say the same together where they are many; keep the others apart."""
    same: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        same.setdefault((row.happens, row.why), []).append(row)
    return [part for group in same.values() for part in ([group] if len(group) > _ALIKE else [[row] for row in group])]


def _table(title: str, groups: list[list[_Row]]) -> Block:
    items = []
    for alike in groups:
        who = listed([row.who for row in alike], _ALIKE)
        line = f"| {who} | {alike[0].happens} | {alike[0].why} |\n"
        items.append(Passage(line, Counter({_ACTION: sum(row.actions for row in alike)})))
    return Block(f"\n#### {title}\n\n| Who | What happens | Why |\n|---|---|---|\n", tuple(items))


def _details(server: str, groups: list[list[_Row]]) -> Block:
    """Fold away what a table does not show: the names of many, and the values of rows with more than a few."""
    items = [Passage(text, Counter({_DETAIL: text.count("\n")})) for group in groups for text in _folded(group)]
    # Markdown is not read in this line of HTML; a code has no character that HTML would obey.
    opening = f"\n<details><summary>Details of <code>{server}</code></summary>\n\n"
    return Block(opening, tuple(items), "\n</details>\n")


def _folded(alike: list[_Row]) -> Iterator[str]:
    many_values = len(alike[0].changes) > _CHANGES
    if len(alike) == 1 or any(row.changes != alike[0].changes for row in alike):
        if many_values:
            for row in alike:
                yield f"- {row.who}\n{_values(row)}"
        return
    for start in range(0, len(alike), _A_LINE):
        yield f"- {', '.join(row.who for row in alike[start : start + _A_LINE])}\n{_values(alike[0]) if many_values else ''}"


def _values(row: _Row) -> str:
    return "".join(f"  - {_change(change)}\n" for change in row.changes)


def _worth_showing(action: Action) -> tuple[FieldChange, ...]:
    # A rename and a password are told by what happens. What adopting changes is the customer's own, and before an ending its
    # backup is what counts.
    if action.verb in (verbs.ADOPT, verbs.END, verbs.REPLACE, verbs.REBUILD, verbs.MOVE, verbs.UNINSTALL):
        return action.changes
    if action.verb is not verbs.CONFIGURE:
        return ()
    return worth_showing(action.changes)


def _telling(actions: list[Action]) -> list[Action]:
    """Leave out what only writes the mark, beside actions that tell why it does."""
    told = [
        a for a in actions if a.verb is not verbs.CONFIGURE or any(not c.field.startswith("mark.") for c in a.changes)
    ]
    return told or actions


def _happens(action: Action) -> str:
    if action.verb is verbs.CONFIGURE:
        return _configured(_worth_showing(action))
    told = action.verb.happens.format(
        database=code(action.database),
        becomes=code(action.becomes),
        former=code(parse(action.database).target),
        target=code(parse(action.becomes).target),
        trash=code(trash_of(action)),
        quiet=", **suspended**" if ends_suspended(action) else "",
        origin=code(action.origin),
        server=code(action.server),
        moved=code(left_behind(action)),
    )
    return "; ".join([told, *([_configured(changes)] if (changes := _worth_showing(action)) else [])])


def _configured(changes: tuple[FieldChange, ...]) -> str:
    if len(changes) <= _CHANGES:
        return ", ".join(_change(change) for change in changes)
    fields = [code(change.field) for change in changes]
    return f"{len(changes)} values change: {listed(fields, 3)}"


def _change(change: FieldChange) -> str:
    if change.field.startswith("mark."):
        return mark_in_words(change)
    if change.field.partition(".")[0] in IN_WORDS:
        return f"{code(change.field)}: {prose(_short(change.observed))} → {prose(_short(change.desired))}"
    observed = "not set" if change.observed == "not set" else code(_short(change.observed))
    return f"{code(change.field)}: {observed} → {code(_short(change.desired))}"


def _short(text: str, most: int = _A_VALUE) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
