"""Which metrics an expression of Prometheus uses, and which there are."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.telemetry.scenes import NOW, STANDING, lived

_NAME = re.compile(r"\b(?:odoo_fleet|process)_\w+\b")


def metrics_used(expression: str) -> set[str]:
    """The series that an expression names, as they are stored (`…_bucket`, `…_count`)."""
    return set(_NAME.findall(expression))


def metrics_that_exist() -> set[str]:
    """All series that a daemon can have."""
    text = lived(per_instance=True).render(STANDING, NOW).decode()
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
