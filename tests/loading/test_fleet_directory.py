"""A directory to a fleet: paths as people typed them, files reported alone, the sample fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.loading.fleet_directory import load_files, load_fleet
from tests.loading.fleets import BASE, INSTANCE, load, write

ROOT = Path(__file__).parents[2]


def test_paths_are_shown_as_the_directory_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"some/where/base.yaml": BASE, "some/where/x.yaml": "kind: plan\ncode: A\n"})
    monkeypatch.chdir(tmp_path)
    for root in ("some/where", "./some/where", str(tmp_path / "some/where")):
        assert [problem.range.file for problem in load_fleet(root).diagnostics] == [f"{root}/x.yaml"]


def test_the_texts_of_the_files_concerned_come_along(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"x.yaml": "\ufeffkind: plan\ncode: A\n", "bad.yaml": b"\xe9t\xe9\n"})
    assert loaded.texts == {"fleet/x.yaml": "kind: plan\ncode: A\n", "fleet/bad.yaml": "�t�\n"}


def test_a_fleet_whose_only_problem_is_in_its_yaml_is_not_desired(tmp_path: Path) -> None:
    assert load(tmp_path, {"x.yaml": INSTANCE + "labels: {a: 1, a: 2, <<: x}\n"}).desired is None
    assert load(tmp_path, {"y.yaml": "- a\n", "x.yaml": ""}).desired is None


def test_a_warning_leaves_the_fleet_desired(tmp_path: Path) -> None:
    base = BASE.replace("state: active\n", "state: active\ndomain: example.com\n", 1)
    loaded = load(tmp_path, {"base.yaml": base, "x.yaml": INSTANCE + "subdomain: shop\n"})
    assert [problem.code for problem in loaded.diagnostics] == ["subdomain-mismatch"]
    assert loaded.desired is not None


def test_some_files_are_reported_alone_but_read_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "fleet",
        {"base.yaml": BASE, "x.yaml": INSTANCE.replace("starter", "big"), "y.yaml": "kind: plan\ncode: A\n"},
    )
    monkeypatch.chdir(tmp_path / "fleet")
    assert [str(problem.range) for problem in load_files("../fleet", ["x.yaml"]).diagnostics] == ["../fleet/x.yaml:4:7"]
    assert load_files("../fleet", ["base.yaml"]).diagnostics == ()


def test_a_file_that_is_not_the_fleets_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"fleet/base.yaml": BASE, "other.yaml": INSTANCE, "fleet/.hidden.yaml": INSTANCE})
    files = [tmp_path / "other.yaml", tmp_path / "fleet/.hidden.yaml", tmp_path / "nowhere.yaml"]
    loaded = load_files(tmp_path / "fleet", files)
    assert [
        (problem.code, Path(problem.range.file).name, problem.message.partition(" ")[0])
        for problem in loaded.diagnostics
    ] == [
        ("not-in-fleet", ".hidden.yaml", "not"),
        ("not-in-fleet", "nowhere.yaml", "the"),
        ("not-in-fleet", "other.yaml", "not"),
    ]


def test_loading_twice_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path / "fleet", {"base.yaml": BASE, "x.yaml": INSTANCE, "bad.yaml": "kind: plan\ncode: A\n"})
    first, second = load_fleet(tmp_path / "fleet"), load_fleet(tmp_path / "fleet")
    assert first.diagnostics == second.diagnostics


def test_the_sample_fleet_is_valid_and_shows_what_there_is() -> None:
    loaded = load_fleet(ROOT / "fleet")
    assert loaded.diagnostics == ()
    desired = loaded.desired
    assert desired is not None
    assert len(desired.servers) >= 3
    assert desired.servers["prod-1"].name == "Production Server 1"
    assert len(desired.templates) >= 3
    assert desired.templates["restaurant"].template_db == "template_restaurant"
    assert len(desired.plans) >= 3
    assert len(desired.instances) == 12
    instances = desired.instances.values()
    assert {instance.state for instance in instances} >= {"active", "suspended"}
    assert any(instance.server is None for instance in instances)
    assert any(instance.owner is not None for instance in instances)
    assert all(server.server_url.startswith("http://127.0.0.1:") for server in desired.servers.values())
