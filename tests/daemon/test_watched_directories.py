"""A directory that people and programs write to: each text is offered once, whole, and soon."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.daemon import watched_directories
from reconciler.daemon.sources import Offer, Trouble
from reconciler.daemon.watched_directories import DirectorySource
from reconciler.loading.fleet_directory import Loaded
from reconciler.loading.incremental import FleetReader
from tests.harness.universe import FLEET, PLAN, SERVER, TEMPLATE, instance

SOON = 5.0


@dataclass
class Offered:
    """What a source offered, with waiting for the next."""

    source: DirectorySource
    candidates: list[Offer] = field(default_factory=list)
    troubles: list[Trouble | None] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, candidate: Offer) -> bool:
        self.candidates.append(candidate)
        self._news.set()
        return True

    def trouble(self, trouble: Trouble | None) -> None:
        self.troubles.append(trouble)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def instances(self) -> set[str]:
        desired = self.candidates[-1].loaded.desired if self.candidates else None
        return set(desired.instances) if desired else set()


def write(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "fleet.yaml").write_text(FLEET)
    server = SERVER.format(code="one", version="19.0")
    (root / "base.yaml").write_text("---\n".join([server, TEMPLATE.format(servers="one"), PLAN]))
    (root / "acme.yaml").write_text(instance("acme"))


def follow(root: Path, story: Callable[[Offered], Awaitable[None]], taking: type[Offered] = Offered) -> Offered:
    async def main() -> Offered:
        offered = taking(DirectorySource(root))
        following = asyncio.create_task(offered.source.follow(offered.take, offered.trouble))
        try:
            await story(offered)
        finally:
            following.cancel()
            await asyncio.wait([following])
        return offered

    return asyncio.run(main())


def test_files_are_named_as_the_repository_has_them(tmp_path: Path) -> None:
    """As a branch that is followed names them; the fleet's directory may be given in any way."""
    root = tmp_path / "work/apps/fleet"
    write(root)
    (root / "beta.yaml").write_text(instance("acme"))

    async def story(offered: Offered) -> None:
        await offered.until(lambda: bool(offered.candidates))

    def said() -> str:
        (candidate,) = follow(root, story).candidates
        (problem,) = candidate.loaded.diagnostics
        return candidate.shown(str(problem))

    assert said().startswith(f"{root}/beta.yaml:2:7: duplicate-code: ")  # in no repository there is no other name
    subprocess.run(["git", "init", "-q", str(tmp_path / "work")], check=True)
    assert said().startswith("apps/fleet/beta.yaml:2:7: duplicate-code: ")
    assert said().endswith("(the first is at apps/fleet/acme.yaml:2:7)")


def test_an_edit_an_addition_and_a_removal_are_offered(tmp_path: Path) -> None:
    write(tmp_path)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "beta.yaml").write_text(instance("beta"))
        await offered.until(lambda: offered.instances() == {"acme", "beta"})
        (tmp_path / "acme.yaml").unlink()
        await offered.until(lambda: offered.instances() == {"beta"})

    follow(tmp_path, story)


def test_an_edit_is_seen_within_a_moment(tmp_path: Path) -> None:
    write(tmp_path)
    took: list[float] = []

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        await asyncio.sleep(0.3)  # the watching begins beside the first reading
        for number in range(5):
            started = time.monotonic()
            (tmp_path / f"c{number}.yaml").write_text(instance(f"c{number}"))
            await offered.until(lambda number=number: f"c{number}" in offered.instances())  # type: ignore[misc]
            took.append(time.monotonic() - started)

    follow(tmp_path, story)
    assert sorted(took)[2] < 1.0  # the rescan alone would take two minutes


def test_half_a_file_is_not_offered_but_the_whole_one_is(tmp_path: Path) -> None:
    write(tmp_path)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        with (tmp_path / "beta.yaml").open("w") as stream:
            for line in instance("beta").splitlines(keepends=True):
                stream.write(line)
                stream.flush()
                await asyncio.sleep(0.1)
        await offered.until(lambda: "beta" in offered.instances())

    offered = follow(tmp_path, story)
    assert all(c.loaded.desired is not None for c in offered.candidates)


def test_what_stays_broken_is_offered_with_its_problems(tmp_path: Path) -> None:
    write(tmp_path)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        (tmp_path / "acme.yaml").write_text("kind: instance\ncode: [\n")
        await offered.until(lambda: offered.candidates[-1].loaded.desired is None)
        assert offered.candidates[-1].loaded.diagnostics
        (tmp_path / "acme.yaml").write_text(instance("acme"))
        await offered.until(lambda: offered.instances() == {"acme"})

    follow(tmp_path, story)


