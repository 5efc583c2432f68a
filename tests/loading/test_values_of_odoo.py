"""What Odoo itself has is no problem in a fleet's text: compared with the data of a real 14 and 19.

Where the distributions are not unpacked, with the facts that `tests/loading/odoo_facts.py` took out of them.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schemas.texts import OWNED_PARAMETERS, CountryCode, GroupName, Language, Line, ModuleName, ParameterKey
from schemas.timezones import check_timezone
from tests.loading.odoo_facts import DISTRIBUTIONS, facts_of

KEPT: dict[str, set[str]] = {
    kind: set(" ".join(lines).split())
    for kind, lines in json.loads(Path(__file__).with_name("odoo_facts.json").read_text()).items()
}
KINDS: dict[str, Callable[[str], object]] = {
    "countries": TypeAdapter(CountryCode).validate_python,
    "groups": TypeAdapter(GroupName).validate_python,
    "languages": TypeAdapter(Language).validate_python,
    "logins": TypeAdapter(Line).validate_python,
    "modules": TypeAdapter(ModuleName).validate_python,
    "parameters": TypeAdapter(ParameterKey).validate_python,
    "timezones": check_timezone,
}
AT_LEAST = {
    "countries": 249,
    "groups": 100,
    "languages": 80,
    "logins": 4,
    "modules": 500,
    "parameters": 100,
    "timezones": 550,
}


@functools.cache
def facts(version: str) -> dict[str, set[str]]:
    """Read one version where it is, and what is kept of both where it is not."""
    return facts_of(version) or KEPT


def refused(kind: str, values: set[str]) -> set[str]:
    found = set()
    for value in values:
        try:
            KINDS[kind](value)
        except (ValidationError, PydanticCustomError):
            found.add(value)
    return found


@pytest.mark.parametrize("version", DISTRIBUTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_value_of_odoo_s_own_is_refused_but_parameters_that_the_tool_sets(kind: str, version: str) -> None:
    values = facts(version)[kind]
    assert len(values) >= (AT_LEAST[kind] if values is KEPT[kind] else 1)
    assert refused(kind, values) == (set(OWNED_PARAMETERS) & values if kind == "parameters" else set())


@pytest.mark.parametrize("version", DISTRIBUTIONS)
def test_what_is_kept_of_the_facts_is_what_odoo_has(version: str) -> None:
    found: dict[str, Any] = facts(version)
    assert set(found) == set(KINDS) == set(KEPT)
    assert {kind: values - KEPT[kind] for kind, values in found.items() if values - KEPT[kind]} == {}


def test_what_looks_like_a_value_of_odoo_s_and_is_none_is_refused() -> None:
    """What would let everything pass would pass above as well."""
    wrong = {
        "countries": "Belgium",
        "groups": "group_user",
        "languages": "fr-BE",
        "logins": " admin",
        "modules": "sale-x",
        "parameters": "odoo_fleet.x",
        "timezones": "Europe/Bruxelles",
    }
    assert {kind for kind, value in wrong.items() if refused(kind, {value})} == set(KINDS)


def test_zones_by_their_former_names_are_known_where_the_system_has_no_zones_at_all() -> None:
    program = (
        "from schemas.timezones import check_timezone as c; c('US/Eastern'); c('Asia/Calcutta')\n"
        "try: c('Europe/Bruxelles')\n"
        "except Exception: print('refused')"
    )
    environ = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True)
    assert done.stdout == "refused\n"
