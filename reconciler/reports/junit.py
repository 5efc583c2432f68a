"""Problems and changesets as JUnit's XML, the one format that every CI server shows.

Written as plain ASCII; a character that XML forbids, whoever wrote it, stands there as an escape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Blocked, Changeset, Frozen, Removed, Withheld
from reconciler.fleet.diagnostics import Diagnostic, Severity
from reconciler.reports.escapes import visible
from reconciler.reports.words import whereby, why


@dataclass(frozen=True, slots=True)
class _Case:
    """One test: `result` is the element that says how it ended (none: it passed), with its attributes and its text."""

    suite: str
    group: str
    name: str
    result: str = ""
    message: str = ""
    kind: str = ""
    text: str = ""


def validation_junit(diagnostics: Iterable[Diagnostic]) -> str:
    """Return a failed test for each error, a passed one for each warning, and a passed one for a fleet without problems."""
    suite = "odoo-fleet validate"
    return _render([_problem(suite, each) for each in diagnostics] or [_Case(suite, "fleet", "the fleet is valid")])


def plan_junit(changeset: Changeset) -> str:
    """Return a skipped test for each action that waits or is withheld, and a failed one for all that is blocked.

    What is blocked in a document that is paused is skipped as well: nobody waits for it. So is what is no longer declared. A
    frozen host is a failed test even where nothing waits for it: somebody has to confirm its listing.
    """
    cases = [_action(each) for each in changeset.actions] + [_withheld(each) for each in changeset.withheld]
    cases += [_blocked(each) for each in changeset.blocked] + [_removed(each) for each in changeset.removed]
    cases += [_frozen(each) for each in changeset.unsaid_frozen]
    return _render(cases or [_Case(_suite(""), "fleet", "the hosts match the fleet")])


def _problem(suite: str, problem: Diagnostic) -> _Case:
    # No line in the name, so that a test is the same one while the text above it changes.
    name = f"{problem.code}: {problem.message}"
    result = "failure" if problem.severity is Severity.ERROR else "system-out"
    message, kind = (problem.message, problem.code) if result == "failure" else ("", "")
    return _Case(suite, problem.range.file, name, result, message, kind, str(problem))


def _action(action: Action) -> _Case:
    return _skipped(action, f"planned: {_reason(action)}")


def _withheld(withheld: Withheld) -> _Case:
    action = withheld.action
    return _skipped(action, f"withheld, would {action.verb}: {_reason(action)}; {withheld.why}")


def _reason(action: Action) -> str:
    return ", ".join(part for part in (why(action), whereby(action)) if part)


def _skipped(action: Action, message: str) -> _Case:
    changes = [f"{c.field}: {c.observed} -> {c.desired}" for c in action.changes]
    name = f"{action.verb} {action.subject}"
    return _Case(_suite(action.server), action.server, name, "skipped", message, text="\n".join(changes))


def _blocked(blocked: Blocked) -> _Case:
    place = blocked.server or "fleet"
    if blocked.paused:
        message = f"blocked: {blocked.why}; {blocked.paused}"
        return _Case(_suite(blocked.server), place, blocked.address, "skipped", message, text=blocked.advice)
    return _Case(_suite(blocked.server), place, blocked.address, "failure", blocked.why, "blocked", blocked.advice)


def _frozen(frozen: Frozen) -> _Case:
    name = f"server/{frozen.server}"
    return _Case(_suite(frozen.server), frozen.server, name, "failure", frozen.why, "frozen", frozen.advice)


def _removed(removed: Removed) -> _Case:
    message = f"no longer declared: {f'database {removed.database} ' if removed.database else ''}{removed.fate}"
    place = removed.server or "fleet"
    return _Case(_suite(removed.server), place, removed.address, "skipped", message, text=removed.advice)


def _suite(server: str) -> str:
    return f"odoo-fleet plan: {server}" if server else "odoo-fleet plan"


def _render(cases: list[_Case]) -> str:
    root = ET.Element("testsuites", _counts(cases))
    for name in dict.fromkeys(case.suite for case in cases):
        own = [case for case in cases if case.suite == name]
        skipped = str(sum(case.result == "skipped" for case in own))
        suite = ET.SubElement(root, "testsuite", {"name": name, **_counts(own), "skipped": skipped})
        for case in own:
            _write(suite, case)
    ET.indent(root)
    # Plain ASCII, with references for other characters: right in every encoding that a console may have.
    written: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii")


def _counts(cases: list[_Case]) -> dict[str, str]:
    failures = sum(case.result == "failure" for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}


def _write(suite: ET.Element, case: _Case) -> None:
    test = ET.SubElement(suite, "testcase", {"classname": visible(case.group), "name": visible(case.name)})
    if not case.result:
        return
    given = {"type": case.kind, "message": case.message}
    result = ET.SubElement(test, case.result, {name: visible(value) for name, value in given.items() if value})
    result.text = "\n".join(visible(line) for line in case.text.split("\n")) or None
