"""The pictures of the page in the docs are made by `make screenshots`, and come out alike each time."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.hosts.debian import OdooUnavailable
from tests.web.screenshots import IMAGES, SHOTS, chromium, draw
from tests.web.shown_fleet import pages

pytestmark = pytest.mark.deploy


def test_what_is_drawn_twice_is_the_same_picture_and_has_the_size_of_that_of_the_docs(tmp_path: Path) -> None:
    paths = {shot.path for shot in SHOTS.values()}
    found = [pages(paths), pages(paths)]
    try:
        with chromium() as browser:
            for number, each in enumerate(found):
                place = tmp_path / str(number)
                place.mkdir()
                draw(browser, each, place)
    except OdooUnavailable as why:
        pytest.skip(str(why))
    for name in SHOTS:
        first, again = ((tmp_path / number / f"{name}.png").read_bytes() for number in "01")
        assert first == again, name
        assert size(first) == size((IMAGES / f"{name}.png").read_bytes()), f"{name}: run `make screenshots`"


def size(png: bytes) -> tuple[int, int]:
    """Return how wide and high a PNG is."""
    wide, high = struct.unpack(">II", png[16:24])
    return wide, high
