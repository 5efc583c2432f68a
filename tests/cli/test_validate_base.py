"""`validate --base`: what a pull request touches comes first, whatever clone it runs in, and git can do no harm."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.world import Ran, run
from tests.reports.workflow_commands import read_commands

FLEET = "kind: fleet\nformat: 1\ncode: test\n"
WRONG = "kind: plan\ncode: {}\nmax_users: many\n"
VARIABLES = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """`main` has a problem in `a.yaml`; the branch that is checked out adds one in `z é.yaml`."""
    root = tmp_path / "repository"
    fleet = root / "infra/fleet"
    fleet.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    (fleet / "fleet.yaml").write_text(FLEET)
    (fleet / "a.yaml").write_text(WRONG.format("old"))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=one")
    git(root, "switch", "--quiet", "--create=change")
    (fleet / "z é.yaml").write_text(WRONG.format("new"))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=two")
    return root


def validate(root: Path, *words: str) -> Ran:
    return run("validate", "--fleet", str(root / "infra/fleet"), *words)


def files(root: Path, *words: str) -> list[tuple[str, bool]]:
    problems = json.loads(validate(root, "-o", "json", *words).out)["problems"]
    return [(Path(problem["file"]).name, problem["changed"]) for problem in problems]


def test_problems_of_changed_files_come_first_and_all_stay_errors(repository: Path) -> None:
    ran = validate(repository, "--base", "main")
    lines = [line.replace(f"{repository}/", "") for line in ran.out.splitlines()]
    assert ran.code == 1
    assert lines[0] == "In files changed since main:"
    assert lines[1].startswith("infra/fleet/z é.yaml:3:12: wrong-type")
    assert lines[5] == "Elsewhere:"
    assert lines[6].startswith("infra/fleet/a.yaml:3:12: wrong-type")
    assert lines[-1] == "2 errors."


def test_machines_are_told_which_these_are(repository: Path) -> None:
    assert files(repository, "--base", "main") == [("z é.yaml", True), ("a.yaml", False)]


def test_annotations_come_in_the_same_order(repository: Path) -> None:
    ran = validate(repository, "-o", "github", "--base", "main")
    assert [c.properties["file"] for c in read_commands(ran.out)] == ["infra/fleet/z é.yaml", "infra/fleet/a.yaml"]


def test_what_happened_on_the_other_side_meanwhile_is_not_the_branchs_change(repository: Path) -> None:
    git(repository, "switch", "--quiet", "main")
    (repository / "infra/fleet/a.yaml").write_text(WRONG.format("other"))
    git(repository, "commit", "--quiet", "--all", "--message=three")
    git(repository, "switch", "--quiet", "change")
    assert files(repository, "--base", "main") == [("z é.yaml", True), ("a.yaml", False)]


def test_what_is_not_committed_or_not_even_added_is_a_change(repository: Path) -> None:
    (repository / "infra/fleet/a.yaml").write_text(WRONG.format("edited"))
    (repository / "infra/fleet/b.yaml").write_text(WRONG.format("untracked"))
    assert files(repository, "--base", "HEAD") == [("a.yaml", True), ("b.yaml", True), ("z é.yaml", False)]


def test_a_file_behind_a_link_is_known_by_both_of_its_names(repository: Path) -> None:
    (repository / "shared.yaml").write_text(WRONG.format("shared"))
    (repository / "infra/fleet/m.yaml").symlink_to("../../shared.yaml")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=link")
    (repository / "shared.yaml").write_text(WRONG.format("changed"))
    assert files(repository, "--base", "HEAD") == [("m.yaml", True), ("a.yaml", False), ("z é.yaml", False)]


def test_a_hook_of_git_may_run_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.chdir(repository)
    assert files(repository, "--base", "main")[0] == ("z é.yaml", True)


@pytest.fixture
def shallow(repository: Path) -> Path:
    """A clone as CI servers make it: one commit of one branch."""
    clone = repository.parent / "clone"
    git(repository.parent, "clone", "--quiet", "--depth=1", "--branch=change", repository.as_uri(), str(clone))
    return clone


def advice(ran: Ran) -> list[str]:
    assert (ran.code, ran.out) == (64, "")
    return shlex.split(ran.err.partition("fetch it with `")[2].partition("`")[0])


def test_a_shallow_clone_is_told_what_to_fetch_and_then_it_works(shallow: Path) -> None:
    ran = validate(shallow, "--base", "origin/main")
    assert "--base: this shallow clone does not have the revision 'origin/main': fetch it with" in ran.err
    assert advice(ran) == ["git", "fetch", "--depth=1", "origin", "main:refs/remotes/origin/main"]
    git(shallow, *advice(ran)[1:])
    assert files(shallow, "--base", "origin/main") == [("z é.yaml", True), ("a.yaml", False)]


def test_a_commit_is_fetched_by_its_hash(repository: Path, shallow: Path) -> None:
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    commit = git(repository, "rev-parse", "main")
    ran = validate(shallow, "--base", commit)
    git(shallow, *advice(ran)[1:])
    assert files(shallow, "--base", commit)[0] == ("z é.yaml", True)


def test_a_name_that_no_remote_is_in_is_fetched_as_fetch_head(shallow: Path) -> None:
    ran = validate(shallow, "--base", "main")
    assert ran.err.rstrip().endswith("`git fetch --depth=1 origin main` and name it FETCH_HEAD")
    git(shallow, *advice(ran)[1:])
    assert files(shallow, "--base", "FETCH_HEAD")[0] == ("z é.yaml", True)


def test_the_checkout_of_a_pull_request_on_github_has_what_its_workflow_names(repository: Path) -> None:
    """The workflow checks out the merge with a depth of two and compares with its first parent."""
    git(repository, "switch", "--quiet", "--create=merge", "main")
    git(repository, "merge", "--quiet", "--no-ff", "--message=merge", "change")
    clone = repository.parent / "actions"
    git(repository.parent, "clone", "--quiet", "--depth=2", "--branch=merge", repository.as_uri(), str(clone))
    assert files(clone, "--base", "HEAD^") == [("z é.yaml", True), ("a.yaml", False)]


def refused(root: Path, base: str) -> str:
    ran = validate(root, f"--base={base}")
    assert (ran.code, ran.out) == (64, "")
    return ran.err.splitlines()[-1]


def test_outside_of_git_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "infra/fleet").mkdir(parents=True)
    (tmp_path / "infra/fleet/fleet.yaml").write_text(FLEET)
    directory = tmp_path / "infra/fleet"
    assert refused(tmp_path, "main") == f"Error: --base: '{directory}' is not in a git repository"


def test_without_git_it_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert refused(repository, "main") == "Error: --base: the program `git` is not installed"


def test_a_revision_cannot_be_an_option(repository: Path) -> None:
    proof = repository / "proof"
    assert refused(repository, f"--output={proof}") == f"Error: --base: '--output={proof}' is not a revision"
    assert refused(repository, "-p") == "Error: --base: '-p' is not a revision"
    assert not proof.exists()


@pytest.mark.parametrize("base", ["nowhere", "a\nb", "", "main:infra", "0" * 40, "main^{tree}"])
def test_what_is_no_commit_is_refused_with_the_reason(repository: Path, base: str) -> None:
    assert refused(repository, base).startswith("Error: --base: ")


def test_files_of_a_repository_cannot_make_git_run_a_program(repository: Path) -> None:
    proof = repository.parent / "proof"
    (repository / ".gitattributes").write_text("*.yaml diff=evil\n")
    git(repository, "config", "diff.evil.textconv", f"touch {proof};cat")
    git(repository, "config", "diff.evil.command", f"touch {proof}")
    git(repository, "config", "diff.external", f"touch {proof}")
    (repository / "infra/fleet/a.yaml").write_text(WRONG.format("edited"))
    assert files(repository, "--base", "main")[0] == ("a.yaml", True)
    assert not proof.exists()


def test_the_fleet_may_be_the_repository(repository: Path) -> None:
    fleet = repository / "infra/fleet"
    git(fleet, "init", "--quiet", "--initial-branch=main")
    git(fleet, "add", "a.yaml", "fleet.yaml")
    git(fleet, "commit", "--quiet", "--message=inner")
    assert files(repository, "--base", "HEAD") == [("z é.yaml", True), ("a.yaml", False)]


def test_a_fleet_that_is_not_there_is_still_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    ran = run("validate", "--fleet", "flete", "--base", "main")
    assert ran.code == 1
    assert "flete:1:1: missing-directory" in ran.out
