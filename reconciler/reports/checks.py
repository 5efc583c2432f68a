"""The activation tests of a server and their answers, for people and (format 1) for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from reconciler.core.model.checks import Check, CheckResult, failures
from reconciler.fleet.counting import count
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.plain import FORMAT
from schemas.server import Server

_TONES = {
    CheckResult.PASSED: Tone.GOOD,
    CheckResult.FAILED: Tone.BAD,
    CheckResult.UNKNOWN: Tone.DOUBT,
    CheckResult.SKIPPED: Tone.FAINT,
}


def render_checks(server: Server, url: str, checks: Sequence[Check], paper: Paper) -> str:
    """Return a line for each test: its answer, its name, what was seen; below it what to do."""
    lines = [f"{paper.paint(server.code, Tone.STRONG)} at {url}"]
    answers = max((len(c.answer) for c in checks), default=0)
    names = max((len(c.name) for c in checks), default=0)
    for check in checks:
        head = f"{check.answer:<{answers}}  {check.name:<{names}}  "
        lines += paper.paragraph(check.seen, indent=2, head=head, tone=_TONES[check.answer])
        if check.advice:
            lines += paper.paragraph(check.advice, indent=4 + answers, head="→ ")
    return "\n".join([*lines, "", _verdict(server, checks)])


def checks_document(server: Server, checks: Sequence[Check]) -> dict[str, Any]:
    """Return the same for machines."""
    return {"format": FORMAT, "server": server.code, "ok": not _failed(checks), "checks": [asdict(c) for c in checks]}


def _verdict(server: Server, checks: Sequence[Check]) -> str:
    if failed := failures(checks):
        return f"{count(len(failed), 'test')} failed: {server.code} cannot be activated as it is."
    if others := _failed(checks):
        return f"{count(len(others), 'test')} failed; activation is not held up by that."
    if server.state != "active":
        return f"Nothing speaks against activation; its declared state is {server.state}."
    return "Nothing speaks against activation."


def _failed(checks: Sequence[Check]) -> list[Check]:
    return [c for c in checks if c.answer is CheckResult.FAILED]
