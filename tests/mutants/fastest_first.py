"""A plugin of pytest: the fastest tests first, by what each took while mutmut learned which tests reach what.

mutmut runs the tests of a mutant in no order and stops at the first that fails; most mutants fall to one that takes milliseconds.
What the fastest do not notice in a while counts as not noticed: a mutant that survived all tests would take minutes each time.
What fails in a property is not made smaller either: that it fails is all that is asked.
"""

from __future__ import annotations

import json
import os
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_STATS = Path("mutmut-stats.json")
_SECONDS = 15.0
"""How long the tests of one mutant may take together, by what each took before."""

_WANTS_ALL = ("stats", "list_all_tests")
"""What mutmut says while it learns which tests there are, and which reach what: it would forget what is not among them."""

settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those of which nothing is known come first."""
    if os.environ.get("MUTANT_UNDER_TEST") in _WANTS_ALL:
        return
    took: dict[str, float] = json.loads(_STATS.read_text())["duration_by_test"] if _STATS.exists() else {}
    items.sort(key=lambda item: took.get(item.nodeid, 0.0))
    whole = accumulate(took.get(item.nodeid, 0.0) for item in items)
    del items[max(1, sum(seconds <= _SECONDS for seconds in whole)) :]
