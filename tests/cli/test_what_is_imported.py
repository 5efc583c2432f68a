"""What a command loads before it works: the larger part of what a short one costs. None pays for what another needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.world import World

PROGRAM = """\
import sys
from reconciler.__main__ import main
code = main(sys.argv[1:])
print("modules:", *sys.modules, sep="\\n", file=sys.stderr)
sys.exit(code)
"""
SHOWN_ON_A_TERMINAL = {"rich.console", "rich.live", "httpx._main"}
SELDOM_NEEDED = {
    "alembic",
    "sqlalchemy.dialects.postgresql",
    "psycopg",
    "jinja2",
    "starlette",
    "prometheus_client",
    "uvicorn",
}
FOR_OTHERS = {"reconciler.simulator", "reconciler.daemon", "reconciler.git", "reconciler.web"}


def imported_by(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.partition("modules:\n")[2].splitlines())


def test_the_version_costs_nothing() -> None:
    loaded = imported_by("--version")
    assert "reconciler.version" in loaded
    assert not loaded & {"click", "pydantic", "yaml", "httpx", "rich", "structlog", "sqlalchemy", "asyncio"}


def test_what_only_reads_the_text_loads_nothing_that_talks_logs_or_stores(world: World) -> None:
    for words in (("validate",), ("secret", "show", "acme", "admin_password")):
        loaded = imported_by(*words, "--fleet", str(world.fleet))
        assert "schemas.fleet" in loaded
        assert not loaded & {"httpx", "structlog", "sqlalchemy", "rich", "asyncio"}, words


@pytest.mark.parametrize("words", [("events",), ("history", "acme"), ("pause", "acme"), ("resume", "acme")])
def test_what_only_asks_the_store_loads_nothing_that_talks_to_hosts(
    world: World, tmp_path: Path, words: tuple[str, ...]
) -> None:
    store = f"sqlite:///{tmp_path / 'store.sqlite'}"
    world.store = store
    world.run("events")  # makes the store, which needs more than opening it
    loaded = imported_by(*words, "--fleet", str(world.fleet), "--store", store)
    assert "sqlalchemy" in loaded
    assert not loaded & ({"httpx", "structlog", "reconciler.odoo.transport"} | SHOWN_ON_A_TERMINAL | SELDOM_NEEDED)


@pytest.mark.parametrize("words", [("status",), ("plan",), ("place", "bistro"), ("check", "prod-1")])
def test_what_asks_hosts_loads_neither_a_terminal_s_drawing_nor_what_others_need(
    world: World, tmp_path: Path, words: tuple[str, ...]
) -> None:
    store = f"sqlite:///{tmp_path / 'store.sqlite'}"
    world.store = store
    world.run("events")
    loaded = imported_by(*words, "--fleet", str(world.fleet), "--store", store)
    assert {"httpx", "sqlalchemy"} <= loaded
    assert not loaded & (SHOWN_ON_A_TERMINAL | SELDOM_NEEDED | FOR_OTHERS)


def test_without_a_store_none_is_loaded(world: World) -> None:
    assert "sqlalchemy" not in imported_by("plan", "--fleet", str(world.fleet), "--store", "none")
