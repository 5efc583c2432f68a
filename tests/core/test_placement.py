"""Where an instance without a server goes: most free first, then sequence, then code; and why not elsewhere."""

from __future__ import annotations

import pytest

from reconciler.core.policies.placement import Candidate, Placing, place, why_not
from reconciler.core.policies.usage import GIGABYTE
from schemas.server import Server
from tests.core.scenes import desired


def server(code: str, **fields: object) -> Server:
    return desired(servers=[code]).servers[code].model_copy(update=fields)


def candidate(code: str, used: int = 0, **fields: object) -> Candidate:
    return Candidate(server(code, **fields), online=True, has_template=True, supports=True, used=used)


def test_the_one_with_the_largest_share_free_is_chosen() -> None:
    chosen = place([candidate("big", 50, max_instances=100), candidate("small", 4, max_instances=10)], 20)
    assert chosen.server == "small"
    assert chosen.free_percent == 60.0


def test_equally_free_ones_are_taken_by_sequence_and_then_by_code() -> None:
    assert place([candidate("a", sequence=10), candidate("b", sequence=5)], 20).server == "b"
    assert place([candidate("c", sequence=5), candidate("b", sequence=5)], 20).server == "b"


def test_the_least_share_that_placement_keeps_is_exact() -> None:
    assert place([candidate("one", 80)], 20).server == "one"
    assert place([candidate("one", 81)], 20).server == ""
    assert place([candidate("one", 1, max_instances=1)], 0).server == "", "0 % is still no room for one more"


def test_more_databases_than_there_may_be_count_as_no_room() -> None:
    assert candidate("one", 150).free_percent == 0.0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"paused": True}, "it is paused"),
        ({"online": False}, "it is offline"),
        ({"has_template": False}, "the template is not there"),
        ({"supports": False}, "Odoo 19.0 cannot do what the instance asks"),
        ({"used": 90}, "10 % free, below the 20 % that placement keeps"),
        ({"stored": 17 * GIGABYTE}, "15 % free, below the 20 % that placement keeps"),
    ],
)
def test_each_reason_against_a_server_is_said(change: dict[str, object], why: str) -> None:
    fields: dict[str, object] = {"online": True, "has_template": True, "supports": True, "used": 0, **change}
    one = Candidate(server("one", disk_gb=20), **fields)  # type: ignore[arg-type]
    assert why_not(one, 20) == why
    assert place([one], 20).passed_over == (("one", why),)


@pytest.mark.parametrize("state", ["maintenance", "disabled", "draft"])
def test_only_active_servers_take_new_instances(state: str) -> None:
    assert why_not(candidate("one", state=state), 20) == f"its state is {state}"


def test_whoever_was_passed_over_is_listed_with_how_free_it_is() -> None:
    chosen = place([candidate("a", 10), candidate("b", 20), candidate("c", 95)], 20)
    assert chosen.passed_over == (("b", "80 % free"), ("c", "5 % free, below the 20 % that placement keeps"))


def test_without_servers_there_is_no_place() -> None:
    assert place([], 20) == Placing("", 0.0, ())
