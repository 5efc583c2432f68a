"""Waves: which databases that follow newer code may be upgraded now, and what the others wait for. Pure.

Where a rollout stands is what the databases say: which are behind, which were upgraded when, and whose upgrade failed. So
whoever decides next, a daemon that was started anew or another machine, goes on in the same wave.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.core.model.labels import concerns, labels_of
from reconciler.core.policies.upgrades import CURRENT, Key, ModulesState, policy
from reconciler.fleet.counting import some
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.upgrades import Rollout

_SHOWN = 3
_ALL = 100


@dataclass(frozen=True, slots=True)
class Course:
    """A rollout at a moment.

    `waves` are codes of instances, in the order of their upgrade. `waiting` says, by code, why one that is behind may not be
    upgraded now; who is not in it may be. `failures_left` is how many more upgrades may fail.
    """

    waves: tuple[tuple[str, ...], ...] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    failures_left: int = 0

    numbers: Mapping[str, int] = field(default_factory=dict)

    def wave_of(self, code: str) -> int | None:
        """Return the number of an instance's wave, from 1 on; None where it is in none."""
        return self.numbers.get(code)


def course(desired: Desired, standings: Mapping[Key, ModulesState], now: datetime) -> Course:
    """Say where the rollout of newer code stands.

    Args:
        desired: the fleet's text.
        standings: how the modules of databases stand; of whom nothing is known counts as not behind.
        now: the moment, UTC.
    """
    rollout = desired.settings.rollout
    of_codes = _by_code(standings)
    following = [i for i in desired.instances.values() if i.state != "absent" and policy(desired, i) == "follow"]
    waves = tuple(_waves(desired, rollout, following))
    failed = tuple(sorted(code for wave in waves for code in wave if of_codes.get(code, CURRENT).failed))
    waiting = dict(_waiting(rollout, waves, of_codes, failed, now))
    numbers = {code: number for number, wave in enumerate(waves, 1) for code in wave}
    waiting |= {i.code: _IN_NO_WAVE for i in following if i.code not in numbers}
    return Course(waves, waiting, failed, max(0, rollout.max_failures - len(failed)), numbers)


_IN_NO_WAVE = "it is in no wave of `rollout`: upgraded by hand alone, with `--target`"


def _by_code(standings: Mapping[Key, ModulesState]) -> Mapping[str, ModulesState]:
    """Return how each instance stands; of one that is on two servers, the one that is behind."""
    found: dict[str, ModulesState] = {}
    for (kind, code, _), standing in standings.items():
        if kind == "instance" and (code not in found or found[code].is_current):
            found[code] = standing
    return found


def _waves(desired: Desired, rollout: Rollout, following: Sequence[Instance]) -> Iterator[tuple[str, ...]]:
    """Yield the codes of each wave: in an order that is the same each time and mixes servers, templates and names."""
    left = sorted(following, key=lambda i: hashlib.sha256(i.code.encode()).digest())
    taken = 0
    for wave in rollout.waves:
        if wave.selector:
            meant = [i for i in left if concerns(wave.selector, labels_of("instance", i.code, i.server or "", desired))]
            chosen = meant[: _share(wave.percent, len(meant))]
        else:
            chosen = left[: max(0, _share(wave.percent, len(following)) - taken)]
        codes = {i.code for i in chosen}
        left = [i for i in left if i.code not in codes]
        taken += len(chosen)
        yield tuple(i.code for i in chosen)


def _share(percent: int, of_all: int) -> int:
    return math.ceil(percent * of_all / _ALL)


def _waiting(
    rollout: Rollout,
    waves: Sequence[Sequence[str]],
    standings: Mapping[str, ModulesState],
    failed: Sequence[str],
    now: datetime,
) -> Iterator[tuple[str, str]]:
    for code in failed:
        yield code, _by_hand(code, standings[code].failed)
    if len(failed) > rollout.max_failures:
        named = some(failed, _SHOWN)
        stopped = (
            f"the rollout has stopped: the upgrade of {named} failed, and `max_failures` is {rollout.max_failures}"
        )
        yield from ((code, stopped) for wave in waves for code in wave if _waits(code, standings, failed))
        return
    held, soaked_at, known = "", None, frozenset(failed)
    for number, wave in enumerate(waves, 1):
        if held or (soaked_at is not None and now < soaked_at):
            why = held or f"wave {number} of {len(waves)} begins at {soaked_at:%Y-%m-%d %H:%M} UTC"
            yield from ((code, why) for code in wave if _waits(code, standings, known))
        left = [code for code in wave if _waits(code, standings, known)]
        if left and not held:
            named = some(left, _SHOWN)
            held = f"wave {number} of {len(waves)} comes first: {named}"
        ended = [at for code in wave if (at := standings.get(code, CURRENT).upgraded) is not None]
        if ended:
            soaked = max(ended) + timedelta(minutes=rollout.soak_minutes)
            soaked_at = soaked if soaked_at is None else max(soaked_at, soaked)


def _waits(code: str, standings: Mapping[str, ModulesState], failed: Collection[str]) -> bool:
    return code not in failed and not standings.get(code, CURRENT).is_current


def _by_hand(code: str, why: str) -> str:
    return (
        f"its upgrade failed: {why}; once that is mended, `odoo-fleet apply --target {code}` tries again, and"
        f" `odoo-fleet restore {code}` brings its last backup back"
    )
