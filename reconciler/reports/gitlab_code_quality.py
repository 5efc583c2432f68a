"""Problems as a code quality report, which GitLab shows in the widget and beside the lines of a merge request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.fleet.diagnostics import Diagnostic, Severity
from reconciler.reports.fingerprints import fingerprints

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor"}


def code_quality_document(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return an entry for each problem, in the order given."""
    problems = list(diagnostics)
    return [
        {
            "description": each.message + (f" ({each.hint})" if each.hint else ""),
            "check_name": each.code,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[each.severity],
            "location": {"path": each.range.file, "lines": {"begin": each.range.line}},
        }
        for each, fingerprint in zip(problems, fingerprints(problems), strict=True)
    ]
