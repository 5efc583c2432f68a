"""What is on the disk: each durable step, whole, whatever kills the process."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.simulator import STEPS
from tests.simulator.client import MASTER, Client, a_host, play

_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.simulator.client import Client, a_host

async def main(folder, step):
    client = Client(a_host(data_dir=Path(folder)))
    await client.create("acme")
    def die(reached):
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)
    client.host.on_step = die
    await client.create("other")
    await client.manage("duplicate_database", "acme", "clone")
    await client.manage("rename", "clone", "published")
    await client.manage("drop", "other")

asyncio.run(main(*sys.argv[1:]))
"""


def _killed_at(step: str, folder: Path) -> dict[str, dict[str, Any]]:
    """The state that a new process finds after another was killed at a step."""
    ended = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder), step], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    return a_host(data_dir=folder).snapshot()


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ("create_database.listed", ["acme", "other"]),
        ("duplicate_database.files_partly", ["acme", "clone", "other"]),
        ("rename.database", ["acme", "other", "published"]),
        ("drop.database", ["acme", "published"]),
    ],
)
def test_state_after_a_sigkill_of_the_process_is_that_of_the_step(step: str, names: list[str], tmp_path: Path) -> None:
    left = _killed_at(step, tmp_path)
    assert list(left) == names
    if step == "create_database.listed":
        assert left["other"]["stage"] == "empty"
    if step == "duplicate_database.files_partly":
        assert 0 < sum(left["clone"]["files"].values()) < sum(left["acme"]["files"].values())
    if step == "rename.database":
        assert left["published"]["files"] == {}


def test_everything_durable_is_there_again_and_nothing_of_the_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = Client(a_host(data_dir=tmp_path, workers=2))
        await client.create("acme", lang="fr_BE")
        await client.install("acme", "mail")
        await client.execute("acme", "res.partner", "create", {"name": "Ann"})
        await client.manage("duplicate_database", "acme", "clone")
        client.host.add_database("theirs", owner="somebody")
        again = Client(a_host(data_dir=tmp_path, workers=2))
        assert again.host.snapshot() == client.host.snapshot()
        for name, database in client.host.databases.items():
            copy = again.host.databases[name]
            assert (copy.registry_sequence, copy.cache_sequences) == (
                database.registry_sequence,
                database.cache_sequences,
            )
        assert all(not worker.registries for worker in again.host.workers)
        assert await again.execute("clone", "res.partner", "search_count", [["name", "=", "Ann"]]) == 1
        assert again.host.random.getstate() != client.host.random.getstate()

    play(scenario)


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = Client(a_host(data_dir=tmp_path))
        await client.create("acme")
        await client.create("Bad Name!/..")
        await client.call("common", "version")  # lets the scheduled actions run that are due
        files = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "prod-1").iterdir()}
        assert len(files) == 4
        assert all("/" not in name for name in files)
        await asyncio.sleep(0.01)
        await client.execute("acme", "res.partner", "write", [1], {"name": "Acme"})
        changed = {path.name for path in (tmp_path / "prod-1").iterdir() if path.stat().st_mtime_ns != files[path.name]}
        assert changed == {"database.acme.json"}

    play(scenario)


def test_passwords_are_in_the_files_of_the_databases_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        await Client(a_host(data_dir=tmp_path)).create("acme")

    play(scenario)
    texts = {path.name: path.read_text() for path in (tmp_path / "prod-1").iterdir()}
    assert [name for name, text in texts.items() if "wanted" in text] == ["database.acme.json"]
    assert not any(MASTER in text for text in texts.values())
    assert json.loads(texts["database.acme.json"])["tables"]["res.country"] is None, "the seed is not written"


def test_steps_have_names_of_their_operation() -> None:
    for operation, steps in STEPS.items():
        assert all(step.startswith(f"{operation}.") for step in steps)
        assert len(set(steps)) == len(steps)
