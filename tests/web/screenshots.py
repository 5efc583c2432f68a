"""Draws the pictures of docs/images: pages of the sample fleet at one moment of virtual time, in Debian's Chromium.

python -m tests.web.screenshots DIRECTORY
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Route, sync_playwright

from tests.hosts.debian import program, require_programs, run
from tests.web.shown_fleet import PAGE, pages

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Shot:
    """One picture: a page in a window of this size."""

    path: str
    width: int = 1180
    height: int = 800


SHOTS: Mapping[str, Shot] = {
    "page-fleet": Shot("/", height=806),
    "page-servers": Shot("/servers?view=board", height=520),
    "page-instance": Shot("/instances/acme", height=640),
    "page-changes": Shot("/changes", height=640),
    "page-health": Shot("/servers/prod-1?tab=health", height=640),
    "page-phone": Shot("/", width=390, height=850),
}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser until the block ends."""
    require_programs({"chromium": "chromium"})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def draw(browser: Browser, found: Mapping[str, str], into: Path) -> None:
    """Draw each picture of these pages (path to HTML) as a PNG of few colours."""
    require_programs({"pngquant": "pngquant"})

    def answer(route: Route) -> None:
        address = urlsplit(route.request.url)
        path = f"{address.path}?{address.query}" if address.query else address.path
        if path in found:
            route.fulfill(body=found[path], content_type="text/html; charset=utf-8")
        else:
            file = PAGE / Path(address.path).name
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])

    for name, shot in SHOTS.items():
        context = browser.new_context(
            viewport={"width": shot.width, "height": shot.height},
            color_scheme="light",
            java_script_enabled=False,  # there is no daemon to tell it news
        )
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(f"http://fleet.example{shot.path}")
        picture = into / f"{name}.png"
        page.screenshot(path=picture)
        context.close()
        run([program("pngquant"), "--force", "--strip", "--speed", "1", "--output", picture, "128", picture])


if __name__ == "__main__":
    drawn = pages({shot.path for shot in SHOTS.values()})
    with chromium() as running:
        draw(running, drawn, IMAGES)
