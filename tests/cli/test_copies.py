"""`clone_of` and `refresh` by command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import ENVIRONMENT, World, serving

COPY = "kind: instance\ncode: acme-staging\nclone_of: acme\nplan: starter\n"


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A fleet that has a copy of acme."""
    for name, value in {**ENVIRONMENT, "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    with serving(tmp_path) as world:
        world.store = f"sqlite:///{tmp_path}/state.sqlite"
        world.write("copy.yaml", COPY)
        ran = world.run("apply", "--yes")
        assert ran.code == 0, ran
        yield world


def test_a_copy_is_planned_made_shown_and_placed_with_its_source(copying: World) -> None:
    host = copying.hosts["prod-1"]
    assert host.databases["acme-staging"].parameter("database.is_neutralized") == "true"
    assert "No changes" in copying.run("plan").out
    shown = copying.run("status", "instances", "-o", "wide").out
    assert "copy of acme" in shown
    told = {row["code"]: row for row in json.loads(copying.run("status", "instances", "-o", "json").out)["instances"]}
    assert (told["acme"]["clone_of"], told["acme-staging"]["clone_of"]) == (None, "acme")
    assert told["acme"]["template"] == told["acme-staging"]["template"]
    placed = copying.run("place", "acme-staging")
    assert (placed.code, "prod-1" in placed.out) == (0, True), placed
    copying.replace("copy.yaml", "plan: starter", "plan: starter\nserver: prod-2")
    assert "it is not moved from prod-1: it is a copy" in copying.run("plan").out


def test_refresh_makes_it_anew_and_the_former_comes_back_from_the_trash(copying: World) -> None:
    host, store = copying.hosts["prod-1"], ("--store", copying.store)
    before = host.databases["acme-staging"].uuid
    ran = copying.run("refresh", "acme-staging", "--yes", *store)
    assert ran.code == 0, ran
    assert "~ replace instance/acme-staging" in ran.out
    after = host.databases["acme-staging"].uuid
    (trash,) = [name for name in host.databases if name.startswith("trash-")]
    assert (after == before, host.databases[trash].uuid) == (False, before)
    assert "No changes" in copying.run("plan").out
    ran = copying.run("restore", "acme-staging", "--from-trash", trash, "--yes", *store)
    assert (ran.code, host.databases["acme-staging"].uuid) == (0, before), ran


def test_what_is_no_copy_or_has_ended_or_has_no_source_is_not_refreshed(copying: World) -> None:
    store = ("--store", copying.store)
    ran = copying.run("refresh", "acme", "--yes", *store)
    assert (ran.code, "instance/acme is no copy: its document has no `clone_of`" in ran.err) == (64, True)
    assert copying.run("refresh", "acme-stagging", "--yes", *store).code == 64
    assert copying.run("refresh", "acme-staging", *store).code == 64, "there is no terminal to ask on"
    copying.replace("copy.yaml", "plan: starter", "plan: starter\ndeletion_protection: true")
    ran = copying.run("refresh", "acme-staging", "--yes", *store)
    assert (ran.code, "it is protected against deletion" in ran.err) == (1, True), ran
    copying.replace("copy.yaml", "deletion_protection: true", "state: absent")
    ran = copying.run("refresh", "acme-staging", "--yes", *store)
    assert (ran.code, "cannot be made anew" in ran.err) == (1, True), ran
