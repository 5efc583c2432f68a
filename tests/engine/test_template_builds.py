"""A template's build and the names on its host: one that is taken stops it, unless it takes the other's place in the end."""

from __future__ import annotations

import pytest

from reconciler.core.model.failures import DatabaseExists
from tests.engine.memory_host import MemoryHost
from tests.engine.test_building_refusals import BASE, TEMPLATE_NAME, builder, create, ready, said
from tests.engine.test_taking_in import making_way
from tests.harness.virtual_time import run


@pytest.mark.parametrize("taken", ["template_base", "suspended.template_base", "switching.template_base"])
def test_nothing_is_created_where_a_form_of_the_name_exists_listed_or_not(taken: str) -> None:
    host = MemoryHost()
    failure = create(host, exists={taken})
    assert said(failure)[0::3] == (DatabaseExists, taken)
    assert host.done("create") == []


def test_a_new_version_is_whole_and_proven_before_the_present_one_makes_way_for_it() -> None:
    host = ready()
    steps: list[str] = []
    run(builder(host, steps).create_template(BASE, making_way(host, "template_base", steps)))
    proven = ["creating", "settings", "modules", "verifying"]
    assert steps == [*proven, "out of the way", "publishing", "in its place"]
    assert host.databases["template_base"].uuid == f"uuid of {TEMPLATE_NAME}"
    assert set(host.databases) == {"template_base", "trash"}
