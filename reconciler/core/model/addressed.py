"""How documents are named everywhere: `instance/acme`."""

from __future__ import annotations


class Addressed:
    """What is, or is about, a document of some kind and code."""

    __slots__ = ()

    kind: str
    code: str

    @property
    def address(self) -> str:
        """Name the document: `instance/acme`."""
        return f"{self.kind}/{self.code}"
