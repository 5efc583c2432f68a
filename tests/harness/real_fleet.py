"""A fleet's text on disk and the tool as it is wired in production, against real hosts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits, Planned
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.events import CallEvent, Event
from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_world
from schemas.secrets import Secret
from tests.hosts.real_hosts import RealHost

KEY = "key-of-the-tests-" + "k" * 32
_PASSES = 3


@dataclass
class RealFleet:
    """One server and its documents. Names of databases carry the host's, since a cluster has one space of names."""

    directory: Path
    host: RealHost
    calls: list[CallEvent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    memory: NoMemory = field(default_factory=NoMemory)
    variables: Mapping[str, str] = field(default_factory=dict)
    hooks: str = "[]"

    @property
    def suffix(self) -> str:
        return self.host.address.name.removeprefix("real-").replace("-", "")[:6]

    def write(self, *documents: str) -> None:
        """Replace the fleet's text."""
        address = self.host.address
        head = f"""\
kind: fleet
format: 1
code: tests
secret_key: {{env: KEY}}
hooks: {self.hooks}
---
kind: server
code: real
server_url: {address.url}
odoo_version: "{address.version}.0"
master_password: {{env: MASTER}}
state: active
domain: example.test
---
kind: plan
code: starter
"""
        self.directory.mkdir(exist_ok=True)
        (self.directory / "fleet.yaml").write_text("---\n".join([head, *documents]))

    @property
    def environ(self) -> Mapping[str, str]:
        return {"KEY": KEY, "MASTER": self.host.address.master_password, **self.variables}

    @property
    def desired(self) -> Desired:
        loaded = load_fleet(self.directory)
        assert loaded.desired is not None, "\n".join(map(str, loaded.diagnostics))
        return loaded.desired

    def password(self, kind: str, code: str, what: str = "admin_password") -> Secret:
        """The declared password of an admin or an owner."""
        desired = self.desired
        document = desired.instances[code] if kind == "instance" else desired.templates[code]
        owner = desired.instances[code].owner if kind == "instance" else None
        reference = owner.initial_password if what == "owner.initial_password" and owner else document.admin_password
        return SecretResolver(desired, self.environ, self.directory).resolve(reference, kind, code, what)

    async def plan(self, limits: Limits | None = None) -> Planned:
        """Show what a pass would do."""
        async with open_world(self.desired, self.reach(), self.memory, self.events.append) as world:
            return await plan(self.desired, world, limits or Limits())

    async def apply(self, limits: Limits | None = None) -> Passed:
        """Run one pass."""
        chosen, desired = limits or Limits(), self.desired
        async with open_world(desired, self.reach(), self.memory, self.events.append) as world:
            return await carry_out(await plan(desired, world, chosen), desired, world, chosen)

    def reach(self) -> Reach:
        """Where its documents' files and secrets are."""
        return Reach(self.directory, self.environ, on_call=self.calls.append, commands=[str(self.directory.parent)])


def template(suffix: str, **fields: object) -> str:
    """Write the template `base` for a host."""
    lines = [f"{name}: {value}" for name, value in fields.items()]
    head = ["kind: template", "code: base", f"template_db: template_{suffix}", "server: real"]
    return "\n".join([*head, *(lines or ["modules: [base, web, mail]"])]) + "\n"


def instance(code: str, **fields: object) -> str:
    """Write an instance of it."""
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return (
        "\n".join(["kind: instance", f"code: {code}", "template: base", "plan: starter", "server: real", *lines]) + "\n"
    )


def failures(passed: Passed) -> str:
    """Tell what went wrong in a pass, for an assertion's message."""
    ended = [f"{o.action.id}: {o.result}: {o.detail}" for o in passed.outcomes if o.detail]
    return "\n".join([*ended, *map(str, passed.after.changeset.blocked)])


def passes_until(reached: Callable[[], bool], attempt: Callable[[], Passed], what: str) -> Passed:
    """Run passes, as a daemon would, until one has reached something; return that one.

    A busy host may not answer in time, and the pass that asked it ends before. What each said is told if none gets there.
    """
    told = []
    for _ in range(_PASSES):
        passed = attempt()
        if reached():
            return passed
        told.append(failures(passed))
    pytest.fail(f"no pass reached {what}:\n" + "\n".join(told))
