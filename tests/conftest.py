"""The plugins that all tests may use, and what tests have to tell at the end of a run."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.hosts.fixtures"]

# How long an example takes says how busy the machine is.
settings.register_profile("on-any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("on-any-machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded under `told`: how much was tried is part of the answer. And in which order they ran."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "told" and report.when == "call":
                    terminalreporter.write_line(str(value))
    if seed := terminalreporter.config.getoption("randomly_seed", None):
        terminalreporter.write_line(f"in the order of SEED={seed}")
