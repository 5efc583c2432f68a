"""Reads `broken/*.txt`: fleets with something wrong, each with the exact list of problems that is expected.

=== the name of the case
>>> x.yaml              a file of the fleet; `base.yaml` is fleets.BASE unless the case has its own
kind: instance
>>> problems            what `validate` says, line by line
fleet/x.yaml:1:1: missing-field: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BROKEN = Path(__file__).parent / "broken"


@dataclass
class Case:
    """A fleet and its problems."""

    name: str
    files: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """The lines expected."""
        return self.files["problems"].splitlines()

    @property
    def texts(self) -> dict[str, str]:
        """The fleet's files."""
        return {name: text for name, text in self.files.items() if name != "problems"}


def read_cases() -> Iterator[Case]:
    """Yield all cases."""
    for path in sorted(BROKEN.glob("*.txt")):
        _, *sections = path.read_text().split("\n=== ")
        for section in sections:
            title, *files = section.split("\n>>> ")
            case = Case(f"{path.stem}: {title}")
            for each in files:
                name, _, text = each.partition("\n")
                # The line break before the next mark belongs to the file.
                case.files[name] = text if text.endswith("\n") or not text else text + "\n"
            yield case
