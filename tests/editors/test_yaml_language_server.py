"""What a fleet's text shows in an editor: the real yaml-language-server (VS Code, Neovim, Helix, Emacs) with our schema."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import run
from tests.editors.language_server import Json, LanguageServer
from tests.hosts import npm
from tests.hosts.debian import OdooUnavailable, program

pytestmark = pytest.mark.deploy
HERE = Path(__file__).parent / "yaml_language_server"
SAMPLE = Path(__file__).parents[2] / "fleet"
MODELINE = "# yaml-language-server: $schema=../fleet.schema.json\n"
ON = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}
BY_MODELINE: Json = {"yaml": ON}
BY_SETTING: Json = {"yaml": {**ON, "schemas": {"fleet/fleet.schema.json": "fleet/**/*.yaml"}}}
WRONG = """\
kind: instance
code: acme
tmplate: restaurant
state: running
plan: 3
"""
WRONG_PLAN = """\
kind: plan
code: starter
max_users: many
"""


@pytest.fixture(scope="module")
def language_server() -> tuple[str | Path, ...]:
    """What starts it: npm's packages, as the lock file has them."""
    try:
        packages = npm.obtain("yaml-language-server", HERE)
    except OdooUnavailable as why:
        pytest.skip(str(why))
    return program("node"), packages / "node_modules" / ".bin" / "yaml-language-server", "--stdio"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample fleet with the schema in it, as the README says."""
    root = tmp_path_factory.mktemp("workspace")
    shutil.copytree(SAMPLE, root / "fleet")
    (root / "fleet" / "fleet.schema.json").write_text(run("schema").out)
    return root


@pytest.fixture(params=[BY_SETTING, BY_MODELINE], ids=["setting", "modeline"])
def editor(
    request: pytest.FixtureRequest, language_server: tuple[str | Path, ...], workspace: Path
) -> Iterator[LanguageServer]:
    with LanguageServer(language_server, workspace, request.param) as started:
        yield started


def written(editor: LanguageServer, name: str, *documents: str) -> Path:
    """Write a file with what tells this editor of the schema: the line stands before each document, or nowhere."""
    line = MODELINE if editor.settings is BY_MODELINE else "# a comment\n"
    file = editor.workspace / "fleet" / "instances" / name
    file.write_text("---\n".join(line + each for each in documents))
    return file


def test_the_sample_fleet_has_no_complaint(editor: LanguageServer) -> None:
    files = sorted((editor.workspace / "fleet").rglob("*.yaml"))
    assert len(files) >= 12
    for file in files:
        documents = file.read_text().split("---\n")
        assert editor.open(written(editor, f"{file.stem}-of-the-sample.yaml", *documents)) == [], file
    for file in (editor.workspace / "fleet").rglob("*-of-the-sample.yaml"):
        file.unlink()


def test_what_the_command_writes_leads_the_editor_to_the_schema(
    language_server: tuple[str | Path, ...], tmp_path: Path
) -> None:
    shutil.copytree(SAMPLE, tmp_path / "fleet")
    assert run("schema", "--write", "--fleet", str(tmp_path / "fleet")).code == 0
    with LanguageServer(language_server, tmp_path, BY_MODELINE) as editor:
        for file in sorted((tmp_path / "fleet").rglob("*.yaml")):
            assert editor.open(file) == [], file
            wrong = file.with_stem(f"{file.stem}-wrong")
            wrong.write_text(file.read_text().replace("\nkind: ", "\nkin: "))
            assert editor.open(wrong), "each document is looked at"
            wrong.unlink()


def test_what_is_wrong_is_told_at_its_line_in_each_document_of_a_file(editor: LanguageServer) -> None:
    said = editor.open(written(editor, "wrong.yaml", WRONG, WRONG_PLAN, "kind: instanz\ncode: acme\n"))
    assert said == [
        (4, "Property tmplate is not allowed."),
        (5, 'Value is not accepted. Valid values: "active", "suspended", "absent".'),
        (6, 'Incorrect type. Expected "string".'),
        (11, 'Incorrect type. Expected "integer | null".'),
        (14, 'Value is not accepted. Valid values: "fleet", "server", "template", "plan", "instance".'),
    ]


def test_fields_are_offered_with_what_they_are_by_the_kind_of_their_document(editor: LanguageServer) -> None:
    documents = "kind: instance\ncode: acme\nstate: \n\nowner:\n  \nplan: starter\n", "kind: plan\ncode: starter\n\n"
    file = written(editor, "begun.yaml", *documents)
    editor.open(file)
    fields = editor.completions(file, 5, 1)
    assert fields["template"].startswith("The template that the database is cloned from.")
    assert "max_users" not in fields
    assert [*editor.completions(file, 4, 8)] == ["active", "suspended", "absent"]
    assert editor.completions(file, 7, 3)["initial_password"].startswith("First password")
    of_plan = editor.completions(file, 13, 1)
    assert of_plan["max_users"]
    assert "template" not in of_plan


def test_a_field_tells_what_it_is_when_it_is_pointed_at(editor: LanguageServer) -> None:
    document = "kind: instance\ncode: acme\nstate: active\nowner:\n  login: anna\n"
    file = written(editor, "pointed-at.yaml", document, "kind: plan\ncode: starter\nperiod: month\n")
    editor.open(file)
    assert "active: in service. suspended: out of reach" in editor.hover(file, 4, 3)
    assert "The customer's first user." in editor.hover(file, 5, 3)
    assert "is prolonged each time" in editor.hover(file, 11, 3)
