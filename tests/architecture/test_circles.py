"""Modules import each other one way: no circle, not even for types alone."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("reconciler", "schemas", cache_dir=None)
    assert "reconciler.core.model.names" in graph.find_modules_directly_imported_by(
        "reconciler.core.diffs.fleet_diffs"
    ), "it sees imports"
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))
