"""Where the store is, and who may read it."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.store.opening import default_url
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, open_file


@pytest.fixture(params=[0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_only_the_owner_may_look_into_a_new_store(path: Path) -> None:
    with open_file(path) as store:
        store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
        assert mode(path.parent) == 0o700
        assert {file.name: mode(file) for file in path.parent.iterdir()} == {
            ".gitignore": 0o600,
            "state.sqlite": 0o600,
            "state.sqlite-wal": 0o600,
            "state.sqlite-shm": 0o600,
        }


def test_rights_that_were_given_to_a_directory_and_a_file_are_left_as_they_are(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o750)
    path.touch()
    path.chmod(0o660)
    open_file(path).close()
    assert (mode(path.parent), mode(path)) == (0o750, 0o660)


def test_the_directory_beside_a_fleet_ignores_itself_in_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    open_file(tmp_path / ".odoo-fleet" / "state.sqlite").close()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    open_file(tmp_path / "elsewhere" / "state.sqlite").close()
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["state.sqlite"]


def test_a_closed_store_is_one_file(file_store: Store, path: Path) -> None:
    file_store.server_state("prod-1", "active")
    file_store.close()
    assert {file.name for file in path.parent.iterdir()} == {".gitignore", "state.sqlite"}


@pytest.mark.parametrize(
    ("fleet", "beside"),
    [("/srv/fleet", "/srv"), ("/srv/fleet/", "/srv"), ("/srv/x/../fleet", "/srv"), ("fleet", "."), (".", "..")],
)
def test_the_store_is_beside_the_fleet(fleet: str, beside: str) -> None:
    expected = Path(os.path.normpath(Path(beside).absolute())) / ".odoo-fleet" / "state.sqlite"
    assert default_url(Path(fleet)) == f"sqlite:///{expected}"


def test_a_link_to_the_current_checkout_does_not_move_the_store(tmp_path: Path) -> None:
    (tmp_path / "checkouts" / "abc123").mkdir(parents=True)
    (tmp_path / "fleet").symlink_to(tmp_path / "checkouts" / "abc123")
    assert default_url(tmp_path / "fleet") == f"sqlite:///{tmp_path}/.odoo-fleet/state.sqlite"
