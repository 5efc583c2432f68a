"""What can be ordered of a daemon, and what it answers: the words that the API, the page and the daemon share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Wish(StrEnum):
    """What is to be done to an instance."""

    CREATE = "create"
    CHANGE = "change"
    END = "end"


@dataclass(frozen=True, slots=True)
class Order:
    """One order.

    Args:
        wish: what is to be done.
        code: of the instance; empty where one is to be found for a new one.
        fields: of its document: all of a new one, or those that change, with None for what is to be taken out.
        key: what it is known by when it is sent again; may be empty.
    """

    wish: Wish
    code: str
    fields: Mapping[str, Any]
    key: str = ""

    @property
    def digest(self) -> str:
        """Tell it from any other order."""
        text = json.dumps([self.wish, self.code, self.fields], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ordered:
    """What became of an order.

    Args:
        code: of the instance.
        commit: what holds it; where nothing had to change, the newest commit that was looked at.
        branch: where that commit is.
        file: the file that it wrote, from the root of the repository on; empty where nothing had to change.
        changed: whether the text says anything else than before.
    """

    code: str
    commit: str
    branch: str
    file: str
    changed: bool
