"""The three roles, as the addon had them. Each may what the one before it may, and more."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do, from the least to the most."""

    USER = "user"  # reads
    MANAGER = "manager"  # reads and operates
    ADMIN = "admin"  # everything, other people's tokens too

    def may(self, needed: Role) -> bool:
        """Tell whether this role is enough where another is needed."""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


ROLES = tuple(role.value for role in Role)
