"""A directory of a commit, written to a disk byte for byte: no filter, attribute, hook or submodule of git has a say in it.

What is written reads nothing but what the commit holds. A link within the repository stays a link, and what it leads to
is written as well; a link that leads out of the repository, and a submodule, is refused or left out.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reconciler.git.commands import Damaged, Git, GitUnusable, Stop
from reconciler.git.links import BrokenLink, Outside, Tree

_LINK = "120000"
_SUBMODULE = "160000"
_SHA1_DIGITS = 40
_CHUNK = 1 << 20
_MOST_LINK_BYTES = 4096


class NotInCommit(GitUnusable):
    """The directory did not exist in that commit. A fleet that was not there had no documents."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a commit: its path from the root of the repository on, what it is, and the hash of its content."""

    path: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Export:
    """What was written, and where.

    Args:
        root: the directory that stands for the root of the repository.
        files: the regular files, by path from there on, with the hash of their content.
        links: the links, by path, with where they lead.
    """

    root: Path
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is to be written: files, links with where they lead, and what cannot be had, with the reason."""

    files: tuple[TreeEntry, ...]
    links: Mapping[str, str]
    refused: tuple[str, ...]


def select(git: Git, commit: str, directory: str) -> Checkout:
    """Return what makes a directory of a commit: all below it, and what its links lead to.

    Args:
        git: git, run in the repository.
        commit: hash of the commit.
        directory: the directory, from the root of the repository on; "" or "." for the root itself.

    Raises:
        NotInCommit: there is no such directory.
        Damaged: git cannot read it.
        GitUnusable: its names are not those of files.
    """
    inner = "" if directory in {"", "."} else directory
    entries = _list(git, commit, inner)
    refused = [
        f"{each.path} is a submodule, and submodules are not fetched" for each in entries if each.mode == _SUBMODULE
    ]
    files = {each.path: each for each in entries if each.mode not in {_LINK, _SUBMODULE}}
    links: dict[str, str] = {}
    if any(each.mode == _LINK for each in entries):
        everything = _list(git, commit, "") if inner else entries
        tree = Tree([each.path for each in everything if each.mode != _LINK], _targets(git, everything))
        todo = [each.path for each in entries if each.mode == _LINK]
        by_path = {each.path: each for each in everything}
        while todo:
            path = todo.pop()
            if path in links:
                continue
            try:
                target = tree.resolve(path)
            except Outside:
                refused.append(f"{path} is a link that leads out of the repository")
                continue
            except BrokenLink:
                links[path] = tree.targets[path]
                continue
            links[path] = os.path.relpath(target or ".", os.path.dirname(path) or ".")  # noqa: PTH120 -- plain texts
            for found in tree.below(target):
                if by_path[found].mode == _LINK:
                    todo.append(found)
                elif by_path[found].mode == _SUBMODULE:
                    refused.append(f"{found} is a submodule, and submodules are not fetched")
                else:
                    files[found] = by_path[found]
    return Checkout(tuple(files.values()), links, tuple(dict.fromkeys(refused)))


def write(git: Git, selection: Checkout, root: Path, previous: Export | None = None) -> Export:
    """Write a selection below a directory that is empty or does not exist.

    Args:
        git: git, run in the repository.
        selection: what to write.
        root: the directory that stands for the root of the repository.
        previous: an earlier export whose unchanged files are linked to, so that they keep inode and time.

    Raises:
        Damaged: git does not have all of it.
        GitUnusable: it cannot be written.
    """
    try:
        _make_directories(root, (*(each.path for each in selection.files), *selection.links))
        missing = _link_unchanged(selection.files, root, previous, git.stop)
        _write_blobs(git, missing, root)
        # Links come last: nothing is ever written through one.
        for path, target in selection.links.items():
            (root / path).symlink_to(target)
    except OSError as error:
        where = error.filename or root
        raise GitUnusable(
            f"{os.fsdecode(where)!r} cannot be written: {os.strerror(error.errno or 0).lower()}"
        ) from error
    return Export(root, {each.path: each.blob for each in selection.files}, dict(selection.links))


def is_intact(export: Export) -> bool:
    """Tell whether an export is still, byte for byte, what was written."""
    try:
        return all(_hash_of(export.root / path, blob) == blob for path, blob in export.files.items()) and all(
            os.readlink(export.root / path) == target  # noqa: PTH115 -- as it was written, not normalised
            for path, target in export.links.items()
        )
    except OSError:
        return False


def _list(git: Git, commit: str, directory: str) -> list[TreeEntry]:
    done = git.run("ls-tree", "-r", "-z", "--full-tree", "--end-of-options", f"{commit}:{directory}")
    if done.code:
        what = git.run("cat-file", "-t", "--end-of-options", f"{commit}:{directory}")
        if what.code == 0 and what.text == "blob":
            raise NotInCommit(f"{directory!r} is not a directory in the commit {commit[:12]}")
        if (
            git.run("cat-file", "-e", "--end-of-options", f"{commit}^{{tree}}").code == 0
            and "bad tree" not in done.said
        ):
            raise NotInCommit(f"there is no directory {directory!r} in the commit {commit[:12]}")
        raise Damaged(f"git cannot read the commit {commit[:12]}: {done.said}")
    start = f"{directory}/" if directory else ""
    return [_entry(record, start, commit) for record in done.output.split(b"\0") if record]


def _entry(record: bytes, start: str, commit: str) -> TreeEntry:
    what, _, name = record.partition(b"\t")
    mode, _, blob = what.decode().split(" ")
    path = start + os.fsdecode(name)
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise GitUnusable(f"the commit {commit[:12]} holds {path!r}, which is not the name of a file")
    return TreeEntry(path, mode, blob)


def _targets(git: Git, entries: Sequence[TreeEntry]) -> dict[str, str]:
    """Return where the links among these lead, as they say it."""
    links = [each for each in entries if each.mode == _LINK]
    found: dict[str, str] = {}
    with tempfile.TemporaryFile() as content:
        _cat(git, links, content)
        for each in links:
            size = _header(content, each)
            if size > _MOST_LINK_BYTES:
                raise GitUnusable(f"the link {each.path!r} is longer than a path can be")
            found[each.path] = os.fsdecode(content.read(size))
            content.read(1)
    return found


def _cat(git: Git, entries: Sequence[TreeEntry], content: IO[bytes]) -> None:
    """Write what these hold to a file, one behind the other, each after a line that says its size."""
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{each.blob}\n" for each in entries).encode())
        wanted.seek(0)
        done = git.run("cat-file", "--batch", "--buffer", source=wanted, sink=content)
    if done.code:
        raise Damaged(f"git does not have all files of that revision: {done.said}")
    content.seek(0)


def _header(content: IO[bytes], entry: TreeEntry) -> int:
    words = content.readline().split()
    if len(words) != 3 or words[0].decode() != entry.blob or words[1] != b"blob":  # noqa: PLR2004 -- hash, kind, size
        raise Damaged(f"git does not have the content of {entry.path!r} ({entry.blob[:12]})")
    return int(words[2])


def _make_directories(root: Path, paths: Iterable[str]) -> None:
    root.mkdir(mode=0o700, exist_ok=True)
    made = {""}
    for path in paths:
        directory = path.rpartition("/")[0]
        if directory not in made:
            os.makedirs(root / directory, exist_ok=True)  # noqa: PTH103 -- called thousands of times
            made.add(directory)


def _link_unchanged(files: Sequence[TreeEntry], root: Path, previous: Export | None, stop: Stop) -> list[TreeEntry]:
    """Link to what is unchanged, and return the others."""
    if previous is None:
        return list(files)
    missing: list[TreeEntry] = []
    old, new = os.fspath(previous.root), os.fspath(root)
    for each in files:
        stop.check()
        if previous.files.get(each.path) != each.blob:
            missing.append(each)
            continue
        try:
            os.link(f"{old}/{each.path}", f"{new}/{each.path}", follow_symlinks=False)
        except OSError:
            # The file system has no links, or no more of this file: the content is written instead.
            missing.append(each)
    return missing


def _write_blobs(git: Git, entries: Sequence[TreeEntry], root: Path) -> None:
    if not entries:
        return
    with tempfile.TemporaryFile(dir=root.parent) as content:
        _cat(git, entries, content)
        for each in entries:
            git.stop.check()
            _write_blob(content, each, f"{root}/{each.path}")


def _write_blob(content: IO[bytes], entry: TreeEntry, path: str) -> None:
    left = _header(content, entry)
    digest = _start_hash(entry.blob, left)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        while left and (data := content.read(min(left, _CHUNK))):
            digest.update(data)
            file.write(data)
            left -= len(data)
    content.read(1)
    if left or digest.hexdigest() != entry.blob:
        raise Damaged(f"the content of {entry.path!r} in this clone is damaged")


def _hash_of(path: Path, like: str) -> str:
    if path.is_symlink():
        return ""
    with path.open("rb") as file:
        digest = _start_hash(like, os.fstat(file.fileno()).st_size)
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def _start_hash(like: str, size: int) -> hashlib._Hash:
    digest = hashlib.sha1(usedforsecurity=False) if len(like) == _SHA1_DIGITS else hashlib.sha256()
    digest.update(b"blob %d\0" % size)
    return digest
