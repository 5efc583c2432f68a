"""Lines for a terminal: wrapped to its width, and coloured where it shows colours. Meaning never hangs on a colour alone."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from enum import StrEnum

from reconciler.reports.escapes import visible


class Tone(StrEnum):
    """What a colour says; the value is the terminal's code for it."""

    ADD = "32"
    CHANGE = "33"
    REMOVE = "31"
    GOOD = "32"
    BAD = "31"
    DOUBT = "33"
    STRONG = "1"
    FAINT = "2"


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: so many columns, with or without colours."""

    width: int = 80
    colour: bool = False

    def paint(self, text: str, tone: Tone | None) -> str:
        """Colour a text that is safe already."""
        return f"\x1b[{tone.value}m{text}\x1b[0m" if self.colour and tone else text

    def paragraph(self, text: str, *, indent: int = 0, head: str = "", tone: Tone | None = None) -> list[str]:
        """Wrap a text below an indent. `head` stands in front of its first line in `tone`; further lines hang below the text."""
        head, room = visible(head), " " * indent
        hang = min(indent + len(head), self.width // 2)
        wrapped = textwrap.wrap(
            visible(text), max(20, self.width - hang), break_long_words=False, break_on_hyphens=False
        ) or [""]
        first = f"{room}{self.paint(head, tone)}{wrapped[0]}".rstrip()
        return [first, *(" " * hang + line for line in wrapped[1:])]


UNFOLDED = Paper(width=100_000)
"""What is no terminal: programs and log pages fold lines as they like, and `grep` wants whole ones."""
