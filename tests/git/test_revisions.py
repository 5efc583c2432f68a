"""A fleet as it was at a revision, and the revision that a directory is at: from the clone that is there, harmlessly."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from reconciler.git.commands import GitUnusable
from reconciler.git.revisions import NotInCommit, fleet_at, revision_of
from tests.git.repositories import FILE, FLEET, LINK, SUBMODULE, Author, git, make_author, tree_of


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return make_author(tmp_path / "author")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_fleet_as_it_was_is_written_byte_for_byte(author: Author, tmp_path: Path) -> None:
    then = {"fleet.yaml": FLEET.encode(), "deep/z é \n\t.yaml": b"a\r\nb\xff\0", "deep/.hidden": b"", "run.sh": b"#!"}
    for name, content in then.items():
        author.write(f"fleet/{name}", content)
    author.write("elsewhere.yaml", "not ours")
    (author.clone / "fleet/run.sh").chmod(0o755)
    commit = author.commit("then")
    author.write("fleet/fleet.yaml", "changed")
    (author.clone / "fleet/run.sh").unlink()
    author.commit("now")
    author.write("fleet/fleet.yaml", "not even committed")

    found, fleet = fleet_at(author.clone / "fleet", "HEAD~1", tmp_path / "out")
    assert found == commit
    assert fleet == tmp_path / "out/fleet"
    assert contents(fleet) == then
    assert names(tmp_path / "out") == ["fleet"]
    assert (author.clone / "fleet/fleet.yaml").read_text() == "not even committed"


def test_a_fleet_that_is_the_whole_repository(author: Author, tmp_path: Path) -> None:
    _, fleet = fleet_at(author.clone, "HEAD", tmp_path / "out")
    assert contents(fleet) == {"fleet/fleet.yaml": FLEET.encode()}


def test_a_fleet_that_was_not_there_yet(author: Author, tmp_path: Path) -> None:
    author.write("later/fleet.yaml", FLEET)
    author.commit("two")
    with pytest.raises(NotInCommit, match="there is no directory 'later' in the commit"):
        fleet_at(author.clone / "later", "HEAD~1", tmp_path / "out")


def test_a_fleet_that_was_a_file(author: Author, tmp_path: Path) -> None:
    author.write("thing", "a file")
    author.commit("two")
    (author.clone / "thing").unlink()
    author.write("thing/fleet.yaml", FLEET)
    with pytest.raises(NotInCommit, match="'thing' is not a directory in the commit"):
        fleet_at(author.clone / "thing", "HEAD", tmp_path / "out")


def test_a_shallow_clone_is_enough(author: Author, tmp_path: Path) -> None:
    author.commit("two", a="a")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{author.remote}", "shallow")
    commit, fleet = fleet_at(tmp_path / "shallow/fleet", "HEAD", tmp_path / "out")
    assert (commit, set(contents(fleet))) == (author.head(), {"fleet.yaml", "a.yaml"})
    with pytest.raises(GitUnusable, match="this shallow clone does not have the revision"):
        fleet_at(tmp_path / "shallow/fleet", "HEAD~1", tmp_path / "again")


def test_a_partial_clone_names_the_command_that_brings_what_is_missing(author: Author, tmp_path: Path) -> None:
    first = author.head()
    author.commit("two", fleet=f"{FLEET}# changed\n")
    git(author.remote, "config", "uploadpack.allowFilter", "true")
    git(author.remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{author.remote}", "partial")
    with pytest.raises(GitUnusable, match="this partial clone does not have all files") as caught:
        fleet_at(tmp_path / "partial/fleet", first, tmp_path / "out")
    command = str(caught.value).split("`")[1]
    subprocess.run(shlex.split(command), cwd=tmp_path / "partial", check=True, capture_output=True)
    assert contents(fleet_at(tmp_path / "partial/fleet", first, tmp_path / "again")[1]) == {
        "fleet.yaml": FLEET.encode()
    }


def test_nothing_of_the_repository_is_run(author: Author, tmp_path: Path) -> None:
    """Attributes, filters and hooks would change what is read, or run what a stranger wrote."""
    author.write(".gitattributes", "*.yaml filter=evil export-subst\nsecret.yaml export-ignore\n*.yaml text eol=crlf\n")
    author.write("fleet/secret.yaml", "$Format:%H$\n")
    author.commit("two")
    marker = tmp_path / "ran"
    git(author.clone, "config", "filter.evil.smudge", f"touch {marker}; cat")
    git(author.clone, "config", "core.fsmonitor", f"touch {marker}")
    for hook in ("post-checkout", "reference-transaction", "fsmonitor-watchman"):
        path = author.clone / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {marker}\n")
        path.chmod(0o755)
    _, fleet = fleet_at(author.clone / "fleet", "HEAD", tmp_path / "out")
    assert (fleet / "secret.yaml").read_bytes() == b"$Format:%H$\n"
    revision_of(author.clone / "fleet")
    assert not marker.exists()


def test_links_stay_links_within_the_repository_and_are_left_out_when_they_lead_elsewhere(
    author: Author, tmp_path: Path
) -> None:
    author.write("common/plans/small.yaml", "small")
    author.write("common/unused.yaml", "unused")
    for name, target in {
        "near.yaml": "fleet.yaml",
        "plans": "../common/plans",
        "passwd.yaml": "/etc/passwd",
        "up": "../../..",
        "clever": "plans/../../../etc",
        "nothing.yaml": "missing.yaml",
        "circle.yaml": "circle.yaml",
    }.items():
        (author.clone / "fleet" / name).symlink_to(target)
    author.commit("two")
    _, fleet = fleet_at(author.clone / "fleet", "HEAD", tmp_path / "out")
    assert (fleet / "plans/small.yaml").read_text() == "small"
    assert (fleet / "near.yaml").read_text() == FLEET
    assert names(fleet) == ["circle.yaml", "fleet.yaml", "near.yaml", "nothing.yaml", "plans"]
    assert not (tmp_path / "out/common/unused.yaml").exists()


@pytest.mark.parametrize("name", [b"..", b".", b"a/../../b", b"/etc/x", b"a//b"])
def test_a_tree_with_names_that_lead_elsewhere_is_refused(author: Author, tmp_path: Path, name: bytes) -> None:
    author.commit_tree({b"fleet": ("40000", tree_of(author.clone, {name: (FILE, b"x"), b"ok.yaml": (FILE, b"y")}))})
    with pytest.raises(GitUnusable, match=r"is not the name of a file|git cannot read"):
        fleet_at(author.clone / "fleet", "HEAD", tmp_path / "out")
    assert not (tmp_path / "b").exists()


def test_a_tree_whose_link_is_also_a_directory_writes_nothing_through_it(author: Author, tmp_path: Path) -> None:
    inner = tree_of(author.clone, {b"evil": (FILE, b"x")})
    target = tmp_path / "target"
    target.mkdir()
    author.commit_tree(
        {
            b"fleet": ("40000", tree_of(author.clone, {b"d": (LINK, str(target).encode()), b"d/evil": (FILE, b"x")})),
            b"other": ("40000", inner),
        }
    )
    fleet_at(author.clone / "fleet", "HEAD", tmp_path / "out")
    assert not list(target.iterdir())


def test_submodules_are_left_out(author: Author, tmp_path: Path) -> None:
    git(author.clone, "update-index", "--add", "--cacheinfo", f"{SUBMODULE},{author.head()},fleet/module")
    git(author.clone, "commit", "--quiet", "--message=two")
    _, fleet = fleet_at(author.clone / "fleet", "HEAD", tmp_path / "out")
    assert names(fleet) == ["fleet.yaml"]


@pytest.mark.parametrize("revision", ["", "-x", "--output=x", "no such", "main:fleet", "a\nb"])
def test_what_is_no_revision_is_said(author: Author, tmp_path: Path, revision: str) -> None:
    with pytest.raises(GitUnusable):
        fleet_at(author.clone / "fleet", revision, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_revision_that_a_directory_is_at(author: Author, tmp_path: Path) -> None:
    fleet = author.clone / "fleet"
    head = author.head()
    assert revision_of(fleet) == head
    author.write("elsewhere.txt", "not below the fleet")
    assert revision_of(fleet) == head
    author.write("fleet/new.yaml", "not added yet")
    assert revision_of(fleet) == f"{head}-dirty"
    (fleet / "new.yaml").unlink()
    author.write("fleet/fleet.yaml", "changed")
    assert revision_of(fleet) == f"{head}-dirty"
    git(author.clone, "add", "--all")
    assert revision_of(fleet) == f"{head}-dirty"


def test_where_there_is_no_revision_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert revision_of(empty) is None
    assert revision_of(tmp_path / "missing") is None
    git(empty, "init", "--quiet")
    assert revision_of(empty) is None
    monkeypatch.setenv("PATH", "/nonexistent")
    assert revision_of(empty) is None
