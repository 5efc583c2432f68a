"""What the web pages show of a daemon (`reconciler.web.app.View`)."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.daemon.daemon import Daemon
from reconciler.health.standing import Standing
from reconciler.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class DaemonView:
    """A daemon and its metrics, as pages."""

    daemon: Daemon
    counted: Metrics

    def standing(self) -> Standing:
        """How things stand."""
        return self.daemon.standing

    def metrics(self) -> bytes:
        """The metrics, as text."""
        return self.counted.render(self.daemon.standing, self.daemon.clock.now())

    def alive(self) -> str:
        """Why it should be started again; nothing if it should not."""
        return self.daemon.alive()

    def ready(self) -> str:
        """Why it does not keep its fleet; nothing if it does."""
        return self.daemon.ready()
