"""A fleet in a repository with a history, its hosts, and the steps of CI: validate, plan, merge, apply, each in its own clone.

What a step prints is made comparable: hashes of commits and nonces differ from run to run.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.core.model.specs import instance_spec
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import derive, parse_key
from reconciler.loading.fleet_directory import load_fleet
from reconciler.simulator import HostSpec, SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.store.opening import open_store
from tests.cli.repositories import begin, commit, git
from tests.cli.world import KEY, MASTER, Ran, run
from tests.harness.universe import Carrier, Process

SHOPS = 500
FIRST_SHOP = "shop-001"

FLEET = """\
kind: fleet
format: 1
code: demo
name: Demo fleet
secret_key: {env: ODOO_FLEET_KEY}
safety: {max_changes: 500, max_changes_percent: 100}
"""
SERVER = """\
kind: server
code: {code}
name: {name}
server_url: http://{code}.invalid
odoo_version: "19.0"
domain: example.com
master_password: {{env: MASTER_PASSWORD}}
max_instances: 1000
state: active
"""
SERVERS = {"prod-1": "Restaurants", "prod-2": "Shops"}
TEMPLATES = """\
kind: template
code: restaurant
name: Restaurant
server: prod-1
modules: [base, web, mail]
country_code: BE
---
kind: template
code: shop
name: Shop
servers: [prod-1, prod-2]
modules: [base, web, mail]
country_code: BE
"""
PLANS = """\
kind: plan
code: starter
name: Starter
max_users: 5
---
kind: plan
code: business
name: Business
max_users: 25
modules: [contacts, calendar]
"""
CUSTOMER = """\
kind: instance
code: {code}
template: restaurant
plan: starter
name: {name}
partner: {name}
server: prod-1
"""
SHOP = """\
kind: instance
code: {code}
template: shop
plan: starter
name: Épicerie de la Grand-Place {number}
server: prod-2
"""
CUSTOMERS = {"acme": "Acme SA", "bistro": "Bistro Roma", "cafe": "Café d'Été", "dodo": "Dodo & Sons"}


def shop(number: int) -> str:
    return f"shop-{number:03}"


@dataclass
class Reviewed:
    """What a pull request came to: the two steps that a reviewer sees, and what followed the merge, if it was merged."""

    title: str
    validated: Ran
    planned: Ran | None = None
    applied: Ran | None = None
    afterwards: Ran | None = None

    @property
    def comment(self) -> str:
        """What `plan -o markdown` printed."""
        return self.planned.out if self.planned else ""

    @property
    def page(self) -> str:
        """All that a reviewer sees, as one page."""
        annotations = f"## The check\n\n```\n{self.validated.out}```\n"
        comment = f"\n## The comment\n\n{self.comment}" if self.planned else ""
        return steady(f"# {self.title}\n\n{annotations}{comment}")


def steady(text: str) -> str:
    """Replace what differs from run to run."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "(commit)", text)
    return re.sub(r"building-\d{12}[a-z0-9]{5}", "building-(nonce)", text)


