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


def test_the_schema_may_lie_in_the_fleet_and_its_line_before_every_document(tmp_path: Path) -> None:
    """What an editor needs is no problem of the text, and `new` opens a file as its neighbours are."""
    line = "# yaml-language-server: $schema=../fleet.schema.json\n"
    fleet = tmp_path / "fleet"
    shutil.copytree(Path(__file__).parents[2] / "fleet", fleet)
    (fleet / "fleet.schema.json").write_text(run("schema").out)
    for file in (fleet / "instances").glob("*.yaml"):
        file.write_text("---\n".join(line + each for each in file.read_text().split("---\n")))
    assert run("validate", "--fleet", str(fleet)).code == 0
    run("new", "instance", "company=Zoé", "template=restaurant", "plan=starter", "--fleet", str(fleet))
    assert (fleet / "instances" / "zoe.yaml").read_text().startswith(line)
