"""Logging in with a real provider (npm's oidc-provider, which is certified) in a real browser, on sites of their own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from reconciler.access.roles import Role
from tests.hosts import npm
from tests.hosts.debian import OdooUnavailable, program
from tests.web.live import live
from tests.web.test_in_chromium import chromium as chromium  # noqa: PLC0414 -- a fixture

pytestmark = pytest.mark.deploy
HERE = Path(__file__).parent / "oidc"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The provider's packages, as its lock file has them."""
    try:
        return npm.obtain("oidc-provider", HERE)
    except OdooUnavailable as why:
        pytest.skip(str(why))


@contextlib.contextmanager
def provider(place: Path, port: int, back: str) -> Iterator[None]:
    """Run it until the block ends."""
    shutil.copy(HERE / "provider.mjs", place)
    command = [str(program("node")), "provider.mjs", str(port), back]
    process = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        assert any(line.strip() == "listening" for line in process.stdout)
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def log_in(page: Page, name: str) -> None:
    """Go through the provider's own forms; who was there before is not asked again."""
    page.get_by_role("link", name="Log in with localhost").click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button").click()
    page.get_by_role("button", name="Continue").click()


def test_people_log_in_with_a_real_provider(tmp_path: Path, chromium: Browser, node_modules: Path) -> None:
    ours, theirs = free_port(), free_port()
    back = f"http://127.0.0.1:{ours}/login/provider/callback"
    secret = tmp_path / "secret"
    secret.write_text("the secret\n")
    more = (
        f"--oidc-issuer=http://localhost:{theirs}", "--oidc-client-id=fleet", f"--oidc-client-secret=file:{secret}",
        "--oidc-role=fleet-managers=manager", "--oidc-scope=profile", "--oidc-scope=groups",
    )  # fmt: skip
    with live(tmp_path, listen=f"127.0.0.1:{ours}", more=more) as daemon:
        page = chromium.new_context().new_page()
        page.goto(f"{daemon.url}/instances/bistro?tab=history")
        page.get_by_role("link", name="Log in with localhost").click()
        page.get_by_text("the provider does not answer").wait_for()
        page.fill("#token", daemon.tokens[Role.USER])
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").click()
        with provider(node_modules, theirs, back):
            page.goto(f"{daemon.url}/instances/bistro?tab=history")
            log_in(page, "anna")
            page.get_by_role("heading", name="Bistro").wait_for()
            assert page.url == f"{daemon.url}/instances/bistro?tab=history"
            assert "anna Real" in page.inner_text("header")
            page.get_by_text("Pause this instance…").click()
            page.get_by_role("button", name="Pause", exact=True).click()
            page.get_by_text("was paused by anna Real").wait_for()
            page.get_by_role("button", name="Log out").click()
            page.locator("#token").wait_for()
            known_at = time.monotonic()
            page.context.clear_cookies()
            page.goto(daemon.url)
            log_in(page, "bob")
            page.get_by_text("you are in none of the groups").wait_for()
        page.context.clear_cookies()
        with provider(node_modules, theirs, back):  # which has other keys now
            time.sleep(max(0.0, known_at + 10.5 - time.monotonic()))
            page.goto(daemon.url)
            log_in(page, "anna")
            page.get_by_text("anna Real").first.wait_for()
        page.context.close()
