"""A plugin of pytest: the fastest tests first, by what each took while mutmut learned which tests reach what.

mutmut runs the tests of a mutant in no order and stops at the first that fails; most mutants fall to one that takes milliseconds.
What the fastest do not notice in a while counts as not noticed: a mutant that survived all tests would take minutes each time.
What fails in a property is not made smaller either: that it fails is all that is asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_STATS = Path("mutmut-stats.json")
_SECONDS = 15.0
"""How long the tests of one mutant may take together, by what each took before."""


def pytest_configure() -> None:
    """Let a property that fails be enough."""
    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those of which nothing is known come first."""
    took = _took()
    items.sort(key=lambda item: took.get(item.nodeid, 0.0))


def tried(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the first of some sorted tests that together take no longer than those of one mutant may, at least one."""
    took = _took()
    whole = accumulate(took.get(item.nodeid, 0.0) for item in items)
    return list(items[: max(1, sum(seconds <= _SECONDS for seconds in whole))])


def _took() -> dict[str, float]:
    found: dict[str, float] = json.loads(_STATS.read_text())["duration_by_test"] if _STATS.exists() else {}
    return found
