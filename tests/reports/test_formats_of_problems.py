"""What a file's name or text says can neither end a command, nor forge one, nor break a document."""

# ruff: noqa: E501 -- the lines of a snapshot are as long as what they show

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Blocked, Changeset
from reconciler.fleet.diagnostics import Diagnostic, Range, Severity
from reconciler.reports.fingerprints import fingerprints
from reconciler.reports.github_annotations import render_annotations
from reconciler.reports.gitlab_code_quality import code_quality_document
from reconciler.reports.junit import plan_junit, validation_junit
from reconciler.reports.sarif import sarif_document
from reconciler.version import __version__
from tests.reports.workflow_commands import read_commands

UNKNOWN = Diagnostic(
    Range("fleet/acme.yaml", 3, 11, 3, 21), "unknown-template", "no template 'restaurent'", "did you mean 'restaurant'?"
)
NOTICE = Diagnostic(Range("fleet/a,b:c.yaml", 2, 1, 4, 5), "odd", "100% sure\r\n::error::forged", "", Severity.WARNING)


def test_annotations_of_github() -> None:
    assert render_annotations([UNKNOWN, NOTICE]) == snapshot("""\
::error file=fleet/acme.yaml,line=3,col=11,endColumn=21,title=unknown-template::fleet/acme.yaml:3:11: unknown-template: no template 'restaurent' (did you mean 'restaurant'?)
::warning file=fleet/a%2Cb%3Ac.yaml,line=2,endLine=4,title=odd::fleet/a,b:c.yaml:2:1: odd: 100%25 sure\\r\\n::error::forged\
""")


def test_problems_for_gitlab() -> None:
    assert code_quality_document([UNKNOWN]) == snapshot(
        [
            {
                "description": "no template 'restaurent' (did you mean 'restaurant'?)",
                "check_name": "unknown-template",
                "fingerprint": "c78c6f37aba230e804c4117feb25434471bae350450eb3da8e55186d4425dfb1",
                "severity": "critical",
                "location": {"path": "fleet/acme.yaml", "lines": {"begin": 3}},
            }
        ]
    )


def test_problems_as_sarif() -> None:
    (run,) = sarif_document([UNKNOWN])["runs"]
    assert run["tool"]["driver"].pop("version") == __version__
    assert run == snapshot(
        {
            "tool": {
                "driver": {
                    "name": "odoo-fleet",
                    "rules": [
                        {
                            "id": "unknown-template",
                            "shortDescription": {"text": "Unknown template"},
                            "help": {"text": "See docs/problems.md#unknown-template of odoo-fleet."},
                        }
                    ],
                }
            },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
            "results": [
                {
                    "ruleId": "unknown-template",
                    "ruleIndex": 0,
                    "level": "error",
                    "message": {"text": "no template 'restaurent' (did you mean 'restaurant'?)"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "fleet/acme.yaml", "uriBaseId": "%SRCROOT%"},
                                "region": {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 21},
                            }
                        }
                    ],
                    "partialFingerprints": {
                        "odooFleetProblem/v1": "c78c6f37aba230e804c4117feb25434471bae350450eb3da8e55186d4425dfb1"
                    },
                }
            ],
        }
    )


def test_problems_as_junit() -> None:
    assert validation_junit([UNKNOWN, NOTICE]) == snapshot("""\
<?xml version='1.0' encoding='us-ascii'?>
<testsuites tests="2" failures="1" errors="0">
  <testsuite name="odoo-fleet validate" tests="2" failures="1" errors="0" skipped="0">
    <testcase classname="fleet/acme.yaml" name="unknown-template: no template 'restaurent'">
      <failure type="unknown-template" message="no template 'restaurent'">fleet/acme.yaml:3:11: unknown-template: no template 'restaurent' (did you mean 'restaurant'?)</failure>
    </testcase>
    <testcase classname="fleet/a,b:c.yaml" name="odd: 100% sure\\r\\n::error::forged">
      <system-out>fleet/a,b:c.yaml:2:1: odd: 100% sure\\r
::error::forged</system-out>
    </testcase>
  </testsuite>
</testsuites>\
""")


def test_a_fleet_without_problems_is_a_passed_test() -> None:
    assert validation_junit([]) == snapshot("""\
<?xml version='1.0' encoding='us-ascii'?>
<testsuites tests="1" failures="0" errors="0">
  <testsuite name="odoo-fleet validate" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="fleet" name="the fleet is valid" />
  </testsuite>
</testsuites>\
""")


