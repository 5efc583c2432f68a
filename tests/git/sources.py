"""A git source to test with, and what its directory holds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.git.source import GitOptions, GitSource, GitUnusable, Revision
from tests.git.repositories import Author

ROOT = Path(__file__).parents[2]


def options_for(author: Author, directory: Path, **changes: Any) -> GitOptions:
    base = GitOptions(f"file://{author.remote}", "main", "fleet", directory, ask_seconds=20, fetch_seconds=30)
    return replace(base, **changes)


def fetch(source: GitSource) -> Revision:
    return asyncio.run(source.fetch())


def last(source: GitSource) -> Revision | None:
    return asyncio.run(source.last())


def keep(source: GitSource, *revisions: Revision) -> None:
    asyncio.run(source.keep([revision.commit for revision in revisions]))


def mark(source: GitSource, revision: Revision) -> None:
    asyncio.run(source.mark_in_force(revision))


def close(source: GitSource) -> None:
    asyncio.run(source.close())


def refusal(source: GitSource) -> str:
    with pytest.raises(GitUnusable) as caught:
        fetch(source)
    return str(caught.value)


def restarted(source: GitSource, options: GitOptions, **environ: str) -> GitSource:
    """End a source and start another one in its directory."""
    close(source)
    return GitSource(options, environ) if environ else GitSource(options)


def contents(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


def wait_until(found: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def start_fetching(options: GitOptions, *, path: str) -> subprocess.Popen[bytes]:
    """Start another process that fetches, with this PATH for git."""
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from reconciler.git.source import GitOptions, GitSource\n"
        "url, directory, path = sys.argv[1:]\n"
        "source = GitSource(GitOptions(url, 'main', 'fleet', Path(directory)), {**os.environ, 'PATH': path})\n"
        "print(asyncio.run(source.fetch()).commit, flush=True)\n"
    )
    words = [sys.executable, "-c", script, options.url, str(options.directory), path]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
