"""What a store can do wrong, as one exception that says what, where and what to do. It never holds SQL or its parameters."""

from __future__ import annotations

from reconciler.core.model.failures import MemoryFailure

DELETABLE = "it may be deleted: that loses history, pauses made by command and what a shrunken list is compared with, no database"


class StoreError(MemoryFailure):
    """The store cannot be used.

    Args:
        what: what is wrong, without a full stop.
        where: the file, or the address without its password.
        advice: what the person at the other end can do.
    """

    def __init__(self, what: str, *, where: str, advice: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        return f"store {self.where}: {self.what} ({self.advice})"
