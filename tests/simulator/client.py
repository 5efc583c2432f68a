"""A client of a simulated host without sockets, as bare as the wire."""

import asyncio
import json
import time
import xmlrpc.client
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from reconciler.simulator import HostSpec, HttpRequest, HttpResponse, SimulatedHost

MASTER = "the-master-password"
NO_DEMO = False
_T = TypeVar("_T")


class Refused(Exception):
    """An error of the JSON door: its class and its message."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message


class Clock:
    """A wall clock that tests move."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


class Client:
    """Calls one host by XML-RPC for 14, whose JSON door hides its errors, and by JSON-RPC for the others."""

    def __init__(self, host: SimulatedHost) -> None:
        self.host = host
        self.xml = host.version == "14.0"

    async def call(self, service: str, method: str, *args: Any) -> Any:
        if not self.xml:
            return result_of(await self.json(service, method, *args))
        body = xmlrpc.client.dumps(args, method, allow_none=True).encode()
        answer = await self.host.respond(HttpRequest("POST", f"/xmlrpc/2/{service}", {"Host": "localhost"}, body))
        assert answer.status == 200, answer
        try:
            return xmlrpc.client.loads(answer.body.decode())[0][0]
        except xmlrpc.client.Fault as fault:
            code, text = fault.faultCode, fault.faultString
        name, _, message = text.partition("\n")[0].partition(": ") if code != 1 else _last_error(text)
        raise Refused(
            {2: "UserError", 3: "AccessDenied", 4: "AccessError"}.get(code, name), text if code != 1 else message
        )

    async def json(self, service: str, method: str, *args: Any, host_header: str = "localhost") -> HttpResponse:
        params = {"service": service, "method": method, "args": args}
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 5, "params": params}).encode()
        return await self.host.respond(HttpRequest("POST", "/jsonrpc", {"Host": host_header}, body))

    async def manage(self, method: str, *args: Any) -> Any:
        return await self.call("db", method, MASTER, *args)

    async def create(self, name: str, password: str = "wanted", lang: str = "en_US", country: str = "BE") -> Any:
        return await self.manage("create_database", name, NO_DEMO, lang, password, "admin", country)

    async def login(self, name: str, password: str, login: str = "admin") -> Any:
        return await self.call("common", "login", name, login, password)

    async def execute(
        self, name: str, model: str, method: str, *args: Any, password: str = "wanted", **kwargs: Any
    ) -> Any:
        return await self.call("object", "execute_kw", name, 2, password, model, method, list(args), kwargs)

    async def install(self, name: str, *modules: str) -> Any:
        found = await self.execute(name, "ir.module.module", "search", [["name", "in", list(modules)]])
        return await self.execute(name, "ir.module.module", "button_immediate_install", found)

    async def uninstall(self, name: str, *modules: str) -> Any:
        found = await self.execute(name, "ir.module.module", "search", [["name", "in", list(modules)]])
        return await self.execute(name, "ir.module.module", "button_immediate_uninstall", found)

    async def upgrade(self, name: str, module: str) -> Any:
        """Upgrade what was scheduled before."""
        row = next(self.host.databases[name].matching("ir.module.module", name=module))
        self.host.databases[name].update("ir.module.module", row["id"], {"state": "to upgrade"})
        return await self.execute(name, "base.module.upgrade", "upgrade_module", [1])

    async def quiesce(self, name: str) -> None:
        await self.execute(
            name, "ir.cron", "write", await self.execute(name, "ir.cron", "search", []), {"active": False}
        )


def _last_error(text: str) -> tuple[str, str, str]:
    lines = text.strip().splitlines()
    last = next(line for line in reversed(lines) if ": " in line and not line.startswith((" ", "DETAIL", "\t")))
    return last.partition(": ")


def result_of(answer: HttpResponse) -> Any:
    assert answer.status == 200, answer
    decoded = json.loads(answer.body)
    if "error" in decoded:
        raise Refused(decoded["error"]["data"]["name"], decoded["error"]["data"]["message"])
    return decoded.get("result")


def a_host(version: str = "19.0", **options: Any) -> SimulatedHost:
    """Give a host that takes no time on a clock that stands, or one that takes some on the real clock."""
    now = options.pop("now", time.time if options.get("speed") else Clock())
    return SimulatedHost(HostSpec("prod-1", version, MASTER, **options), now=now)


def play(scenario: Callable[[], Awaitable[_T]]) -> _T:
    """Run a scenario in an event loop of its own."""

    async def whole() -> _T:
        return await scenario()

    return asyncio.run(whole())


async def eventually(happened: Callable[[], object]) -> None:
    """Let the host work until something has happened."""
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0)


async def refusal(call: Awaitable[Any]) -> Refused:
    """The error that a call ends with."""
    try:
        answer = await call
    except Refused as refused:
        return refused
    raise AssertionError(f"was not refused: {answer!r}")
