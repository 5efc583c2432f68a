"""The result of `validate`: its last line, and its JSON document (format 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.diagnostics import Diagnostic, has_errors
from reconciler.reports.plain import FORMAT


def validation_text(summary: str, desired: Desired | None) -> str:
    """Sum up: how many problems, and for a valid fleet what it declares."""
    if desired is None:
        return f"{summary[0].upper()}{summary[1:]}."
    counts = ", ".join(count(number, kind) for kind, number in desired.counts.items())
    return f"{summary[0].upper()}{summary[1:]}: fleet '{desired.settings.code}' declares {counts}."


def validation_document(diagnostics: Iterable[Diagnostic], desired: Desired | None) -> dict[str, Any]:
    """Return the same for machines."""
    problems = [
        {**asdict(d.range), "code": d.code, "severity": d.severity.value, "message": d.message, "hint": d.hint}
        for d in diagnostics
    ]
    return {
        "format": FORMAT,
        "valid": not has_errors(diagnostics),
        "fleet": desired.settings.code if desired else None,
        "declared": {f"{kind}s": number for kind, number in desired.counts.items()} if desired else None,
        "problems": problems,
    }
