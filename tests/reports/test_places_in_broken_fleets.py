"""Each problem of each broken fleet is shown at its line, in every format that reviewers and servers read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.reports.github_annotations import render_annotations
from reconciler.reports.gitlab_code_quality import code_quality_document
from reconciler.reports.junit import validation_junit
from reconciler.reports.sarif import sarif_document
from tests.loading.corpus import Case
from tests.reports.broken import broken_fleets, line_of, place
from tests.reports.workflow_commands import Command, read_commands

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text())
SARIF = jsonschema.Draft4Validator(SCHEMA)
FLEETS = broken_fleets()


def commands(problems: tuple[Diagnostic, ...]) -> Iterator[Command]:
    return read_commands(render_annotations(problems))


def places_on_github(problems: tuple[Diagnostic, ...]) -> list[tuple[str, int, int]]:
    found = [command.properties for command in commands(problems)]
    return [(p["file"], int(p["line"]), int(p.get("col", 0))) for p in found]


@pytest.mark.parametrize(("case", "problems"), FLEETS, ids=[case.name for case, _ in FLEETS])
def test_github_annotates_the_line_of_each_problem(case: Case, problems: tuple[Diagnostic, ...]) -> None:
    expected = [place(line) for line in case.problems]
    assert [(file, line) for file, line, _ in places_on_github(problems)] == [(f, n) for f, n, _ in expected]
    for command, (file, number, column) in zip(commands(problems), expected, strict=True):
        line = line_of(case, file, number)
        assert line is not None or (number, column) == (1, 1)  # nothing there, or the fleet as a whole
        if line is not None and "endColumn" in command.properties:
            assert int(command.properties["col"]) == column
            assert (
                column < int(command.properties["endColumn"]) <= max(len(line), column) + 1
            )  # or what is missing at its end


def test_github_shows_each_problem_as_the_command_line_does() -> None:
    for case, problems in FLEETS:
        assert [command.message for command in commands(problems)] == case.problems


def test_gitlab_is_given_the_same_places() -> None:
    for case, problems in FLEETS:
        entries = code_quality_document(problems)
        found = [(e["location"]["path"], e["location"]["lines"]["begin"]) for e in entries]
        assert found == [place(line)[:2] for line in case.problems]


def test_code_quality_reports_have_what_gitlab_asks_for_and_unique_fingerprints() -> None:
    for _, problems in FLEETS:
        entries = code_quality_document(problems)
        assert len({entry["fingerprint"] for entry in entries}) == len(entries)
        for entry in entries:
            assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
            assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
            assert re.fullmatch("[0-9a-f]{64}", entry["fingerprint"])


def results(problems: tuple[Diagnostic, ...]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sarif_document(problems)["runs"][0]["results"]
    return found


def test_sarif_is_valid_and_points_at_the_same_places() -> None:
    for case, problems in FLEETS:
        SARIF.validate(sarif_document(problems))
        physical = [result["locations"][0]["physicalLocation"] for result in results(problems)]
        found = [
            (unquote(p["artifactLocation"]["uri"]), p["region"]["startLine"], p["region"]["startColumn"])
            for p in physical
        ]
        assert found == [place(line) for line in case.problems]


def test_each_sarif_result_has_its_rule() -> None:
    for _, problems in FLEETS:
        rules = sarif_document(problems)["runs"][0]["tool"]["driver"]["rules"]
        assert [rules[r["ruleIndex"]]["id"] for r in results(problems)] == [p.code for p in problems]


def test_the_schema_of_sarif_refuses_what_is_none() -> None:
    wrong = sarif_document(FLEETS[0][1])
    wrong["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not SARIF.is_valid(wrong)


def test_junit_has_a_failed_test_for_each_problem() -> None:
    for case, problems in FLEETS:
        suites = ET.fromstring(validation_junit(problems))
        assert suites.get("tests") == str(len(case.problems))
        shown = [element.text for element in suites.iter() if element.tag in {"failure", "system-out"}]
        assert shown == case.problems
