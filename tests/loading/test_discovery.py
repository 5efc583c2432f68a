"""Which files make a fleet: nothing is missed, nothing hangs, nothing runs in circles."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import FoundFile, discover, read_file

PLAN = "kind: plan\ncode: {}\n"


def found(directory: Path) -> list[str]:
    """Paths below the directory, as found."""
    return [os.path.relpath(file.path, directory) for file in discover(str(directory)).files]


def told(directory: Path) -> list[str]:
    """Problems, as `path: code`."""
    return [f"{os.path.relpath(p.range.file, directory)}: {p.code}" for p in discover(str(directory)).problems]


def make(directory: Path, *names: str) -> None:
    """Make files."""
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLAN.format("a"))


def test_any_layout_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    make(tmp_path, "z.yaml", "a.yml", "b/c/d.yaml", "b/a.YAML", "plans.yaml/x.yml")
    assert found(tmp_path) == ["a.yml", "b/a.YAML", "b/c/d.yaml", "plans.yaml/x.yml", "z.yaml"]


def test_hidden_files_and_leftovers_of_editors_are_not_read(tmp_path: Path) -> None:
    make(
        tmp_path,
        ".a.yaml",
        ".git/b.yaml",
        "c.yaml~",
        "#d.yaml#",
        ".#e.yaml",
        "f.yaml.bak",
        ".g.yaml.swp",
        "h.json",
        "README.md",
    )
    assert found(tmp_path) == []
    assert told(tmp_path) == []


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    assert [str(p).partition(": ")[2] for p in discover(str(tmp_path / "x")).problems] == [
        "missing-directory: the fleet's directory does not exist (name the fleet's directory with --fleet)"
    ]
    make(tmp_path, "file.yaml")
    assert told(tmp_path / "file.yaml") == [".: missing-directory"]


def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "null.yaml").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.yaml"))
        assert told(tmp_path) == ["null.yaml: not-a-file", "pipe.yaml: not-a-file", "s.yaml: not-a-file"]
    assert found(tmp_path) == []


def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    read = read_file(FoundFile(str(tmp_path / "pipe.yaml"), "pipe.yaml"))
    assert isinstance(read, Diagnostic)
    assert str(read) == "pipe.yaml:1:1: not-a-file: a named pipe is not a file of text"


def test_a_file_that_disappeared_is_told(tmp_path: Path) -> None:
    read = read_file(FoundFile(str(tmp_path / "x.yaml"), "x.yaml"))
    assert isinstance(read, Diagnostic)
    assert str(read) == "x.yaml:1:1: unreadable-file: the file cannot be read: no such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a.yaml")
    (tmp_path / "a.yaml").chmod(0)
    read = read_file(FoundFile(str(tmp_path / "a.yaml"), "a.yaml"))
    assert isinstance(read, Diagnostic)
    assert read.code == "unreadable-file"


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nowhere")
    assert told(tmp_path) == ["a.yaml: unreadable-file"]


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")
    assert told(tmp_path) == ["a.yaml: symlink-loop"]


@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_back_up_is_told_and_not_followed(target: str, tmp_path: Path) -> None:
    make(tmp_path, "fleet/sub/a.yaml")
    (tmp_path / "fleet/sub/up").symlink_to(target)
    assert found(tmp_path / "fleet") == ["sub/a.yaml"]
    assert told(tmp_path / "fleet") == ["sub/up: symlink-loop"]


def test_two_directories_that_link_to_each_other_are_read_once(tmp_path: Path) -> None:
    make(tmp_path, "a/x.yaml", "b/y.yaml")
    (tmp_path / "a/to-b").symlink_to("../b")
    (tmp_path / "b/to-a").symlink_to("../a")
    assert found(tmp_path) == ["a/x.yaml", "b/y.yaml"]
    assert told(tmp_path) == []


def test_linked_directories_outside_are_read_once_however_many_links_there_are(tmp_path: Path) -> None:
    make(tmp_path, "outside/deep/x.yaml")
    (tmp_path / "fleet").mkdir()
    for name in ("one", "two"):
        (tmp_path / "fleet" / name).symlink_to("../outside")
    assert found(tmp_path / "fleet") == ["one/deep/x.yaml"]
    assert told(tmp_path / "fleet") == []


def test_links_that_double_at_each_step_are_no_explosion(tmp_path: Path) -> None:
    for number in range(30):
        directory = tmp_path / "outside" / str(number)
        directory.mkdir(parents=True)
        for name in ("left", "right"):
            (directory / name).symlink_to(f"../{number + 1}")
    make(tmp_path, "outside/30/x.yaml")
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet/start").symlink_to("../outside/0")
    assert len(found(tmp_path / "fleet")) == 1


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    make(tmp_path, "..2026_01_01/a.yaml")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert found(tmp_path) == ["a.yaml"]


def test_names_that_are_no_text_can_be_shown(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xe9t\xe9\n.yaml"
    with open(path, "wb") as file:  # noqa: PTH123 -- Path takes no bytes
        file.write(b"kind: plan\ncode: a\n")
    shown = discover(str(tmp_path)).files[0].shown
    assert shown.endswith("\\xe9t\\xe9\\n.yaml")
    assert shown.isprintable()
