"""The page and the API over a fleet of 10,000 instances: how long what people open most takes, beside /healthz of the same app.

Asked without sockets, in one process: what is measured is the daemon's own part. "A picture" is drawn once after each decision,
in a thread; all that is asked until the next decision is answered from it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from reconciler.access.roles import Role
from reconciler.access.tokens import Token, hash_of
from reconciler.core.deciding import Limits, Planned, decide
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.names import parse
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.specs import instance_digest
from reconciler.fleet.desired import Desired, resolve
from reconciler.health.standing import Standing
from reconciler.loading.yaml_reader import read_documents
from reconciler.reports.happenings import Asked, Newest
from reconciler.reports.status import status
from reconciler.web.api import api_routes
from reconciler.web.app import make_app
from reconciler.web.boards import Picture, Run
from reconciler.web.doors import Doorkeeper
from reconciler.web.page.pages import page_routes
from tests.benchmarks.rows import Row, render
from tests.harness.universe import fleet, instance
from tests.web.site import Told

NAME = "page"
HOSTS, INSTANCES, TIMES = 20, 10_000, 9
TOKEN = "odoo-fleet-of-the-benchmark"
ASKED = (
    "/api/v1/instances?limit=50",
    "/api/v1/instances?q=9&sort=-name&limit=500",
    "/",
    "/instances",
    "/instances?in_sync=yes&sort=-code",
    "/servers?view=board",
)


@dataclass
class _Board:
    """A daemon that has decided."""

    shown: Picture

    def now(self) -> datetime:
        return datetime.now(UTC)

    def standing(self) -> Standing:
        return Standing("demo", "a" * 40, decided_at=self.now(), converged_at=self.now())

    def ready(self) -> str:
        return ""

    def tokens(self) -> tuple[Token, ...]:
        return (Token(hash_of(TOKEN), Role.ADMIN, "bench", self.now(), "here"),)

    def pauses(self) -> dict[Any, Any]:
        return {}

    def limited(self, address: str, failures: int) -> None:
        raise AssertionError(f"{address} showed {failures} wrong tokens")

    def takes_orders(self) -> bool:
        return True

    def runs(self) -> tuple[Run, ...]:
        return tuple(Run(f"server-{number}", 500, number) for number in range(HOSTS))

    def version(self) -> int:
        return 1

    async def picture(self) -> Picture:
        return self.shown

    async def happenings(self, asked: Asked) -> Newest:
        return Newest((), is_cut=False)


def measure() -> Iterator[Row]:
    """Yield a row for each address, after one for the picture."""
    desired = _desired()
    planned, now = _planned(desired), datetime.now(UTC)

    def draw() -> Picture:
        found = status(desired, planned.observed, planned.inventory, planned.changeset, now)
        return Picture(desired, found, planned.changeset)

    began = time.perf_counter()
    shown = draw()
    taken = time.perf_counter() - began
    yield Row(f"a picture, {INSTANCES:,} instances", f"{taken:.3f} s", "nothing", "-", "< 0.3 s")
    yield from asyncio.run(_ask_all(_Board(shown)))


async def _ask_all(board: Any) -> list[Row]:
    door = Doorkeeper(board)
    app = make_app(Told(), [*api_routes(board, door), *page_routes(board, door)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fleet.example") as client:
        await client.post("/login", data={"token": TOKEN})
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        least = await _median(lambda: client.get("/healthz"))
        rows = []
        for path in ASKED:
            ours = await _median(lambda path=path: client.get(path))  # type: ignore[misc]
            bare, ratio = f"{least:.4f} s (/healthz)", f"{ours / least:.0f}"
            rows.append(Row(f"{path}, {INSTANCES:,} instances", f"{ours:.3f} s", bare, ratio, "< 0.3 s"))
        return rows


async def _median(ask: Callable[[], Awaitable[httpx.Response]]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        (await ask()).raise_for_status()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _desired() -> Desired:
    codes = [f"host-{number}" for number in range(HOSTS)]
    head = fleet(servers=dict.fromkeys(codes, "19.0")).replace("kind: server", "kind: server\nmax_instances: 1000")
    documents = [*read_documents("fleet.yaml", head.encode())[0]]
    for number in range(INSTANCES):
        text = instance(f"c{number:05}", server=codes[number % HOSTS])
        documents += read_documents(f"{number}.yaml", text.encode())[0]
    desired, problems = resolve(documents)
    assert desired is not None, problems[:3]
    return desired


def _planned(desired: Desired) -> Planned:
    now, listed = datetime.now(UTC), {code: ["template_base"] for code in desired.servers}
    entries = {}
    for each in desired.instances.values():
        assert each.server is not None
        listed[each.server].append(each.database_name)
        digest = instance_digest(desired, each, desired.servers[each.server])
        entries["instance", each.code, each.server] = Entry(
            "instance", each.code, each.server, each.database_name, digest, now
        )
    hosts = {
        code: ObservedHost(code, online=True, version="19.0", databases=tuple(map(parse, names)), seconds=0.1)
        for code, names in listed.items()
    }
    inventory = Inventory(entries, dict.fromkeys(listed, "active"), {c: tuple(names) for c, names in listed.items()})
    return decide(desired, Observed(hosts), inventory, now, Limits())


if __name__ == "__main__":
    print(render(list(measure())))
