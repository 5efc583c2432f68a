"""A simulated fleet with a directory for its backups, and one call to make a backup as the command does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from reconciler.backups.catalogue import BackupEntry
from reconciler.core.deciding import Limits
from reconciler.core.policies import backups
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.engine import backing_up
from reconciler.engine.backing_up import KeptBackup
from reconciler.engine.observing import observe_shallow
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.engine.storage import Storage
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.loading.secrets import SecretResolver
from reconciler.targets.directories import Directory
from reconciler.wiring import DeclaredTargets
from tests.harness.universe import ENVIRON, Process, Universe, fleet, instance, read, universe

TARGETS = "backup_targets: {{main: {{url: 'file://{}'{}}}}}\n"


class Meddled:
    """A target in which something goes wrong: told of each step before it is done, it may raise."""

    def __init__(self, target: Storage, before: Callable[[str, str], None]) -> None:
        self._target, self._before = target, before

    async def write(self, place: str, content: BinaryIO) -> None:
        self._before("write", place)
        await self._target.write(place, content)

    async def read(self, place: str, into: BinaryIO) -> None:
        self._before("read", place)
        await self._target.read(place, into)

    async def names(self, folder: str) -> list[str]:
        self._before("names", folder)
        return list(await self._target.names(folder))

    async def remove(self, place: str) -> None:
        self._before("remove", place)
        await self._target.remove(place)

    async def aclose(self) -> None:
        await self._target.aclose()


@dataclass
class Stage:
    """A fleet of one customer, `acme`, on a host `one`."""

    universe: Universe
    root: Path
    version: str
    encryption: str = ""
    policy: str = "{keep: {last: 2, daily: 0, weekly: 0, monthly: 0}}"
    before: Callable[[str, str], None] = lambda _what, _place: None

    def text(self, *others: str, **fields: object) -> str:
        """The fleet's text, with the fields of the instance, and other documents."""
        whole = fleet(instance("acme", **fields), *others, servers={"one": self.version})
        targets = TARGETS.format(self.root, self.encryption)
        return whole.replace("secret_key:", f"{targets}secret_key:", 1).replace(
            "code: starter\n", f"code: starter\nbackup: {self.policy}\n", 1
        )

    def world(self, desired: Desired, process: Process | None = None) -> World:
        targets = DeclaredTargets(desired, Path("fleet"), SecretResolver(desired, ENVIRON, Path("fleet")))
        targets._opened["main"] = Meddled(Directory("main", self.root), self._meddle)
        return replace(self.universe.world(desired, process or Process()), targets=targets)

    def _meddle(self, what: str, place: str) -> None:
        self.before(what, place)

    async def subject(self, text: str, kind: str = "instance", code: str = "acme") -> BackupSubject:
        desired = read(text)
        observed = await observe_shallow(["one"], self.world(desired))
        document = desired.instances[code] if kind == "instance" else desired.templates[code]
        found = backups.subjects(desired, document, observed, ["one"])
        assert not isinstance(found, NotThere), found.why
        return found[0]

    async def back_up(self, kind: str = "instance", code: str = "acme", **fields: object) -> KeptBackup:
        """Make a backup."""
        text = self.text(**fields)
        desired, subject = read(text), await self.subject(text, kind, code)
        keep = backups.keep_of(backups.policy(desired, desired.instances["acme"]))
        return await backing_up.back_up(self.world(desired), "demo", subject, "main", keep)

    async def apply(self, text: str, limits: Limits | None = None, process: Process | None = None) -> Passed:
        """Run one whole pass, with the targets at hand."""
        desired, chosen = read(text), limits or Limits()
        world = self.world(desired, process)
        return await carry_out(await plan(desired, world, chosen), desired, world, chosen)

    async def entries(self) -> list[BackupEntry]:
        """The catalogue."""
        return await backing_up.entries(Directory("main", self.root), "demo")

    def files(self) -> list[str]:
        """What lies in the target."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())


async def stage(root: Path, version: str = "19.0", **fields: object) -> Stage:
    """Make the fleet and its customer."""
    root.mkdir(exist_ok=True)  # noqa: ASYNC240 -- a directory of a test
    made = Stage(universe({"one": version}), root, version)
    passed = await made.universe.reconcile(made.text(**fields))
    assert passed.ok, passed
    return made
