"""Whatever dies or breaks, at whatever moment: no half-written revision is ever taken for whole, and it heals itself."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from reconciler.git.source import GitOptions, GitSource
from tests.git.repositories import FLEET, Author, git, make_author
from tests.git.sources import (
    close,
    contents,
    fetch,
    last,
    mark,
    options_for,
    refusal,
    restarted,
    start_fetching,
    wait_until,
)
from tests.git.stand_ins import failing_once, hanging, killing

COMMANDS = ["ls-remote", "init", "fetch", "rev-parse", "log", "update-ref", "ls-tree", "cat-file"]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return make_author(tmp_path / "author")


@pytest.fixture
def options(author: Author, tmp_path: Path) -> GitOptions:
    return options_for(author, tmp_path / "data/git")


def leftovers(options: GitOptions) -> list[str]:
    source = GitSource(options)
    fetch(source)
    close(source)
    names = [path.name for path in (*options.directory.iterdir(), *(options.directory / "revisions").iterdir())]
    return [name for name in names if name.removeprefix(".").startswith(("building-", "removing-"))]


def is_healthy(options: GitOptions, author: Author, wanted: dict[str, str]) -> None:
    """A source on this directory works, gives what was pushed, and leaves nothing lying about."""
    source = GitSource(options)
    revision = fetch(source)
    assert revision.commit == author.head()
    assert contents(revision.root) == wanted
    close(source)
    # What the dead one had started may still be at work for a moment; the next start removes what it leaves.
    wait_until(lambda: not leftovers(options))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_each_command_of_the_first_fetch(
    author: Author, options: GitOptions, tmp_path: Path, command: str, *, after: bool
) -> None:
    process = start_fetching(options, path=killing(tmp_path / "bin", command, after=after))
    assert process.wait(30) == -signal.SIGKILL
    is_healthy(options, author, {"fleet.yaml": FLEET})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", ["fetch", "ls-tree", "cat-file"])
def test_killed_at_a_command_of_a_later_fetch(
    author: Author, options: GitOptions, tmp_path: Path, command: str, *, after: bool
) -> None:
    source = GitSource(options)
    first = fetch(source)
    mark(source, first)
    close(source)
    author.commit("two", a="a")
    process = start_fetching(options, path=killing(tmp_path / "bin", command, after=after))
    assert process.wait(30) == -signal.SIGKILL
    source = GitSource(options)
    assert last(source) == first
    close(source)
    is_healthy(options, author, {"fleet.yaml": FLEET, "a.yaml": "a"})


def test_killed_while_files_are_written(author: Author, options: GitOptions) -> None:
    wanted = {f"{number // 100}/{number}.yaml": "x" * 50 for number in range(3000)} | {"fleet.yaml": FLEET}
    for name, text in wanted.items():
        author.write(f"fleet/{name}", text)
    author.commit("many")
    process = start_fetching(options, path=os.environ["PATH"])
    revisions = options.directory / "revisions"
    wait_until(lambda: any(True for _ in revisions.glob("building-*/tree/fleet/1*/*")))
    process.kill()
    process.wait()
    left = list(revisions.iterdir())
    assert [path.name[:9] for path in left] == ["building-"], "the kill came too late to show anything"
    is_healthy(options, author, wanted)


def test_killed_at_random_moments(author: Author, options: GitOptions) -> None:
    chance = random.Random(7)
    for number in range(8):
        author.commit(str(number), a=str(number))
        process = start_fetching(options, path=os.environ["PATH"])
        time.sleep(chance.uniform(0.1, 0.5))
        process.kill()
        process.wait()
    is_healthy(options, author, {"fleet.yaml": FLEET, "a.yaml": "7"})


def damage_clone(clone: Path, damage: str) -> None:
    match damage:
        case "no objects" | "no references":
            shutil.rmtree(clone / ("objects" if damage == "no objects" else "refs"))
        case "no head":
            (clone / "HEAD").unlink()
        case "garbage for a configuration":
            (clone / "config").write_text("]garbage[")
        case "empty objects":
            for path in clone.glob("objects/??/*"):
                path.chmod(0o600)
                path.write_bytes(b"")
        case "a lock that nobody holds":
            (clone / "refs/fleet/head.lock").touch()
        case _:
            shutil.rmtree(clone)
    match damage:
        case "a file":
            clone.write_text("x")
        case "an empty directory":
            clone.mkdir()
        case "a link to itself":
            clone.symlink_to(clone.name)
        case _:
            pass


DAMAGE = [
    *("no objects", "no references", "no head", "garbage for a configuration", "empty objects"),
    *("a lock that nobody holds", "nothing there", "a file", "an empty directory", "a link to itself"),
]


@pytest.mark.parametrize("push", [True, False], ids=["with news", "without news"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_clone_is_made_anew(author: Author, options: GitOptions, damage: str, *, push: bool) -> None:
    source = GitSource(options)
    first = fetch(source)
    mark(source, first)
    damage_clone(options.directory / "clone.git", damage)
    if push:
        author.commit("two", a="a")
    source = restarted(source, options)
    revision = fetch(source)
    assert (revision.commit, revision.rewritten) == (author.head(), False)
    assert contents(first.root) == {"fleet.yaml": FLEET}
    author.commit("three", b="b")
    assert fetch(source).commit == author.head()


def test_a_clone_that_lost_one_file_is_made_anew(author: Author, options: GitOptions) -> None:
    source = GitSource(options)
    fetch(source)
    author.commit("two", a="a")
    blob = git(author.clone, "rev-parse", "HEAD:fleet/a.yaml")
    git(source._place.clone, "fetch", "--quiet", str(author.remote), "+refs/heads/main:refs/fleet/head")
    (source._place.clone / "objects" / blob[:2] / blob[2:]).unlink()
    assert contents(fetch(source).root) == {"fleet.yaml": FLEET, "a.yaml": "a"}


def test_a_fetch_that_fails_for_any_reason_is_tried_in_a_new_clone(
    author: Author, options: GitOptions, tmp_path: Path
) -> None:
    source = GitSource(options)
    fetch(source)
    author.commit("two", a="a")
    path = failing_once(tmp_path / "bin", "fetch", tmp_path / "failed")
    source = restarted(source, options, **{**os.environ, "PATH": path})
    assert fetch(source).commit == author.head()
    assert (tmp_path / "failed").exists()


def test_without_the_remote_and_without_the_clone_what_was_in_force_is_still_there(
    author: Author, options: GitOptions
) -> None:
    source = GitSource(options)
    revision = fetch(source)
    mark(source, revision)
    shutil.rmtree(author.remote)
    shutil.rmtree(options.directory / "clone.git")
    assert last(restarted(source, options)) == revision


@pytest.mark.parametrize(
    "damage", ["emptied", "changed", "removed", "linked elsewhere", "no list of files", "half a list"]
)
def test_a_revision_that_was_damaged_on_disk_is_written_anew(
    author: Author, options: GitOptions, tmp_path: Path, damage: str
) -> None:
    """As after a power cut, which can leave files empty that were written long before the directory was renamed."""
    source = GitSource(options)
    revision = fetch(source)
    mark(source, revision)
    file, about = revision.root / "fleet.yaml", revision.root.parents[1] / "revision.json"
    match damage:
        case "emptied":
            file.write_bytes(b"")
        case "changed":
            file.write_text(FLEET.replace("test", "prod"))
        case "removed":
            file.unlink()
        case "linked elsewhere":
            (tmp_path / "elsewhere").write_text(FLEET)
            file.unlink()
            file.symlink_to(tmp_path / "elsewhere")
        case "no list of files":
            about.unlink()
        case _:
            about.write_text(about.read_text()[:40])
    shutil.rmtree(author.remote)
    again = last(restarted(source, options))
    assert again == revision
    assert contents(revision.root) == {"fleet.yaml": FLEET}
    assert not file.is_symlink()


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("command", ["ls-remote", "fetch", "cat-file"])
def test_cancelling_kills_git_and_its_children(
    author: Author, options: GitOptions, tmp_path: Path, command: str
) -> None:
    marker = tmp_path / "pids"
    path = hanging(tmp_path / "bin", command, marker)
    source = GitSource(options, {**os.environ, "PATH": path})

    async def cancel() -> float:
        task = asyncio.create_task(source.fetch())
        await asyncio.to_thread(wait_until, marker.exists)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(cancel()) < 5
    numbers = [int(word) for word in marker.read_text().split()]
    assert len(numbers) == 2
    wait_until(lambda: not any(alive(number) for number in numbers), 5)
    close(source)
    is_healthy(options, author, {"fleet.yaml": FLEET})


@pytest.mark.parametrize(("command", "option"), [("ls-remote", "ask_seconds"), ("fetch", "fetch_seconds")])
def test_git_that_hangs_is_killed_after_its_limit(author: Author, tmp_path: Path, command: str, option: str) -> None:
    marker = tmp_path / "pids"
    path = hanging(tmp_path / "bin", command, marker)
    options = options_for(author, tmp_path / "data", **{option: 0.5})
    source = GitSource(options, {**os.environ, "PATH": path})
    assert refusal(source) == (
        f"file://{author.remote}: git {command} did not end within 0.5 s: see the network and the host"
    )
    wait_until(lambda: not any(alive(int(word)) for word in marker.read_text().split()), 5)


def test_a_directory_that_cannot_be_written(author: Author, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be used: not a directory" in refusal(GitSource(options_for(author, tmp_path / "file/git")))
