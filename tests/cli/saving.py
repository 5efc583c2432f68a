"""Saving a plan and applying what was saved, as the tests of both need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import KEY, Ran, World, serving


def save(world: World, *words: str) -> Path:
    """Save a plan beside the fleet."""
    file = world.root / "plan.json"
    ran = world.run("plan", "--out", str(file), *words)
    assert ran.code == 0, ran.err
    assert ran.err == f"Saved to {file}: `odoo-fleet apply {file}` carries out exactly this.\n"
    return file


def apply(world: World, file: Path, *words: str) -> Ran:
    return world.run("apply", str(file), "--yes", *words)


def listed(world: World) -> dict[str, list[str]]:
    return {code: sorted(host.listed()) for code, host in world.hosts.items() if host.alive}


def changing_calls(world: World) -> int:
    """Count what could change a host: all but versions, listings, logins and reads."""
    reads = {"version", "list", "login", "server_version", "db_exist", "search_read", "read", "search", "fields_get"}
    reads |= {"authenticate", "search_count", "get_param", "has_group", "list_lang"}
    made = (call.model_method or call.method for host in world.hosts.values() for call in host.calls)
    return sum(name.rpartition(".")[2] not in reads for name in made)


def refusal(world: World, file: Path) -> list[str]:
    """Apply, which must be refused with nothing changed; return the reasons."""
    before, calls = listed(world), changing_calls(world)
    ran = apply(world, file)
    assert (ran.code, ran.out) == (1, "")
    first, *reasons = ran.err.splitlines()
    assert first == f"Error: {file} is refused, and nothing was changed:"
    assert "`odoo-fleet plan --out FILE`" in reasons.pop()
    assert (listed(world), changing_calls(world)) == (before, calls)
    return [reason.removeprefix("  - ") for reason in reasons]


@pytest.fixture
def applied(tmp_path: Path) -> Iterator[World]:
    """A world that is as its text says, with a store that knows it."""
    with serving(tmp_path) as fresh:
        fresh.store = f"sqlite:///{tmp_path}/state.sqlite"
        assert fresh.run("apply", "--yes").code == 0
        yield fresh


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A world that is never changed, and what a plan of it was saved as."""
    with pytest.MonkeyPatch.context() as patch, serving(tmp_path_factory.mktemp("kept")) as world:
        patch.setenv("ODOO_FLEET_KEY", KEY)
        patch.setenv("MASTER_PASSWORD", "the-master-password")
        yield world, save(world).read_text()
