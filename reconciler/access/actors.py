"""Who asked for something, and from where: what the history says of it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.access.roles import Role
from reconciler.access.tokens import Token


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever showed a token.

    Args:
        token: the one that was shown.
        address: where the request came from, as far as that is known.
    """

    token: Token
    address: str

    @property
    def role(self) -> Role:
        """What they may."""
        return self.token.role

    def __str__(self) -> str:
        return f"{self.token.called}, {self.role}, from {self.address}"
