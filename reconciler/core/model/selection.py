"""What a run is limited to: `--target KIND/CODE`, `--selector label=value`, and what `--base REF` finds concerned.

Nothing given selects everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.fleet.desired import Desired
from schemas.document import Document
from schemas.template import Template


@dataclass(frozen=True, slots=True)
class Selection:
    """Addresses (`instance/acme`) and labels; a document is selected if it is named or bears all the labels.

    With `concerned` (addresses, too), only what is among these is selected.
    """

    addresses: frozenset[str] = frozenset()
    labels: tuple[tuple[str, str], ...] = ()
    concerned: frozenset[str] | None = None

    @property
    def is_everything(self) -> bool:
        """Tell whether the run is not limited."""
        return self.concerned is None and not self.by_hand

    @property
    def by_hand(self) -> bool:
        """Tell whether addresses or labels limit the run."""
        return bool(self.addresses or self.labels)

    def includes(self, document: Document) -> bool:
        """Tell whether a document is selected."""
        address = document.address
        if self.concerned is not None and address not in self.concerned:
            return False
        if address in self.addresses or not self.by_hand:
            return True
        return bool(self.labels) and _bears(document.labels, self.labels)

    def names(self, document: Document) -> bool:
        """Tell whether a document is selected by its address or labels, by hand."""
        return self.by_hand and self.includes(document)

    def concerns_template(self, desired: Desired, template: Template) -> bool:
        """Tell whether a template is selected itself or is what a selected instance is cloned from."""
        if self.includes(template):
            return True
        return any(i.template == template.code and self.includes(i) for i in desired.instances.values())


def _bears(labels: Mapping[str, str], wanted: tuple[tuple[str, str], ...]) -> bool:
    return all(labels.get(key) == value for key, value in wanted)


EVERYTHING = Selection()
