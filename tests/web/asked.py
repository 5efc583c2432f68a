"""The API of a daemon over simulated hosts, in virtual time; every answer is held against the API's own description."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from starlette.applications import Starlette

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor, Token, hash_of, write
from reconciler.daemon.boards import DaemonBoard
from reconciler.daemon.views import DaemonView
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.reports.status import Status
from reconciler.simulator import ConnectionRefused
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from reconciler.telemetry.metrics import Metrics
from reconciler.web.api import api_routes, endpoints
from reconciler.web.app import make_app
from reconciler.web.doors import Doorkeeper
from reconciler.web.openapi import openapi
from reconciler.web.orders import Order, Ordered
from schemas.kinds import KINDS
from tests.daemon.stage import Stage, play
from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import EPOCH

TEXT = fleet(
    instance("acme", name="Acme SA", labels="{tier: gold}"),
    instance("beta", server="two", state="suspended"),
    instance("cafe", server="one", labels="{tier: gold, region: eu}"),
    servers={"one": "19.0", "two": "19.0"},
)
TEXTS = {role: write(bytes([number]) * 32).reveal() for number, role in enumerate(Role)}
TOKENS = {role: Token(hash_of(text), role, f"the-{role}", EPOCH, "root@here") for role, text in TEXTS.items()}


async def in_line(draw: Callable[..., Status], *given: Any) -> Status:
    return draw(*given)


@dataclass
class Taker:
    """Takes orders and writes nothing: what they become is shown in `tests/daemon/test_orders.py`."""

    placed: list[tuple[Order, Actor]] = field(default_factory=list)
    done: Callable[[Order, Actor, Ordered], None] = field(default=lambda *_: None)
    taken: Callable[[], Collection[str]] = tuple

    def prepare(self) -> None:
        pass

    async def place(self, order: Order, actor: Actor) -> Ordered:
        self.placed.append((order, actor))
        done = Ordered(order.code or "made-up", "c" * 40, "main", "fleet/instances/x.yaml", changed=True)
        self.done(order, actor, done)
        return done


def _closed(schema: Any) -> Any:
    """Return a schema by which an object has no other fields than those that are described."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    only = {"additionalProperties": False} if "properties" in schema and schema.get("type") == "object" else {}
    return {**only, **{name: _closed(each) for name, each in schema.items()}}


@functools.cache
def _description(_kinds: tuple[str, ...]) -> dict[str, Any]:
    """Describe the API of these kinds once for all tests: nobody changes it, and to make it takes longer than most of them."""
    return openapi(endpoints())


@dataclass
class Asked:
    """A daemon's API."""

    stage: Stage
    board: DaemonBoard
    app: Starlette
    placed: list[tuple[Order, Actor]]
    address: str = "192.0.2.7"
    description: dict[str, Any] = field(default_factory=lambda: _description(tuple(KINDS)))

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://fleet.example") as client:
            return await client.request(method, path, **given)

    async def ask(self, method: str, path: str, who: Role | str | None = Role.USER, **given: Any) -> httpx.Response:
        """Ask as somebody of a role, with the text of some token, or without any."""
        text = TEXTS[who] if isinstance(who, Role) else who
        headers = given.pop("headers", {}) | ({} if text is None else {"Authorization": f"Bearer {text}"})
        answer = await self.send(method, path, headers=headers, **given)
        self.check(method, path, answer)
        return answer

    async def get(self, path: str, who: Role | str | None = Role.USER, **given: Any) -> Any:
        answer = await self.ask("GET", f"/api/v1/{path}", who, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def check(self, method: str, path: str, answer: httpx.Response) -> None:
        """Hold an answer against the description: its status, its type, what is in it, and that no field is not described."""
        pattern = _pattern(self.description["paths"], path.partition("?")[0])
        kind = answer.headers["content-type"].partition(";")[0]
        operation = self.description["paths"].get(pattern, {}).get(method.lower())
        if operation is None:
            assert (answer.status_code in {404, 405}, kind) == (True, "application/problem+json")
            schema: Any = {"$ref": "#/components/schemas/Problem"}
        else:
            assert str(answer.status_code) in operation["responses"], (method, path, answer.status_code, answer.text)
            content = operation["responses"][str(answer.status_code)]["content"]
            assert kind in content, (method, path, kind)
            schema = content[kind]["schema"]
        whole = _closed({**schema, "components": self.description["components"]})
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(
            answer.json() if kind.endswith("json") else answer.text
        )


def _pattern(paths: dict[str, Any], path: str) -> str:
    """Return the path of the description that an address is of; one without anything to fill in counts first."""
    words = path.split("/")

    def fits(pattern: str) -> bool:
        parts = pattern.split("/")
        return len(parts) == len(words) and all(
            p == w or (p.startswith("{") and w) for p, w in zip(parts, words, strict=True)
        )

    return next((each for each in sorted(paths, key=lambda each: "{" in each) if fits(each)), "")


def asking(
    story: Callable[[Asked], Awaitable[None]],
    *,
    text: str = TEXT,
    hosts: Universe | None = None,
    store: NoMemory | Store | None = None,
    begin: Callable[[Stage], Awaitable[None]] | None = None,
    dress: Callable[[World, Desired], World] = lambda world, _desired: world,
) -> Stage:
    """Run a daemon until it has converged, and a story that asks its API.

    Args:
        story: asks.
        text: the fleet's.
        hosts: its hosts.
        store: its memory, in which there is a token for each role.
        begin: what is done instead of waiting until all is converged.
        dress: gives the daemon's worlds ports that a universe does not have.
    """
    kept = store or NoMemory()
    for token in TOKENS.values():
        kept.add_token(token)

    async def main(stage: Stage) -> None:
        taker = Taker()
        board = DaemonBoard(stage.daemon, in_line, orders=taker)  # type: ignore[arg-type]
        app = make_app(DaemonView(stage.daemon, Metrics()), api_routes(board, Doorkeeper(board)))
        following = asyncio.create_task(board.follow())
        try:
            if begin is None:
                stage.source.write(text, "a" * 40)
                async with asyncio.timeout(3600):
                    await stage.converged()
            else:
                await begin(stage)
            await story(Asked(stage, board, app, taker.placed))
        finally:
            following.cancel()

    return play(hosts or universe({"one": "19.0", "two": "19.0"}), main, store=kept, dress=dress)


def hang(stage: Stage, *codes: str) -> None:
    """Let hosts take requests and never answer."""

    async def wait(request: Any) -> Any:
        await asyncio.sleep(1_000_000)

    for code in codes:
        stage.universe.hosts[code].respond = wait  # type: ignore[method-assign]


def refuse(stage: Stage, *codes: str) -> None:
    """Let hosts be away."""

    async def away(request: Any) -> Any:
        raise ConnectionRefused

    for code in codes:
        stage.universe.hosts[code].respond = away  # type: ignore[method-assign]
