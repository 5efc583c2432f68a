"""Where an instance without a server goes: the addon's `get_available_server` rule, as a function of facts.

A server is eligible when it is active, online, has (or gets in this pass) the template, can do what the instance asks,
and has at least the minimum share of free capacity. Most free first, then `sequence`, then `code`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.policies.usage import GIGABYTE
from schemas.server import Server


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server as a place: `used` counts databases in service there and those that this pass is about to make.

    `stored` are the bytes that were measured of them.
    """

    server: Server
    online: bool
    has_template: bool
    supports: bool
    used: int
    paused: bool = False
    stored: int = 0

    @property
    def free_percent(self) -> float:
        """Share of `max_instances` that is free, in percent, or of `disk_gb` where that is less."""
        server = self.server
        free = 100.0 * (server.max_instances - self.used) / server.max_instances
        if server.disk_gb is not None:
            free = min(free, 100.0 - 100.0 * self.stored / (server.disk_gb * GIGABYTE))
        return max(0.0, free)


@dataclass(frozen=True, slots=True)
class Placing:
    """The place, or none; and for each server that was passed over, why."""

    server: str
    free_percent: float
    passed_over: tuple[tuple[str, str], ...]


def why_not(candidate: Candidate, min_free_percent: float) -> str:
    """Say why a server cannot take one more instance, or nothing if it can."""
    server = candidate.server
    if server.state != "active":
        return f"its state is {server.state}"
    if candidate.paused:
        return "it is paused"
    if not candidate.online:
        return "it is offline"
    if not candidate.has_template:
        return "the template is not there"
    if not candidate.supports:
        return f"Odoo {server.odoo_version} cannot do what the instance asks"
    if candidate.free_percent < min_free_percent or candidate.used >= server.max_instances:
        return f"{candidate.free_percent:.0f} % free, below the {min_free_percent:g} % that placement keeps"
    return ""


def place(candidates: Iterable[Candidate], min_free_percent: float) -> Placing:
    """Choose a server among the candidates.

    Args:
        candidates: every server of the fleet.
        min_free_percent: `placement.min_capacity_percent` of the fleet document.
    """
    eligible: list[Candidate] = []
    passed: list[tuple[str, str]] = []
    for candidate in candidates:
        reason = why_not(candidate, min_free_percent)
        if reason:
            passed.append((candidate.server.code, reason))
        else:
            eligible.append(candidate)
    eligible.sort(key=lambda c: (-c.free_percent, c.server.sequence, c.server.code))
    passed += [(c.server.code, f"{c.free_percent:.0f} % free") for c in eligible[1:]]
    best = eligible[0] if eligible else None
    return Placing(best.server.code if best else "", best.free_percent if best else 0.0, tuple(sorted(passed)))
