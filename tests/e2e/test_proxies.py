"""What customers and strangers meet at real Odoo 19 and 14 behind the proxies whose configurations lie in deploy/proxies."""

import asyncio
import json
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from reconciler.core.model.checks import CheckResult
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import suspended
from reconciler.health.login_pages import judge_manager
from reconciler.odoo.observe.login_pages import LoginPages
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import Transports
from reconciler.reports.proxy_maps import render_routes, routes
from tests.e2e.test_production import PRODUCTION, fresh
from tests.harness.real_fleet import failures, instance, template
from tests.health.certificates import make, needs_openssl
from tests.hosts import debian
from tests.hosts.programs import Program, free_port
from tests.hosts.real_hosts import RealHost

DEPLOY = Path(__file__).parents[2] / "deploy/proxies"
DOMAIN, OWN = "example.com", "odoo-1.example.com"
CUSTOMERS = "acme.example"
PAGE = "This address is not available"
_MOST_REDIRECTS = 5
_START_PATIENCE = 20.0
_NGINX = "daemon off; user root; pid nginx.pid-of-nginx; error_log stderr; events {{}} http {{ access_log off; {paths}\n{text} }}"
_PATHS = " ".join(f"{what}_temp_path {what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
_CADDY = "{{\n\tadmin off\n\thttp_port {port}\n\thttps_port {tls}\n}}\n{text}"

Page = tuple[int, str]


@dataclass(frozen=True)
class Visitor:
    """Somebody on the other side of the proxy, who trusts whatever certificate it has."""

    port: int

    def ask(self, name: str, path: str, body: bytes | None = None) -> httpx.Response:
        """Send one request to the site of this name."""
        with httpx.Client(verify=False, timeout=60) as client:
            request = client.build_request(
                "GET" if body is None else "POST",
                f"https://127.0.0.1:{self.port}{path}",
                content=body,
                headers={"Host": name, **_type_of(body)},
                extensions={"sni_hostname": name},
            )
            return client.send(request)

    def see(self, name: str, path: str) -> Page:
        """Come as a browser does, redirects and all: the status and the text of what is shown."""
        answer = self.ask(name, path)
        for _ in range(_MOST_REDIRECTS):
            if not answer.is_redirect:
                break
            goal = urlsplit(answer.headers["location"])
            assert goal.hostname in {None, name}
            answer = self.ask(name, goal.path + (f"?{goal.query}" if goal.query else ""))
        return answer.status_code, answer.text


def _type_of(body: bytes | None) -> dict[str, str]:
    if body is None:
        return {}
    types = {b"<": "text/xml", b"{": "application/json"}
    return {"Content-Type": types.get(body[:1], "application/x-www-form-urlencoded")}


def nginx(directory: Path, text: str, port: int, tls: int) -> Program:
    text = text.replace("listen 443", f"listen 127.0.0.1:{tls}").replace("listen 80", f"listen 127.0.0.1:{port}")
    (directory / "nginx.conf").write_text(_NGINX.format(paths=_PATHS, text=text))
    words = [str(debian.program("nginx")), "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"]
    return Program(words, directory, "nginx")


def caddy(directory: Path, text: str, port: int, tls: int) -> Program:
    text = text.replace(":443 {", f":{tls} {{")  # where the site is all names
    (directory / "Caddyfile").write_text(_CADDY.format(port=port, tls=tls, text=text))
    words = [str(debian.program("caddy")), "run", "--config", "Caddyfile"]
    home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    return Program(words, directory, "caddy", environment=home)


PROXIES: dict[str, tuple[str, str, Callable[[Path, str, int, int], Program]]] = {
    "nginx": ("nginx.conf", "nginx-domains.conf", nginx),
    "caddy": ("Caddyfile", "Caddyfile-domains", caddy),
}


@contextmanager
def standing_before(host: RealHost, directory: Path, proxy: str, operators: str) -> Iterator[Visitor]:
    """Start a proxy with its configuration as it is to be copied, but for what an operator changes in it."""
    yours = {**_yours("example.com", host, directory), "10.0.0.0/8": operators}
    with _started(directory, proxy, DOMAIN, lambda: _edited(PROXIES[proxy][0], yours)) as visitor:
        yield visitor


@contextmanager
def standing_before_domains(host: RealHost, directory: Path, proxy: str, names: str) -> Iterator[Visitor]:
    """Start the proxy of customers' own domains, with the map of names that odoo-fleet wrote."""
    yours = {**_yours("customers", host, directory), "prod-1": "real"}

    def text() -> str:
        (directory / "names").write_text(names)
        if proxy == "caddy":
            return _edited(PROXIES[proxy][1], {**yours, "/etc/caddy/odoo-names": str(directory / "names")})
        upgrade = 'map $http_upgrade $connection_upgrade { default upgrade; "" ""; }'  # as nginx.conf has it
        return f"include names;\n{upgrade}\n{_edited(PROXIES[proxy][1], yours)}"

    with _started(directory, proxy, CUSTOMERS, text) as visitor:
        yield visitor


def _yours(certificate: str, host: RealHost, directory: Path) -> dict[str, str]:
    return {
        f"/etc/ssl/{certificate}.pem": str(directory / "proxy.pem"),
        f"/etc/ssl/{certificate}.key": str(directory / "proxy.key"),
        "/srv/www": str(DEPLOY),
        "127.0.0.1:8069": host.address.direct_url.removeprefix("http://"),
    }


def _edited(name: str, yours: Mapping[str, str]) -> str:
    text = (DEPLOY / name).read_text()
    for before, after in yours.items():
        assert before in text
        text = text.replace(before, after)
    return text


@contextmanager
def _started(directory: Path, proxy: str, domain: str, configured: Callable[[], str]) -> Iterator[Visitor]:
    debian.require_programs({"caddy": "caddy"} if proxy == "caddy" else {})
    directory.mkdir()
    now = datetime.now(UTC)
    made = make(directory, now - timedelta(days=1), now + timedelta(days=2), f"*.{domain}")
    made.file.rename(directory / "proxy.pem")
    made.key.rename(directory / "proxy.key")
    port, tls = free_port(), free_port()
    program, visitor = PROXIES[proxy][2](directory, configured(), port, tls), Visitor(tls)
    program.start()
    try:
        assert _answers(program, visitor), program.log_text()
        yield visitor
    finally:
        program.kill()


def _answers(program: Program, visitor: Visitor) -> bool:
    for _ in range(int(_START_PATIENCE / 0.1)):
        try:
            visitor.ask(OWN, "/")
        except httpx.TransportError:
            time.sleep(0.1)
            if not program.is_running:
                return False
        else:
            return True
    return False


def call(service: str, method: str) -> bytes:
    params = {"service": service, "method": method, "args": []}
    return json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).encode()


