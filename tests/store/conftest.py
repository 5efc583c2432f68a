"""A store in a file of its own, opened and closed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.store.sql_store import Store
from tests.store.examples import open_file


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store once: to migrate takes longer than all else that a test does."""
    made = tmp_path_factory.mktemp("made") / "state.sqlite"
    open_file(made).close()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".odoo-fleet" / "state.sqlite"


@pytest.fixture
def store(path: Path, empty_store: Path) -> Iterator[Store]:
    path.parent.mkdir()
    shutil.copy(empty_store, path)
    with open_file(path) as opened:
        yield opened
