"""Why an archive is refused, in one sentence that says what was found and not what it holds."""

from __future__ import annotations


class NotWhole(Exception):
    """It is cut, damaged, or no backup of an Odoo database."""


class NotSafe(Exception):
    """It holds what no dump of PostgreSQL's own holds: restoring it would run somebody's program on the host."""