def xml(method: str) -> bytes:
    return f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params/></methodCall>".encode()


@needs_openssl
@PRODUCTION
@pytest.mark.parametrize("proxy", PROXIES)
def test_customers_reach_their_database_and_nobody_the_forms_for_the_master_password(
    tmp_path: Path, real_host: RealHost, proxy: str
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    acme_own, sleepy_own = f"erp{n}.{CUSTOMERS}", f"sleepy{n}.{CUSTOMERS}"
    fleet.write(
        template(n, modules="[base, web]"),
        instance(f"acme{n}", domains=f"[{acme_own}]", primary_domain=acme_own),
        instance(f"sleepy{n}", state="suspended", domains=f"[{sleepy_own}]"),
    )
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    acme, sleepy, nobody = (f"{name}.{DOMAIN}" for name in (f"acme{n}", f"sleepy{n}", "nobody"))

    with standing_before(real_host, tmp_path / proxy, proxy, "10.0.0.0/8") as visitor:
        status, text = visitor.see(acme, "/web/login")
        assert status == 200, text
        assert "oe_login_form" in text
        assert visitor.ask(acme, "/web/database/list", call("", "")).json()["result"] == [f"acme{n}"]
        assert visitor.ask(acme, "/xmlrpc/2/common", xml("version")).text.count("server_version")

        forms = ("manager", "selector", "create", "drop", "backup", "duplicate", "restore", "change_password")
        for path in [
            *(f"/web/database/{form}" for form in forms),
            "//web//database/manager",
            "/fr/web/database/manager",
        ]:
            for name in (acme, sleepy, nobody):
                status, text = visitor.see(name, path)
                assert (status, PAGE in text, "master_pwd" in text) == (503, True, False), (name, path)
                status = visitor.ask(name, path, b"master_pwd=x").status_code
                assert status == 503, (name, path)
        for path, body in {
            "/jsonrpc": call("db", "list"),
            "/fr/jsonrpc": call("db", "list"),
            "/xmlrpc/db": xml("list"),
            "/xmlrpc/2/db": xml("list"),
        }.items():
            assert visitor.ask(acme, path, body).status_code == 404, path

        # Whoever names the database is not stopped by `dbfilter`.
        common = xmlrpc.client.ServerProxy(f"{real_host.address.direct_url}/xmlrpc/2/common")
        assert common.login(suspended(f"sleepy{n}"), "admin", fleet.password("instance", f"sleepy{n}").reveal())

        for name in (sleepy, nobody):
            assert visitor.see(name, "/shop")[0] == 404
            for path in ("/", "/web", "/web/login"):
                status, text = visitor.see(name, path)
                assert (status, PAGE in text) == (503, True), (name, path)

        assert visitor.ask(OWN, "/jsonrpc", call("common", "version")).status_code in {403, 404}
        assert strangers_find(visitor.port) is CheckResult.PASSED
        assert strangers_find(int(real_host.address.direct_url.rpartition(":")[2]), "http") is CheckResult.FAILED

    names = render_routes(routes(fleet.desired, Inventory())[0], "tests", proxy)
    with standing_before_domains(real_host, tmp_path / f"{proxy}-domains", proxy, names) as visitor:
        status, text = visitor.see(acme_own, "/web/login")
        assert (status, "oe_login_form" in text) == (200, True), text
        for name, path in [
            (sleepy_own, "/web/login"),
            (f"nobody.{CUSTOMERS}", "/"),
            (acme_own, "/web/database/manager"),
        ]:
            status, text = visitor.see(name, path)
            assert (status, PAGE in text) == (503, True), (name, path)
        assert visitor.ask(acme_own, "/jsonrpc", call("db", "list")).status_code == 404

    with standing_before(real_host, tmp_path / f"{proxy}-own", proxy, "127.0.0.0/8") as visitor:
        assert "server_version" in visitor.ask(OWN, "/jsonrpc", call("common", "version")).text
        assert visitor.ask(OWN, "/xmlrpc/2/db", xml("server_version")).status_code == 200
        assert visitor.ask(OWN, "/web/database/manager").status_code == 404
        real_host.stop()
        status, text = visitor.see(acme, "/web/login")
        assert (status, PAGE in text) == (502, True)
        real_host.start()


def strangers_find(port: int, scheme: str = "https") -> CheckResult:
    """Look for the forms as `check` does."""

    async def look() -> CheckResult:
        transports = Transports()
        try:
            pages = LoginPages(transports.pages(TlsOptions(None, verify=False)), f"{scheme}://127.0.0.1:{port}")
            url = f"{scheme}://nobody.{DOMAIN}/web/database/manager"
            return judge_manager(url, await pages.fetch(url)).answer
        finally:
            await transports.aclose()

    return asyncio.run(look())
