"""A run that was cut short while modules came into a neutralized database leaves it asleep: the next one ends that."""

from __future__ import annotations

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.failures import ProofFailed
from tests.core.scenes import desired, instance, mark_for
from tests.engine.memory_host import Kept
from tests.engine.test_carrying_out import Stand, act

CONFIGURE = act(verbs.CONFIGURE)
CALLS = ("keep_asleep", "install", "apply_settings", "neutralize", "still_live", "let_go", "wake")


def left_asleep(*, neutralize: bool) -> tuple[Stand, Kept]:
    stand = Stand(desired(instance("acme", neutralize=str(neutralize).lower())))
    kept = stand.host.hold(stand.spec("instance/acme"))
    kept.quiet, kept.seen = neutralize, {"asleep": True}
    return stand, kept


@pytest.mark.parametrize(
    ("neutralize", "calls"),
    [
        (True, ["keep_asleep", "install", "apply_settings", "neutralize", "still_live", "let_go"]),
        (False, ["install", "apply_settings", "let_go"]),
    ],
)
def test_it_is_let_go_once_more_after_it_is_proven_if_it_is_to_be_neutralized(
    calls: list[str], *, neutralize: bool
) -> None:
    stand, kept = left_asleep(neutralize=neutralize)
    stand.perform(CONFIGURE)
    assert [call[0] for call in stand.host.done(*CALLS)] == calls
    assert stand.told == ["acme: modules"]
    assert kept.seen == {}
    assert kept.mark == mark_for(stand.spec("instance/acme"), kept.uuid)


def test_what_is_not_proven_neutralized_stays_asleep() -> None:
    stand, kept = left_asleep(neutralize=True)
    stand.host.answers["still_live"] = ("1 mail server",)
    assert stand.fails(CONFIGURE) == (ProofFailed, "it is not neutralized: 1 mail server", "", "acme")
    assert stand.host.done("let_go") == []
    assert kept.seen == {"asleep": True}
