"""A bare repository with a fleet, and what takes orders for it, as a daemon has it; in real time, with the real git."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor, Token
from reconciler.daemon.orders import Orders
from reconciler.git.committing import Person
from reconciler.git.source import GitOptions, GitSource
from reconciler.git.writing import Signature
from reconciler.loading.fleet_directory import load_fleet
from reconciler.web.orders import Order, Ordered, Wish
from reconciler.web.problem_details import RequestRefused
from tests.git.repositories import Author, git
from tests.harness.virtual_time import EPOCH

FLEET = """\
kind: fleet
format: 1
code: test
secret_key: {env: ODOO_FLEET_KEY}
---
kind: server
code: one
server_url: https://one.example.com
odoo_version: "19.0"
domain: example.com
master_password: {env: MASTER}
max_instances: 1000
state: active
---
kind: plan
code: starter
---
kind: template
code: basic
server: one
"""
ACME = """\
# Our first customer.
kind: instance
code: acme
template: basic    # since March
plan: starter
owner: {name: Zoé, login: zoe@acme.example, initial_password: {env: ZOE}}
"""
SIGNATURE = Signature(Person("Orders", "orders@example.com"), Person("Daemon", "daemon@example.com"))
NEW = {"template": "basic", "plan": "starter"}


def actor(role: Role = Role.MANAGER, name: str = "shop") -> Actor:
    return Actor(Token("0123456789abcdef", role, name, EPOCH, "root@here"), "192.0.2.7")


@dataclass
class Shop:
    """Somebody who orders, with a directory of the daemon's own."""

    remote: Path
    directory: Path
    apart: bool = False
    push_seconds: float = 30.0
    told: list[tuple[Wish, Ordered]] = field(default_factory=list)
    orders: Orders = field(init=False)

    def __post_init__(self) -> None:
        source = GitSource(
            GitOptions(f"file://{self.remote}", "main", "fleet", self.directory, push_seconds=self.push_seconds)
        )
        self.orders = Orders(
            source, SIGNATURE, self.apart, done=lambda order, _actor, done: self.told.append((order.wish, done))
        )

    async def place(
        self, wish: Wish, code: str, fields: dict[str, Any], key: str = "", role: Role = Role.MANAGER
    ) -> Ordered:
        return await self.orders.place(Order(wish, code, fields, key), actor(role))

    async def create(self, code: str = "", key: str = "", **fields: Any) -> Ordered:
        named = {"code": code} if code else {}
        return await self.place(Wish.CREATE, code, {**named, **NEW, **fields}, key)

    async def change(self, code: str, key: str = "", **fields: Any) -> Ordered:
        return await self.place(Wish.CHANGE, code, fields, key)

    async def end(self, code: str, key: str = "") -> Ordered:
        return await self.place(Wish.END, code, {"state": "absent"}, key)

    async def refused(self, wish: Wish, code: str, fields: dict[str, Any]) -> RequestRefused:
        try:
            done = await self.place(wish, code, fields)
        except RequestRefused as refusal:
            return refusal
        raise AssertionError(f"it was done: {done}")


def repository(root: Path) -> Author:
    """Make a bare repository with a fleet, and a clone of it in which somebody writes."""
    remote = root / "remote.git"
    git(root, "init", "--bare", "--quiet", "--initial-branch=main", str(remote))
    subprocess.run(["git", "clone", "--quiet", str(remote), str(root / "clone")], check=True, capture_output=True)
    author = Author(root / "clone", remote)
    author.write("fleet/instances/acme.yaml", ACME)
    author.commit("The fleet", fleet=FLEET)
    return author


def head(author: Author, branch: str = "main") -> str:
    return git(author.remote, "rev-parse", branch)


def shown(author: Author, path: str, revision: str = "main") -> str:
    return git(author.remote, "show", f"{revision}:{path}")


def instances(author: Author, directory: Path) -> dict[str, Any]:
    """Return the instances as the branch has them; the fleet must be valid."""
    git(author.clone, "fetch", "--quiet", "origin")
    git(author.clone, "worktree", "add", "--quiet", "--detach", str(directory), "origin/main")
    loaded = load_fleet(directory / "fleet")
    assert loaded.desired is not None, loaded.diagnostics
    return dict(loaded.desired.instances)
