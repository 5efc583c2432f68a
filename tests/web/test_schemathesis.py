"""Schemathesis asks a real daemon whatever its description allows and much that it does not: no 5xx, nothing undescribed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from reconciler.access.roles import Role
from tests.web.live import live

EXAMPLES = 12
"""Of each operation; with all operations some 20 s."""

_MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_asked_is_answered_as_described(tmp_path: Path) -> None:
    with live(tmp_path, orders=True) as daemon:
        headers = {"Authorization": f"Bearer {daemon.tokens[Role.ADMIN]}"}
        schema = schemathesis.openapi.from_url(f"{daemon.url}/api/v1/openapi.json", headers=headers)
        operations = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
        for operation in operations:
            if operation.label != "DELETE /api/v1/tokens/{id}":  # it would revoke the token that asks
                _asking(operation, headers)()
        labels = {operation.label for operation in operations}
        assert {"GET /api/v1/instances", "POST /api/v1/pause", "GET /api/v1/servers/{code}"} <= labels
        assert {"POST /api/v1/instances", "PATCH /api/v1/instances/{code}", "DELETE /api/v1/instances/{code}"} <= labels


def _asking(operation: Any, headers: dict[str, str]) -> Callable[[], None]:
    excluded = [ignored_auth]
    if "/instances" in operation.path:  # what an order may say is for the whole fleet to judge: 422 with its problems
        excluded.append(positive_data_acceptance)
    if (
        operation.method.upper() == "GET"
    ):  # an address has text alone: `kind=` is what no text and an empty object are written as
        excluded.append(negative_data_rejection)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in _MODES)))
    def ask(case: Any) -> None:
        # Without a token it is refused, which `test_api_doors` shows; so often in a row that 429 is the right answer.
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    found: Callable[[], None] = ask
    return found
