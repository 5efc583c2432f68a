"""Text that a host or a file gave, made safe for a terminal: what is not printable is shown as an escape, never obeyed."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""Return the text with control characters, direction marks and the like written as `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
