"""The pictures of the docs: each that is shown is there, each that is there is shown, and none is large."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT

IMAGES = ROOT / "docs" / "images"
EACH, ALL = 150_000, 600_000
"""Bytes: what who reads the docs, or clones, may have to wait for."""


def shown() -> set[str]:
    """Return the pictures that documents show, from the root on."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {
        str((document.parent / found).resolve().relative_to(ROOT))
        for document in documents
        for found in re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", document.read_text())
    }


def test_each_picture_that_is_shown_is_there_and_each_that_is_there_is_shown() -> None:
    assert {str(file.relative_to(ROOT)) for file in IMAGES.iterdir()} == shown()
    assert len(shown()) > 1


def test_no_picture_is_large() -> None:
    sizes = {file.name: file.stat().st_size for file in IMAGES.iterdir()}
    assert [name for name, size in sizes.items() if size > EACH] == []
    assert sum(sizes.values()) <= ALL
