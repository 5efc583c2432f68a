"""The page in Debian's Chromium: log-in, pages, buttons, keyboard; nothing that axe finds serious, no other host, no error.

With ODOO_FLEET_SCREENSHOTS=DIR each page is also drawn into that directory, wide and light, narrow and dark.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from reconciler.access.roles import Role
from tests.hosts.debian import OdooUnavailable, program, require_programs
from tests.hosts.proxy import Proxy
from tests.web.live import Live, live

pytestmark = pytest.mark.deploy
AXE = Path(__file__).parent / "axe" / "axe.min.js"
PAGES = (
    "/", "/servers", "/servers?view=board", "/servers/prod-1", "/servers/prod-1?tab=instances", "/servers/prod-1?tab=health",
    "/templates", "/templates/restaurant", "/plans", "/plans/starter", "/instances", "/instances/acme",
    "/instances/acme?tab=configuration", "/instances/acme?tab=history", "/changes", "/events", "/passes",
    "/instances?state=nonsense",
)  # fmt: skip
WIDE, NARROW = (1280, 900), (390, 844)


@dataclass
class Window:
    """A window of a browser, and all that went wrong in it."""

    page: Page
    daemon: Live
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.troubles.append(said.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.daemon.url):
            self.troubles.append(request.url)

    def open(self, path: str) -> None:
        self.page.goto(self.daemon.url + path)

    def log_in(self, role: Role) -> None:
        self.open("/login")
        self.page.fill("#token", self.daemon.tokens[role])
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", level=1).wait_for()

    def check(self) -> None:
        """Look for what keeps people out, and for what does not fit into the window."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        grave = [
            (each["id"], each["help"], [node["html"][:120] for node in each["nodes"]])
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
        assert grave == [], self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{self.page.url} is too wide"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live"), orders=True) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        require_programs({"chromium": "chromium"})
    except OdooUnavailable as why:
        pytest.skip(str(why))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, daemon: Live) -> Iterator[Window]:
    context = chromium.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    found = Window(context.new_page(), daemon)
    yield found
    context.close()
    assert found.troubles == []


