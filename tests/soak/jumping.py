"""The command `odoo-fleet` with a clock that jumps: the seconds in a file, which ODOO_FLEET_SKEW names, are added to the time."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler import wiring
from reconciler.__main__ import main

SKEW = "ODOO_FLEET_SKEW"


class JumpingClock(wiring.SystemClock):
    def now(self) -> datetime:
        try:
            skew = float(Path(os.environ[SKEW]).read_text())
        except (OSError, ValueError):
            skew = 0.0
        return datetime.now(UTC) + timedelta(seconds=skew)


if __name__ == "__main__":
    wiring.SystemClock = JumpingClock  # type: ignore[misc]
    sys.exit(main(sys.argv[1:]))