def test_a_plan_as_junit() -> None:
    changes = (FieldChange("company", "Acme SA", "Acme\x1b[2J & Söhne"),)
    changeset = Changeset(
        (
            Action(verbs.CLONE, "instance", "bistro", "prod-1", Reason.DECLARED, "template_restaurant", "bistro"),
            Action(verbs.CONFIGURE, "instance", "acme", "prod-1", Reason.CHANGED, "acme", "acme", changes),
        ),
        (Blocked("instance", "cafe", "prod-2", "server prod-2 is offline", "bring it back"),),
    )
    assert plan_junit(changeset) == snapshot("""\
<?xml version='1.0' encoding='us-ascii'?>
<testsuites tests="3" failures="1" errors="0">
  <testsuite name="odoo-fleet plan: prod-1" tests="2" failures="0" errors="0" skipped="2">
    <testcase classname="prod-1" name="clone instance/bistro">
      <skipped message="planned: new, from template_restaurant" />
    </testcase>
    <testcase classname="prod-1" name="configure instance/acme">
      <skipped message="planned: its text changed">company: Acme SA -&gt; Acme\\x1b[2J &amp; S&#246;hne</skipped>
    </testcase>
  </testsuite>
  <testsuite name="odoo-fleet plan: prod-2" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="prod-2" name="instance/cafe">
      <failure type="blocked" message="server prod-2 is offline">bring it back</failure>
    </testcase>
  </testsuite>
</testsuites>\
""")


def test_a_plan_with_nothing_to_do_is_a_passed_test() -> None:
    suites = ET.fromstring(plan_junit(Changeset()))
    assert (suites.get("tests"), suites.get("failures"), len(suites.findall(".//skipped"))) == ("1", "0", 0)


def test_github_says_when_it_will_not_show_all() -> None:
    many = [Diagnostic(Range("a.yaml", line), "odd", "odd") for line in range(1, 12)]
    assert "first 10" not in render_annotations(many[:10])
    assert render_annotations(many).splitlines()[-1] == snapshot(
        "GitHub shows the first 10 annotations of each kind; all of them are in this log."
    )


@given(st.text(), st.text(), st.sampled_from(Severity))
def test_a_command_says_what_it_was_given_and_nothing_else(file: str, message: str, severity: Severity) -> None:
    output = render_annotations([Diagnostic(Range(file or "x"), "odd", message, "", severity)])
    assert output.isprintable()  # one line, whatever the runner takes for the end of one
    (command,) = read_commands(output)
    assert set(command.properties) == {"file", "line", "col", "title"}
    assert command.name == severity.value
    if file.isprintable() and message.isprintable():
        assert (command.properties["file"], command.message) == (file or "x", f"{file or 'x'}:1:1: odd: {message}")


@given(st.text(), st.text())
def test_junit_can_be_read_whatever_a_text_holds(message: str, hint: str) -> None:
    written = validation_junit([Diagnostic(Range("a.yaml"), "odd", message, hint)])
    assert written.isascii()
    assert len(list(ET.fromstring(written).iter("failure"))) == 1


@given(st.text())
def test_json_formats_are_ascii_and_whole(message: str) -> None:
    problem = Diagnostic(Range("a b/ü.yaml"), "odd", message)
    for document in (sarif_document([problem]), code_quality_document([problem])):
        assert json.loads(json.dumps(document)) == document


def test_a_fingerprint_stays_when_lines_move_and_differs_between_problems() -> None:
    here = Diagnostic(Range("a.yaml", 3, 7), "duplicate-code", "a second plan 'x'", "the first is at fleet/b.yaml:1:7")
    moved = Diagnostic(Range("a.yaml", 9, 7), "duplicate-code", "a second plan 'x'", "the first is at fleet/b.yaml:8:7")
    other = Diagnostic(Range("b.yaml", 3, 7), "duplicate-code", "a second plan 'x'", "the first is at fleet/b.yaml:1:7")
    assert fingerprints([here]) == fingerprints([moved])
    assert len(set(fingerprints([here, moved, other]))) == 3


def test_a_path_outside_of_the_repository_is_an_address_of_its_own() -> None:
    document = sarif_document([Diagnostic(Range("/srv/fleet a/x.yaml"), "odd", "odd")])
    location = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///srv/fleet%20a/x.yaml"}
