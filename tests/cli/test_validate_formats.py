"""`validate` in CI: the format that fits where it runs, paths from the repository's root, and a log that people can read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.test_validate import BROKEN, VALID
from tests.cli.world import Ran, run
from tests.reports.workflow_commands import read_commands


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a broken fleet in a directory of it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "infra/fleet").mkdir(parents=True)
    (tmp_path / "infra/fleet/fleet.yaml").write_text(BROKEN)
    return tmp_path


def validate(repository: Path, *words: str) -> Ran:
    return run("validate", "--fleet", str(repository / "infra/fleet"), *words)


def test_github_shows_problems_where_they_are_in_the_repository(repository: Path) -> None:
    ran = validate(repository, "-o", "github")
    found = [(c.properties["file"], c.properties["line"], c.properties["title"]) for c in read_commands(ran.out)]
    file = "infra/fleet/fleet.yaml"
    assert found == [(file, "8", "invalid-url"), (file, "14", "unknown-template"), (file, "15", "unknown-plan")]
    assert (ran.code, ran.out.splitlines()[-1], ran.err) == (1, "3 errors.", "")


@pytest.mark.parametrize("directory", [".", "infra", "infra/fleet"])
def test_paths_are_the_same_wherever_it_runs(repository: Path, directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / directory)
    fleet = {".": "infra/fleet", "infra": "fleet", "infra/fleet": "."}[directory]
    entries = json.loads(run("validate", "--fleet", fleet, "-o", "gitlab").out)
    assert {entry["location"]["path"] for entry in entries} == {"infra/fleet/fleet.yaml"}


def test_a_link_in_the_repository_is_shown_as_the_path_that_git_knows(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "checkout"
    outside.symlink_to(repository)
    (repository / "shared.yaml").write_text("kind: plan\ncode: UPPER\n")
    (repository / "infra/fleet/shared.yaml").symlink_to(repository / "shared.yaml")
    entries = json.loads(run("validate", "--fleet", str(outside / "infra/fleet"), "-o", "gitlab").out)
    paths = {entry["location"]["path"] for entry in entries}
    assert paths == {"infra/fleet/fleet.yaml", "infra/fleet/shared.yaml"}


def test_without_git_the_directory_that_the_server_names_is_the_root(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".git").rmdir()
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository))
    ran = validate(repository, "-o", "sarif")
    result = json.loads(ran.out)["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "infra/fleet/fleet.yaml"


@pytest.mark.parametrize("output", ["gitlab", "sarif", "junit"])
def test_files_for_machines_stand_alone_on_stdout_and_people_read_on(repository: Path, output: str) -> None:
    ran = validate(repository, "-o", output)
    if output == "junit":
        assert ET.fromstring(ran.out).get("failures") == "3"
    else:
        json.loads(ran.out)
    assert ran.code == 1
    assert "fleet.yaml:8:13: invalid-url" in ran.err
    assert ran.err.splitlines()[-1] == "3 errors."


@pytest.mark.parametrize(
    ("variable", "begins"), [("GITHUB_ACTIONS", "::error file="), ("GITLAB_CI", "[\n"), ("CI", "")]
)
def test_the_format_fits_where_it_runs(
    repository: Path, variable: str, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")
    assert validate(repository).out.startswith(begins or str(repository / "infra"))


def test_a_format_that_was_asked_for_is_used_everywhere(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert validate(repository, "-o", "text").out.startswith(str(repository))
    assert json.loads(validate(repository, "-o", "json").out)["valid"] is False


@pytest.mark.parametrize(("output", "expected"), [("github", ""), ("gitlab", "[]\n")])
def test_a_valid_fleet_has_nothing_to_annotate(tmp_path: Path, output: str, expected: str) -> None:
    (tmp_path / "fleet.yaml").write_text(VALID)
    ran = run("validate", "--fleet", str(tmp_path), "-o", output)
    said = "No problems: fleet 'test' declares 0 servers, 0 templates, 0 plans, 0 instances.\n"
    assert ran.code == 0
    assert (ran.out, ran.err) == ((said, "") if output == "github" else (expected, said))
