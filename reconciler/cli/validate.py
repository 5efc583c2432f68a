"""`validate`: all problems of the fleet's text at once. It asks no host, resolves no secret, and imports nothing that would.

In a job of GitHub or GitLab it prints what that server shows beside the lines of a pull request, unless `-o` says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from reconciler.cli import groups, screens
from reconciler.cli.options import Common, common
from reconciler.cli.repository_paths import changed_first, in_repository
from reconciler.fleet.diagnostics import Diagnostic, has_errors
from reconciler.loading.fleet_directory import Loaded, load_files, load_fleet
from reconciler.reports.github_annotations import render_annotations
from reconciler.reports.gitlab_code_quality import code_quality_document
from reconciler.reports.problems import render_summary
from reconciler.reports.sarif import sarif_document
from reconciler.reports.validation import validation_document, validation_text


@groups.command(
    "odoo-fleet validate", "odoo-fleet validate --base main", "odoo-fleet validate fleet/instances/acme.yaml"
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--base", metavar="REF", help="Show the problems of files changed since this git revision first.")
@common("text", "json", "github", "gitlab", "sarif", "junit")
def command(common: Common, files: tuple[Path, ...], base: str | None) -> int:
    """Check the fleet's text: all problems, each with its place and what to do.

    With FILEs the whole fleet is read, and only what concerns these files is shown. Without -o, jobs of GitHub
    Actions print `github` and those of GitLab CI `gitlab`; everywhere else it is `text`.
    """
    loaded = load_files(common.fleet, files) if files else load_fleet(common.fleet)
    changed = None
    if base is not None:
        loaded, changed = changed_first(loaded, common.fleet, base)
    output = _output(common)
    summary = validation_text(render_summary(loaded.diagnostics), loaded.desired if not files else None)
    if output == "json":
        document = validation_document(loaded.diagnostics, loaded.desired)
        if changed is not None:
            for number, problem in enumerate(document["problems"]):
                problem["changed"] = number < changed
        screens.print_json(document)
    elif output == "text":
        _print_text(loaded, base, changed)
        click.echo(summary)
    else:
        _print_for_reviewers(output, in_repository(loaded.diagnostics, common.fleet))
        if output != "github":  # a file for a machine: whoever looks at the job's log reads on
            _print_text(loaded, base, changed, err=True)
        click.echo(summary, err=output != "github")
    return 1 if has_errors(loaded.diagnostics) else 0


def _output(common: Common) -> str:
    """Return the format asked for, or the one that fits where the command runs."""
    if click.get_current_context().get_parameter_source("output") is ParameterSource.DEFAULT:
        if os.environ.get("GITHUB_ACTIONS") == "true":
            return "github"
        if os.environ.get("GITLAB_CI") == "true":
            return "gitlab"
    return common.output


def _print_text(loaded: Loaded, base: str | None, changed: int | None, *, err: bool = False) -> None:
    problems = loaded.diagnostics
    stream: screens.Stream = screens.ERR if err else screens.OUT
    if changed is None:
        screens.show_problems(problems, loaded.texts, stream)
        return
    for title, part in ((f"In files changed since {base}:", problems[:changed]), ("Elsewhere:", problems[changed:])):
        if part:
            click.echo(title, err=err)
            screens.show_problems(part, loaded.texts, stream)
            click.echo(err=err)


def _print_for_reviewers(output: str, problems: Sequence[Diagnostic]) -> None:
    match output:
        case "github":
            if problems:
                click.echo(render_annotations(problems))
        case "gitlab":
            screens.print_json(code_quality_document(problems))
        case "sarif":
            screens.print_json(sarif_document(problems))
        case _:
            from reconciler.reports.junit import validation_junit  # noqa: PLC0415 -- it brings plans: a tenth of what runs at every save

            click.echo(validation_junit(problems))
