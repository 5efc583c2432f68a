"""`validate`: all problems at once, with their places; light enough to run at every save."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.world import run

BROKEN = """\
kind: fleet
format: 1
code: test
secret_key: {env: ODOO_FLEET_KEY}
---
kind: server
code: prod-1
server_url: ftp://odoo.example.com
odoo_version: "19.0"
master_password: {env: MASTER_PASSWORD}
---
kind: instance
code: acme
template: restaurent
plan: starter
"""
VALID = """\
kind: fleet
format: 1
code: test
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where these tests run in CI, the format would be that server's."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)


def fleet(tmp_path: Path, text: str) -> str:
    (tmp_path / "fleet.yaml").write_text(text)
    return str(tmp_path)


def test_all_problems_are_shown_with_place_source_and_caret(tmp_path: Path) -> None:
    ran = run("validate", "--fleet", fleet(tmp_path, BROKEN))
    assert ran.code == 1
    lines = [line.replace(str(tmp_path), "fleet") for line in ran.out.splitlines()]
    assert lines[0].startswith("fleet/fleet.yaml:8:13: invalid-url: ")
    assert lines[1:3] == ["  8 | server_url: ftp://odoo.example.com", "    |             ^^^^^^^^^^^^^^^^^^^^^^"]
    assert [line.split(": ")[1] for line in lines if line.startswith("fleet/")][1:] == [
        "unknown-template",
        "unknown-plan",
    ]
    assert lines[-1] == "3 errors."
    assert ran.err == ""


def test_json_has_the_problems_for_machines(tmp_path: Path) -> None:
    ran = run("validate", "-o", "json", "--fleet", fleet(tmp_path, BROKEN))
    document = json.loads(ran.out)
    assert (ran.code, document["format"], document["valid"]) == (1, 1, False)
    assert list(document["problems"][0]) == [
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "code",
        "severity",
        "message",
        "hint",
    ]


def test_a_valid_fleet_is_said_to_be_so(tmp_path: Path) -> None:
    ran = run("validate", "--fleet", fleet(tmp_path, VALID))
    said = "No problems: fleet 'test' declares 0 servers, 0 templates, 0 plans, 0 instances.\n"
    assert (ran.code, ran.out, ran.err) == (0, said, "")


def test_only_what_concerns_the_files_given_is_shown(tmp_path: Path) -> None:
    root = fleet(tmp_path, VALID)
    (tmp_path / "bad.yaml").write_text("kind: plan\ncode: UPPER\n")
    assert run("validate", "--fleet", root, str(tmp_path / "fleet.yaml")).code == 0
    assert run("validate", "--fleet", root, str(tmp_path / "bad.yaml")).code == 1


def test_a_directory_that_is_not_there_is_a_problem_like_others(tmp_path: Path) -> None:
    ran = run("validate", "--fleet", str(tmp_path / "nowhere"))
    assert ran.code == 1
    assert "missing-directory" in ran.out
