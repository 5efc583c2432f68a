"""What the web pages show of a daemon (`reconciler.web.app.View`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reconciler.core.policies import endings
from reconciler.daemon.daemon import Daemon
from reconciler.fleet.addresses import names_in_use
from reconciler.fleet.desired import Desired
from reconciler.health.standing import Standing
from reconciler.telemetry.metrics import Metrics


@dataclass(slots=True)
class DaemonView:
    """A daemon and its metrics, as pages."""

    daemon: Daemon
    counted: Metrics
    _names: tuple[Desired, date, frozenset[str]] | None = None

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

    def serves(self, name: str) -> bool:
        """Tell whether a host name is one of an instance that is not absent; worked out once for a text and a day."""
        if self.daemon.work is None:
            return False
        desired, now = self.daemon.work.rounds.desired, self.daemon.clock.now()
        if self._names is None or self._names[0] is not desired or self._names[1] != now.date():
            self._names = desired, now.date(), names_in_use(endings.in_force(desired, now))
        return name in self._names[2]
