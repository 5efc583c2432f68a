"""Lines of the health of a server over its last looks, as points of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.health.signs import CAPACITY, LATENCY
from reconciler.health.verdicts import HealthRecord
from reconciler.web.page.languages import N_

WIDTH, HEIGHT = 300, 60


@dataclass(frozen=True, slots=True)
class Chart:
    """One line, the oldest look first; `points` are those of a polyline in a box of `WIDTH` by `HEIGHT`."""

    title: str
    unit: str
    points: str
    least: float
    most: float
    last: float


def strip(history: Sequence[HealthRecord]) -> list[tuple[str, float, float]]:
    """Draw how healthy a server was at each look, the oldest first: the status, where it begins, and how wide it is."""
    width = WIDTH / max(1, len(history))
    return [(each.status.value, number * width, width) for number, each in enumerate(reversed(history))]


def charts(history: Sequence[HealthRecord]) -> list[Chart]:
    """Draw latency and free capacity.

    Args:
        history: looks, newest first.
    """
    drawn = []
    for sign, title, unit in ((LATENCY.name, N_("Latency"), "ms"), (CAPACITY.name, N_("Free capacity"), "%")):
        values = [float(found) for each in reversed(history) if (found := each.signs.get(sign)) is not None]
        if len(values) > 1:
            drawn.append(_chart(title, unit, values))
    return drawn


def _chart(title: str, unit: str, values: Sequence[float]) -> Chart:
    top = 100.0 if unit == "%" else max(*values, 1.0) * 1.1
    step = WIDTH / (len(values) - 1)
    points = " ".join(f"{number * step:.1f},{HEIGHT * (1 - value / top):.1f}" for number, value in enumerate(values))
    return Chart(title, unit, points, min(values), max(values), values[-1])
