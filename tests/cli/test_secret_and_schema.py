"""`secret` and `schema`: exactly what was asked for, and nothing beside it."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.world import MASTER, World, run


def test_a_secret_stands_alone_on_stdout(world: World) -> None:
    ran = world.run("secret", "show", "server/prod-1", "master_password")
    assert (ran.code, ran.out, ran.err) == (0, f"{MASTER}\n", "")


def test_a_derived_password_is_the_one_that_the_database_takes(converged: World) -> None:
    password = converged.run("secret", "show", "instance/acme", "admin_password").out.removesuffix("\n")
    assert len(password) == 32
    template = converged.run("secret", "show", "template/restaurant", "admin_password").out.removesuffix("\n")
    assert password != template


def test_a_new_key_has_32_bytes_and_is_never_the_same() -> None:
    first, second = (run("secret", "new-key").out for _ in range(2))
    assert len(base64.b64decode(first)) == 32
    assert first != second


@pytest.mark.parametrize("kind", ["fleet", "server", "template", "plan", "instance"])
def test_a_kind_has_its_schema(kind: str) -> None:
    schema = json.loads(run("schema", kind).out)
    assert schema["properties"]["kind"]["const"] == kind


def test_without_a_kind_the_schema_is_of_any_document() -> None:
    assert json.loads(run("schema").out)["properties"]["kind"]["enum"]


def test_a_document_without_a_field_is_answered_with_the_secrets_that_it_has(world: World) -> None:
    ran = world.run("secret", "show", "acme")
    assert ran.code == 64
    assert "name a secret of instance/acme: admin_password" in ran.err


OF_THE_FLEET = {
    "secret_key": "secret_key: {env: A}",
    "former_secret_keys.1": "former_secret_keys: [{env: B}, {env: A}]",
    "notify.0.url": "notify: [{url: {env: A}}]",
    "hooks.1.secret": "hooks: [{verbs: [clone], when: before, command: [/bin/true]},"
    " {verbs: [clone], when: after, url: 'https://hooks.example.net/', secret: {env: A}}]",
    "backup_targets.away.secret": "backup_targets: {away: {url: 's3://bucket', key_id: {env: B}, secret: {env: A}}}",
}


@pytest.mark.parametrize("field", OF_THE_FLEET)
def test_each_secret_of_the_fleet_itself_is_shown_by_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setenv("A", "hunter2hunter2")
    (tmp_path / "fleet.yaml").write_text(f"kind: fleet\nformat: 1\ncode: test\n{OF_THE_FLEET[field]}\n")
    ran = run("secret", "show", "fleet", field, "--fleet", str(tmp_path))
    assert (ran.code, ran.out, ran.err) == (0, "hunter2hunter2\n", "")
    ran = run("secret", "show", "fleet", "--fleet", str(tmp_path))
    assert (ran.code, field in ran.err) == (64, True)


def test_the_schema_lies_in_the_fleet_and_a_line_before_each_document_leads_to_it(tmp_path: Path) -> None:
    """What an editor needs is no problem of the text, is written once, and `new` opens a file as its neighbours are."""
    fleet = tmp_path / "fleet"
    shutil.copytree(Path(__file__).parents[2] / "fleet", fleet)
    texts = {file: file.read_text() for file in fleet.rglob("*.yaml")}
    ran = run("schema", "--write", "--fleet", str(fleet))
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 1 + len(texts)
    assert json.loads((fleet / "fleet.schema.json").read_text()) == json.loads(run("schema").out)
    line = "# yaml-language-server: $schema=../fleet.schema.json\n"
    for file, text in texts.items():
        here = line if file.parent != fleet else line.replace("../", "")
        assert file.read_text().count(here) == len(text.split("\n---\n"))
        assert file.read_text().replace(here, "") == text
    assert run("schema", "--write", "--fleet", str(fleet)).out == "", "nothing is left to do"
    assert run("validate", "--fleet", str(fleet)).code == 0
    assert run("fmt", "--check", "--fleet", str(fleet)).code == 0
    run("new", "instance", "company=Zoé", "template=restaurant", "plan=starter", "--fleet", str(fleet))
    assert (fleet / "instances" / "zoe.yaml").read_text().startswith(line)


def test_what_cannot_be_read_or_written_is_named_and_nothing_is_half_done(tmp_path: Path) -> None:
    ran = run("schema", "--write", "--fleet", str(tmp_path / "nowhere"))
    assert (ran.code, (tmp_path / "nowhere").exists()) == (1, False)
    assert "nowhere" in ran.err
    ran = run("schema", "plan", "--write", "--fleet", str(tmp_path))
    assert (ran.code, "leave KIND out" in ran.err) == (64, True)


def test_what_is_no_text_stays_as_it_is_and_is_named_and_what_is_text_is_led_all_the_same(tmp_path: Path) -> None:
    wide = "kind: plan\ncode: wide\n".encode("utf-16")
    (tmp_path / "wide.yaml").write_bytes(wide)
    (tmp_path / "one\n.yaml").write_text("kind: plan\ncode: one\n")
    ran = run("schema", "--write", "--fleet", str(tmp_path))
    assert (ran.code, (tmp_path / "wide.yaml").read_bytes()) == (1, wide)
    assert "wide.yaml is left as it is: the file is UTF-16" in ran.err
    assert [line.rpartition("/")[2] for line in ran.out.splitlines()] == ["fleet.schema.json", "one\\n.yaml"]
    assert (tmp_path / "one\n.yaml").read_text().startswith("# yaml-language-server: $schema=fleet.schema.json\n")


def test_a_directory_in_the_place_of_the_schema_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "fleet.schema.json").mkdir()
    (tmp_path / "one.yaml").write_text("kind: plan\ncode: one\n")
    ran = run("schema", "--write", "--fleet", str(tmp_path))
    assert (ran.code, ran.out) == (1, "")
    assert "fleet.schema.json cannot be written" in ran.err
    assert (tmp_path / "one.yaml").read_text() == "kind: plan\ncode: one\n"
