"""Worlds for the commands: a fresh one for tests that change it, and one that has converged for those that only look."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.engine import patience
from reconciler.odoo import exchange
from reconciler.odoo.tls import ssl_context
from tests.cli.world import ENVIRONMENT, World, serving


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ODOO_FLEET_DIR", raising=False)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is real here, and a host that does not answer would cost seconds each; in virtual time pauses keep their length."""
    monkeypatch.setattr(exchange, "_FIRST_PAUSE", exchange._FIRST_PAUSE / 50)
    monkeypatch.setattr(patience, "_FIRST_WAIT", patience._FIRST_WAIT / 50)


@pytest.fixture(scope="session", autouse=True)
def _authorities_are_read_once() -> Iterator[None]:
    """To read the system's authorities takes longer than most commands, and no fleet here names any of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.odoo.transport.ssl_context", functools.cache(ssl_context))
        yield


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def converged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that was applied once, with a store that knows it. Tests do not change it."""
    root = tmp_path_factory.mktemp("converged")
    with pytest.MonkeyPatch.context() as patch, serving(root) as world:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        world.store = f"sqlite:///{root}/state.sqlite"
        ran = world.run("apply", "--yes")
        assert ran.code == 0, ran.err
        yield world