@dataclass
class Stage:
    """The repository where pull requests are merged, and the hosts. `store` is where the job that applies remembers."""

    root: Path
    hosts: dict[str, SimulatedHost]
    reviewed: dict[str, Reviewed] = field(default_factory=dict)
    clones: int = 0

    @property
    def origin(self) -> Path:
        return self.root / "origin"

    @property
    def fleet(self) -> Path:
        return self.origin / "fleet"

    @property
    def store(self) -> str:
        return f"sqlite:///{self.root}/state.sqlite"

    def write(self, file: str, text: str) -> None:
        path = self.fleet / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.fleet / file).read_text()
        assert old in text
        self.write(file, text.replace(old, new, 1))

    def prepare(self) -> None:
        """Write the fleet with its first customers, build them, and make it a repository."""
        self.write("fleet.yaml", FLEET)
        for code, name in SERVERS.items():
            self.write(f"servers/{code}.yaml", SERVER.format(code=code, name=name))
        self.write("templates.yaml", TEMPLATES)
        self.write("plans.yaml", PLANS)
        for code in ("acme", "bistro", "cafe"):
            self.write(f"instances/{code}.yaml", CUSTOMER.format(code=code, name=CUSTOMERS[code]))
        self.write("instances/shops.yaml", SHOP.format(code=FIRST_SHOP, number="001"))
        done = self.run("apply", "--yes", "--store", self.store)
        assert done.code == 0, done.out + done.err
        numbers = range(1, SHOPS + 1)
        self.write("instances/shops.yaml", "---\n".join(SHOP.format(code=shop(n), number=f"{n:03}") for n in numbers))
        self._open_shops()
        begin(self.origin)

    def _open_shops(self) -> None:
        """Put the other shops on their host as the tool would have, and into the memory: building 500 takes too long."""
        desired = load_fleet(self.fleet).desired
        assert desired is not None
        host = self.hosts["prod-2"]
        with open_store(self.store, "demo") as store:
            for number in range(2, SHOPS + 1):
                code = shop(number)
                host.databases[code] = _like(host.databases[FIRST_SHOP], desired, code, host.new_uuid())
                host.filestore[code] = dict(host.filestore[FIRST_SHOP])
                digest = _digest(desired, code)
                store.verified("instance", code, "prod-2", code, digest, datetime.now(UTC))

    def run(self, *words: str, fleet: Path | None = None) -> Ran:
        return run(*words, "--fleet", str(fleet or self.fleet))

    def clone(self, *words: str) -> Path:
        """Clone the repository for a job of CI, and return the fleet's directory in it."""
        self.clones += 1
        directory = self.root / f"job-{self.clones}"
        git(self.root, "clone", "--quiet", *words, f"file://{self.origin}", str(directory))
        return directory / "fleet"

    @contextlib.contextmanager
    def branch(self, name: str) -> Iterator[None]:
        """Edit on a branch of its own, and commit."""
        git(self.origin, "switch", "--quiet", "--create", name, "main")
        yield
        commit(self.origin, name)
        git(self.origin, "switch", "--quiet", "main")

    def review(self, name: str, title: str) -> Reviewed:
        """Run the jobs of a pull request on its branch: validate, and plan if that passed."""
        job = self.clone()
        git(job, "switch", "--quiet", name)
        validated = self.run("validate", "-o", "github", "--base", "main", fleet=job)
        seen = self.reviewed[name] = Reviewed(title, validated)
        if validated.code == 0:
            # A runner of CI starts with no memory.
            words = ("plan", "--base", "main", "-o", "markdown", "--out", str(self.saved(name)), "--store", "none")
            seen.planned = self.run(*words, fleet=job)
        return seen

    def saved(self, name: str) -> Path:
        """Name the artifact that a pull request's plan is saved as."""
        return self.root / f"{name}.json"

    def merge(self, name: str) -> Reviewed:
        """Merge a pull request, apply what its plan saved from a shallow clone of `main`, and plan once more."""
        git(self.origin, "merge", "--quiet", "--no-ff", f"--message=Merge {name}", name)
        job = self.clone("--depth=1", "--branch=main")
        seen = self.reviewed[name]
        seen.applied = self.run("apply", str(self.saved(name)), "--yes", "--store", self.store, fleet=job)
        seen.afterwards = self.run("plan", "--detailed-exitcode", "--store", self.store, fleet=job)
        return seen


def _like(first: SimulatedDatabase, desired: Desired, code: str, uuid: str) -> SimulatedDatabase:
    database = first.fork()
    fresh = {
        "database.uuid": uuid,
        "odoo_fleet.uuid": uuid,
        "odoo_fleet.code": code,
        "odoo_fleet.name": code,
        "odoo_fleet.digest": _digest(desired, code),
        "web.base.url": f"https://{code}.example.com",
    }
    for key, value in fresh.items():
        assert database.parameter(key) is not None, key
        database.set_parameter(key, value)
    admin = database.reference("base.user_admin")
    assert admin is not None
    password = derive(parse_key(KEY), "instance", code, "admin_password", 1)
    database.update("res.users", admin, {"password": password.reveal()})
    company = database.reference("base.main_company")
    assert company is not None
    database.update("res.company", company, {"name": desired.instances[code].name})
    return database


def _digest(desired: Desired, code: str) -> str:
    return instance_spec(desired, desired.instances[code], desired.servers["prod-2"]).digest()


class _Carrier(Carrier):
    """Has what a transport has besides; only the daemon's health rounds use it."""

    context = ssl.create_default_context()


class Carriers:
    """Takes the place of sockets: 500 customers are 28,000 requests. Each command finds the hosts as if just started."""

    def __init__(self, hosts: Mapping[str, SimulatedHost]) -> None:
        self._hosts = hosts
        for host in hosts.values():
            host.kill()
            host.start()

    def get(self, _tls: object) -> Carrier:
        return _Carrier(self._hosts, Process())

    def pages(self, _tls: object) -> Carrier:
        return self.get(_tls)

    async def aclose(self) -> None:
        """Close: nothing is open."""


def begin_play(root: Path, patch: pytest.MonkeyPatch) -> Stage:
    """Make the hosts, let every command reach them, and set the stage."""
    hosts = {code: SimulatedHost(HostSpec(code, master_password=MASTER, dbfilter="^%d$")) for code in SERVERS}
    patch.setattr(wiring, "Transports", lambda _environ: Carriers(hosts))
    stage = Stage(root, hosts)
    stage.prepare()
    return stage
