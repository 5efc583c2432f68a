"""Problems as SARIF 2.1.0 (OASIS), which GitHub's code scanning and many editors show beside the lines concerned.

Paths are relative to the root of the repository (`%SRCROOT%`), columns count characters, and what is not known is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.reports.fingerprints import fingerprints
from reconciler.version import __version__

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def sarif_document(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """Return a log with one run: a rule for each code that occurs, a result for each problem in the order given."""
    problems = list(diagnostics)
    codes = sorted({each.code for each in problems})
    driver = {"name": "odoo-fleet", "version": __version__, "rules": [_rule(code) for code in codes]}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
                "results": [
                    _result(each, codes.index(each.code), fingerprint)
                    for each, fingerprint in zip(problems, fingerprints(problems), strict=True)
                ],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    # No `helpUri`: the standard wants an absolute address there, and where the page is served is not known here.
    return {
        "id": code,
        "shortDescription": {"text": code.replace("-", " ").capitalize()},
        "help": {"text": f"See docs/problems.md#{code} of odoo-fleet."},
    }


def _result(problem: Diagnostic, rule: int, fingerprint: str) -> dict[str, Any]:
    place = {"artifactLocation": _location(problem.range.file), "region": _region(problem.range)}
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": problem.message + (f" ({problem.hint})" if problem.hint else "")},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"odooFleetProblem/v1": fingerprint},
    }


def _location(file: str) -> dict[str, str]:
    address = quote(file, errors="replace")
    return {"uri": f"file://{address}"} if file.startswith("/") else {"uri": address, "uriBaseId": _ROOT}


def _region(place: Range) -> dict[str, int]:
    region = {"startLine": place.line, "startColumn": place.column}
    if (place.end_line, place.end_column) > (place.line, place.column):
        region |= {"endLine": place.end_line, "endColumn": place.end_column}
    return region
