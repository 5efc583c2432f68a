"""The page for reviewers shows what they get: each of its examples is in a snapshot, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/reviewing.md"
EXAMPLES = re.findall(r"^```(?:markdown|text)\n(.*?)\n```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
SNAPSHOTS = [file.read_text() for file in sorted((Path(__file__).parent / "snapshots").glob("*.md"))]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_what_a_pull_request_got(example: str) -> None:
    assert any(f"\n{example}\n" in page for page in SNAPSHOTS)


def test_there_are_examples_of_both_checks() -> None:
    assert len(EXAMPLES) == 8
