"""The cache holds whole things only, whatever happens while they are built."""

from pathlib import Path

import pytest

from tests.hosts.cache import cache_directory, cached


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOO_FLEET_CACHE", str(tmp_path))


def _build(into: Path) -> None:
    (into / "file").write_text("whole")


def test_entry_is_built_once_and_then_found(tmp_path: Path) -> None:
    first = cached("thing", _build)
    (first / "file").write_text("touched")
    assert (cached("thing", _build) / "file").read_text() == "touched"
    assert first.parent == cache_directory() == tmp_path


def test_build_that_failed_leaves_no_entry_and_is_done_again() -> None:
    def fail(into: Path) -> None:
        (into / "half").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        cached("thing", fail)
    entry = cached("thing", _build)
    assert [path.name for path in entry.iterdir()] == ["file"]


def test_cache_survives_a_fresh_clone_by_lying_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODOO_FLEET_CACHE")
    assert cache_directory() == Path.home() / ".cache" / "odoo-fleet"
