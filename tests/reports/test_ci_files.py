"""The files of docs/ci that people copy: right by the published schemas, and right by this version's command line."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from reconciler.cli.app import commands

ROOT = Path(__file__).parents[2]
CI = ROOT / "docs/ci"
GITHUB = ("--builtin-schema", "vendor.github-workflows")
GITLAB = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")


def check(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(name: str) -> Any:
    return yaml.safe_load((CI / name).read_text())


def test_the_workflow_of_github_is_as_its_schema_says() -> None:
    done = check(*GITHUB, CI / "github-actions.yml")
    assert done.returncode == 0, done.stdout


def test_the_pipeline_of_gitlab_is_as_its_schema_says() -> None:
    done = check(*GITLAB, CI / "gitlab-ci.yml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "name", "old", "new"),
    [
        (GITHUB, "github-actions.yml", "cancel-in-progress", "cancel-in-progres"),
        (GITLAB, "gitlab-ci.yml", "codequality:", "codequalty:"),
    ],
)
def test_a_misspelt_key_is_found(tmp_path: Path, schema: tuple[str, ...], name: str, old: str, new: str) -> None:
    text = (CI / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    assert check(*schema, tmp_path / name).returncode == 1


def scripts() -> Iterator[tuple[str, str]]:
    """Every piece of shell in the workflow and the pipeline."""
    for job, given in read("github-actions.yml")["jobs"].items():
        yield from ((f"github {job}", step["run"]) for step in given["steps"] if "run" in step)
    for job, given in read("gitlab-ci.yml").items():
        if isinstance(given, dict):
            lines = [*given.get("before_script", []), *given.get("script", [])]
            yield from ((f"gitlab {job}", line) for line in lines)


def commands_in(script: str) -> Iterator[list[str]]:
    for line in script.splitlines():
        if line.strip().startswith("odoo-fleet "):
            yield shlex.split(re.sub(r" > \S+$", "", line.strip()))[1:]


def parse(words: list[str]) -> click.Context:
    name, *arguments = words
    context = click.Context(commands)
    command = commands.get_command(context, name)
    assert command is not None, name
    return command.make_context(name, arguments, parent=context)


def test_every_command_that_they_run_is_one_of_this_version() -> None:
    found = [words for _, script in scripts() for words in commands_in(script)]
    assert {words[0] for words in found} == {"validate", "plan", "apply"}
    for words in found:
        parse(words)


def test_every_command_on_the_page_is_one_of_this_version() -> None:
    found = list(commands_in((CI / "README.md").read_text()))
    assert len(found) == 4
    for words in found:
        parse(words)


@pytest.mark.parametrize(("where", "script"), list(scripts()))
def test_every_script_is_one_of_bash(where: str, script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), where


def test_what_changes_hosts_runs_one_at_a_time_and_is_never_cut_off() -> None:
    apply = read("github-actions.yml")["jobs"]["apply"]
    assert apply["concurrency"] == {"group": "odoo-fleet-apply", "cancel-in-progress": False}
    assert apply["environment"] == "production"
    pipeline = read("gitlab-ci.yml")["apply"]
    assert (pipeline["resource_group"], pipeline["interruptible"]) == ("odoo-fleet", False)


def test_what_is_applied_is_what_was_approved() -> None:
    """The plan that the job before the approval saved and showed, and no other."""
    jobs = read("github-actions.yml")["jobs"]
    steps = {job: [step for step in given["steps"] if "uses" in step or "run" in step] for job, given in jobs.items()}
    saved = next(step for step in steps["preview"] if "upload-artifact" in step.get("uses", ""))["with"]
    loaded = next(step for step in steps["apply"] if "download-artifact" in step.get("uses", ""))["with"]
    assert saved["name"] == loaded["name"]
    assert jobs["apply"]["needs"] == "preview"
    assert f"--out {saved['path']} " in "".join(step.get("run", "") for step in steps["preview"])
    assert f"odoo-fleet apply {saved['path']} --yes" in "".join(step.get("run", "") for step in steps["apply"])
    pipeline = read("gitlab-ci.yml")
    assert pipeline["apply"]["needs"] == ["preview"]
    assert "changeset.json" in pipeline["preview"]["artifacts"]["paths"]
    assert pipeline["apply"]["script"] == ["odoo-fleet apply changeset.json --yes"]


def test_what_reads_a_text_that_is_not_merged_gets_no_master_password() -> None:
    text = {job: str(given) for job, given in read("github-actions.yml")["jobs"].items()}
    assert [job for job, given in text.items() if "MASTER_PASSWORD" in given] == ["apply"]
    assert [job for job, given in text.items() if "ODOO_FLEET_KEY" in given] == ["plan", "preview", "apply"]


def test_runs_remember_and_only_what_applies_writes_it_down() -> None:
    jobs = read("github-actions.yml")["jobs"]
    used = {job: [s["uses"].partition("@")[0] for s in given["steps"] if "uses" in s] for job, given in jobs.items()}
    assert [job for job, actions in used.items() if "actions/cache/restore" in actions] == ["plan", "preview", "apply"]
    assert [job for job, actions in used.items() if "actions/cache/save" in actions] == ["apply"]
    pipeline = read("gitlab-ci.yml")
    assert pipeline[".store"]["cache"]["policy"] == "pull"
    assert [job for job, given in pipeline.items() if ".store" in str(given.get("extends"))] == [
        "plan",
        "preview",
        "apply",
    ]
    assert pipeline["apply"]["cache"]["policy"] == "pull-push"


def test_a_pull_request_is_planned_against_what_it_is_to_be_merged_into() -> None:
    plans = [
        words for where, script in scripts() for words in commands_in(script) if words[0] == "plan" and " plan" in where
    ]
    assert [words[words.index("--base") + 1] for words in plans] == ["HEAD^", "$CI_MERGE_REQUEST_DIFF_BASE_SHA"]


def test_no_text_of_a_pull_request_gets_into_a_script() -> None:
    """An expression in a script is replaced before the shell reads it: titles and branches would be run."""
    assert [script for _, script in scripts() if "${{" in script] == []


FAKE_GH = """\
#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in *--paginate*) printf '%s' "$FOUND" ;; esac
"""


def comment(directory: Path, *, page: str, found: str) -> list[str]:
    """Run the step that comments, with a `gh` that writes down what it is asked."""
    steps = read("github-actions.yml")["jobs"]["plan"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "Comment"]
    gh = directory / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(FAKE_GH)
    gh.chmod(0o755)
    (directory / "plan.md").write_text(page)
    environment = {
        "PATH": f"{gh.parent}:/usr/bin:/bin",
        "CALLS": str(directory / "calls"),
        "FOUND": found,
        "GITHUB_REPOSITORY": "example/fleet",
        "NUMBER": "7",
        "RUN": "https://github.example/run",
    }
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=directory, env=environment, check=True)
    return (directory / "calls").read_text().splitlines()


def test_the_first_plan_of_a_pull_request_is_a_new_comment(tmp_path: Path) -> None:
    _, last = comment(tmp_path, page="<!-- odoo-fleet plan: demo -->\n", found="")
    assert last == "api --silent --method POST repos/example/fleet/issues/7/comments -F body=@plan.md"


def test_later_plans_update_it(tmp_path: Path) -> None:
    _, last = comment(tmp_path, page="<!-- odoo-fleet plan: demo -->\n", found="41\n42\n")
    assert last == "api --silent --method PATCH repos/example/fleet/issues/comments/41 -F body=@plan.md"


def test_a_plan_that_failed_is_said_in_the_same_comment(tmp_path: Path) -> None:
    comment(tmp_path, page="", found="41\n")
    assert (tmp_path / "plan.md").read_text().splitlines()[:2] == [
        "<!-- odoo-fleet plan: failed -->",
        "### The plan failed",
    ]


def test_the_hook_runs_the_command_that_the_package_installs() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *words = shlex.split(hook["entry"])
    assert program in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    parse(words)
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert re.search(hook["files"], "fleet/instances/acme.yaml")


def test_the_example_for_pre_commit_uses_that_hook() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repository,) = read("pre-commit-config.yaml")["repos"]
    (used,) = repository["hooks"]
    assert used["id"] == hook["id"]
    assert re.search(used["files"], "fleet/instances/acme.yaml")
    parse([*shlex.split(hook["entry"])[1:], *used["args"]])


def test_code_owners_are_named_for_what_is_there() -> None:
    lines = [line for line in (CI / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        path, *owners = line.split()
        assert path.startswith("/")
        assert path == "/.github/" or (ROOT / path.strip("/")).exists(), path
        assert owners
        assert all(re.fullmatch(r"@[a-z-]+/[a-z-]+", owner) for owner in owners)
