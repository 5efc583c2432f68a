"""Tokens: 256 random bits that prove a role, kept as their SHA-256 alone; and whoever showed one, for the history.

Passwords need a slow hash since people choose them and others guess; nobody guesses 256 bits, so a fast one gives away nothing,
and checking a token at each request costs nothing either. What is kept opens nothing: no token can be computed from it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.access.roles import Role
from schemas.secrets import Secret

TOKEN_BYTES = 32
PREFIX = "odoo-fleet-"
"""What every token begins with, so that scanners for leaked secrets can know one."""

_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of one token.

    Args:
        hash: of the token, by `hash_of`.
        role: what it is good for.
        name: whose it is, for people; may be empty.
        made_at: when it was made.
        made_by: the account and the machine that made it.
        expires_at: from when on it is good for nothing; None for never.
    """

    hash: str = field(repr=False)
    role: Role
    name: str
    made_at: datetime
    made_by: str
    expires_at: datetime | None = None

    @property
    def id(self) -> str:
        """Name it: a part of its hash, which says nothing about the token."""
        return self.hash[:_ID_LENGTH]

    @property
    def called(self) -> str:
        """Name it for people."""
        return f"{self.name} ({self.id})" if self.name else f"token {self.id}"

    def is_good(self, now: datetime) -> bool:
        """Tell whether it has not ended yet."""
        return self.expires_at is None or now < self.expires_at

    def shown(self, now: datetime) -> dict[str, Any]:
        """Return what is shown of it: nothing of its hash but the id."""
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "made_at": self.made_at,
            "made_by": self.made_by,
            "expires_at": self.expires_at,
            "ended": not self.is_good(now),
        }


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


def write(random: bytes) -> Secret:
    """Write random bytes as a token.

    Raises:
        ValueError: there are fewer than 32.
    """
    if len(random) < TOKEN_BYTES:
        raise ValueError(f"a token is made of at least {TOKEN_BYTES} random bytes")
    return Secret(PREFIX + base64.urlsafe_b64encode(random).decode().rstrip("="))


def hash_of(text: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def find(tokens: Iterable[Token], text: str, now: datetime) -> Token | None:
    """Return the token that a text is, unless it has ended; how long that takes does not tell how near another text was."""
    wanted, found = hash_of(text), None
    for token in tokens:
        if hmac.compare_digest(token.hash, wanted):
            found = token
    return found if found is not None and found.is_good(now) else None