def test_a_checkout_of_many_files_is_offered_at_its_end(tmp_path: Path) -> None:
    write(tmp_path)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        for number in range(300):
            (tmp_path / f"c{number}.yaml").write_text(instance(f"c{number}"))
            if number % 10 == 0:
                await asyncio.sleep(0.005)
        await offered.until(lambda: len(offered.instances()) == 301)

    assert len(follow(tmp_path, story).candidates) <= 4


@pytest.mark.parametrize("how", ["symlink", "directory", "configmap"])
def test_a_directory_that_is_replaced_whole_is_seen(tmp_path: Path, how: str) -> None:
    write(tmp_path / "v1")
    write(tmp_path / "v2")
    (tmp_path / "v2" / "beta.yaml").write_text(instance("beta"))
    root = tmp_path / "current"
    if how == "configmap":
        root.mkdir()
        (root / "..data").symlink_to(tmp_path / "v1")
        for name in ("fleet.yaml", "base.yaml", "acme.yaml", "beta.yaml"):
            (root / name).symlink_to(Path("..data") / name)
        (tmp_path / "v1" / "beta.yaml").write_text("")
    elif how == "symlink":
        root.symlink_to(tmp_path / "v1")
    else:
        shutil.copytree(tmp_path / "v1", root)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        if how == "directory":
            root.rename(tmp_path / "old")
            (tmp_path / "v2").rename(root)
        else:
            link = root / "..data" if how == "configmap" else root
            fresh = link.with_name("..fresh")
            fresh.symlink_to(tmp_path / "v2")
            fresh.rename(link)
        await offered.until(lambda: "beta" in offered.instances())

    follow(root, story)


def test_a_directory_that_is_missing_is_told_and_waited_for(tmp_path: Path) -> None:
    root = tmp_path / "fleet"

    async def story(offered: Offered) -> None:
        await offered.until(lambda: bool(offered.troubles))
        assert str(root) in (offered.troubles[0].why if offered.troubles[0] else "")
        write(root)
        await offered.until(lambda: offered.instances() == {"acme"})
        shutil.rmtree(root)
        await offered.until(lambda: offered.troubles[-1] is not None)

    follow(root, story)


def test_a_touch_offers_nothing_and_a_poke_looks_at_once(tmp_path: Path) -> None:
    write(tmp_path)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        (tmp_path / "acme.yaml").touch()
        offered.source.poke()
        await asyncio.sleep(1)

    assert len(follow(tmp_path, story).candidates) == 1


def test_a_valid_text_that_could_not_be_taken_is_offered_again_though_nothing_of_it_changed(tmp_path: Path) -> None:
    """As one that names a file of authorities, which is put in its place afterwards."""
    write(tmp_path)

    class Refusing(Offered):
        def take(self, candidate: Offer) -> bool:
            super().take(candidate)
            return len(self.candidates) > 1

    async def story(offered: Offered) -> None:
        for number in (1, 2, 2):
            await offered.until(lambda number=number: len(offered.candidates) == number)  # type: ignore[misc]
            offered.source.poke()
        await asyncio.sleep(1)

    assert len(follow(tmp_path, story, Refusing).candidates) == 2


def test_where_the_system_tells_nothing_files_are_read_when_that_is_due_and_not_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise OSError(28, "no more watches")

    read = FleetReader.read
    readings = []

    def counted(reader: FleetReader) -> Loaded:
        readings.append(reader)
        return read(reader)

    monkeypatch.setattr(watched_directories, "awatch", refuse)
    monkeypatch.setattr(watched_directories, "IDENTITY_SECONDS", 0.02)
    monkeypatch.setattr(FleetReader, "read", counted)
    root = tmp_path / "fleet"
    write(root)

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        await asyncio.sleep(1)
        assert len(readings) == 1
        root.rename(tmp_path / "old")
        write(root)
        (root / "beta.yaml").write_text(instance("beta"))
        await offered.until(lambda: "beta" in offered.instances())

    follow(root, story)


def test_the_commit_is_named_and_a_tree_that_differs_from_it_is_said_to(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=Eve", "-c", "user.email=eve@example.com"]
        done = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    write(tmp_path / "fleet")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")

    async def story(offered: Offered) -> None:
        await offered.until(lambda: offered.instances() == {"acme"})
        assert offered.candidates[-1].revision == head
        (tmp_path / "fleet" / "beta.yaml").write_text(instance("beta"))
        await offered.until(lambda: "beta" in offered.instances())
        assert offered.candidates[-1].revision == f"{head}-dirty"

    follow(tmp_path / "fleet", story)