@pytest.mark.parametrize(
    ("size", "scheme", "language"),
    [(WIDE, "light", "en"), (NARROW, "dark", "fr"), (WIDE, "dark", "fr"), (NARROW, "light", "en")],
)
def test_every_page_can_be_used_by_everybody_at_every_size(
    chromium: Browser, daemon: Live, size: tuple[int, int], scheme: str, language: str
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    context = chromium.new_context(viewport=viewport, color_scheme=scheme, locale=language)  # type: ignore[arg-type]
    window = Window(context.new_page(), daemon)
    window.open("/login")
    window.check()
    window.log_in(Role.MANAGER)
    shots = os.environ.get("ODOO_FLEET_SCREENSHOTS")
    for path in PAGES:
        window.open(path)
        assert window.page.get_attribute("html", "lang") == language
        window.check()
        if shots:
            name = path.strip("/").translate(str.maketrans("/?=", "---")) or "fleet"
            window.page.screenshot(path=Path(shots) / f"{name}-{size[0]}-{scheme}-{language}.png", full_page=True)
    context.close()
    assert [each for each in window.troubles if "422" not in each] == []


def test_a_manager_pauses_and_resumes_and_the_page_says_so(window: Window) -> None:
    window.log_in(Role.MANAGER)
    window.open("/instances/bistro")
    window.page.get_by_text("Pause this instance…").click()
    window.page.get_by_placeholder("for whoever meets it").fill("a call")
    window.page.get_by_role("button", name="Pause", exact=True).click()
    window.page.get_by_role("status").wait_for()
    assert "instance/bistro is paused" in window.page.inner_text("main")
    window.check()
    window.page.get_by_role("button", name="Resume").click()
    window.page.get_by_text("Resumed: what was held back").wait_for()
    window.page.get_by_role("button", name="Reconcile now").click()
    window.page.get_by_text("Under way").wait_for()
    window.open("/events")
    said = window.page.inner_text("main")
    assert "instance/bistro was paused by a-manager" in said
    assert "asked to have prod-" in said


def test_a_user_has_no_buttons_and_logs_out(window: Window) -> None:
    window.log_in(Role.USER)
    window.open("/servers/prod-1")
    assert [each.inner_text() for each in window.page.get_by_role("button").all()] == ["Français", "Log out"]
    window.page.get_by_role("button", name="Log out").click()
    window.page.get_by_label("Token").wait_for()
    window.open("/instances")
    assert "/login?next=" in window.page.url


def test_the_keyboard_is_enough(window: Window) -> None:
    window.open("/login")
    window.page.keyboard.type(window.daemon.tokens[Role.USER])
    window.page.keyboard.press("Enter")
    window.page.get_by_role("heading", level=1).wait_for()
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.textContent") == "Skip to content"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "main"
    window.open("/instances")
    window.page.keyboard.press("/")
    window.page.keyboard.type("acme")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**q=acme*")
    assert "1 of 3" in window.page.inner_text("main")


def test_it_renews_itself_and_is_whole_without_scripts(chromium: Browser, daemon: Live) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    window = Window(context.new_page(), daemon)
    window.log_in(Role.USER)
    daemon.world.run("pause", "server/prod-2", "--reason", "a new disk")
    window.page.get_by_text("a new disk").first.wait_for(timeout=20_000)
    daemon.world.run("resume", "server/prod-2")
    context.close()
    assert window.troubles == []
    plain = chromium.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(daemon.url)
    page.fill("#token", daemon.tokens[Role.MANAGER])
    page.get_by_role("button", name="Log in").click()
    assert "3 instances" in " ".join(page.inner_text("main").split())
    page.goto(f"{daemon.url}/servers/prod-1")
    page.get_by_text("Pause this server…").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    assert "server/prod-1 is paused" in page.inner_text("main")
    page.get_by_role("button", name="Resume").click()
    plain.close()


def test_a_pass_is_seen_as_it_goes_on_through_nginx_as_it_is(chromium: Browser, daemon: Live, tmp_path: Path) -> None:
    require_programs({"nginx": "nginx"})
    proxy = Proxy(tmp_path / "nginx", urlsplit(daemon.url).port or 0)
    proxy.start()
    window = Window(chromium.new_context().new_page(), replace(daemon, url=f"http://127.0.0.1:{proxy.port}"))
    asked: list[str] = []
    for host in daemon.world.hosts.values():
        host.faults.add("db.duplicate_database:latency=2s")  # or else it is over before it is drawn
    try:
        window.log_in(Role.MANAGER)
        with window.page.expect_request("**/live"):
            window.open("/passes")
        window.page.on("request", lambda request: asked.append(request.url))
        headers = {"Authorization": f"Bearer {daemon.tokens[Role.MANAGER]}"}
        order = {"code": "watched", "company": "Watched", "template": "restaurant", "plan": "starter"}
        ordered = httpx.post(f"{daemon.url}/api/v1/instances", json=order, headers=headers, trust_env=False, timeout=30)
        assert ordered.is_success, ordered.text
        bar = window.page.locator("#progress progress")
        bar.first.wait_for(timeout=20_000)
        assert "instance/watched" in window.page.inner_text("#progress")
        bar.first.wait_for(state="detached", timeout=20_000)
        window.page.locator("tbody tr").nth(1).wait_for(timeout=20_000)
        assert len(asked) <= 6, "it asks when there is news, and not in between"
    finally:
        window.page.context.close()
        proxy.stop()
        for host in daemon.world.hosts.values():
            host.faults.clear()
    assert window.troubles == []


def until_declared(daemon: Live, code: str, state: str) -> None:
    """Wait until the daemon has read what was ordered."""
    for _ in range(100):
        answer = daemon.ask(f"/api/v1/instances/{code}")
        if answer.status_code == 200 and answer.json()["item"]["declared"]["state"] == state:
            return
        time.sleep(0.2)
    raise AssertionError(f"{code} is not declared {state}")


def test_a_manager_orders_an_instance_without_knowing_yaml(window: Window) -> None:
    window.log_in(Role.MANAGER)
    window.open("/instances")
    window.page.get_by_text("New instance…").click()
    window.check()
    window.page.get_by_label("Company").fill("Zoé SA")
    window.page.get_by_label("Owner's name").fill("Zoé")
    window.page.get_by_label("Owner's login").fill("zoe@zoe.example")
    window.page.get_by_role("button", name="Order", exact=True).click()
    window.page.get_by_text("Ordered: the text says so").wait_for()
    until_declared(window.daemon, "zoe-sa", "active")
    window.open("/instances/zoe-sa")
    window.page.get_by_text("Change…").click()
    window.check()
    window.page.get_by_label("State").select_option("suspended")
    window.page.get_by_role("button", name="Change", exact=True).click()
    window.page.get_by_text("Ordered: the text says so").wait_for()
    until_declared(window.daemon, "zoe-sa", "suspended")
