"""Labels, as windows, freezes and waves choose by them."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.fleet.desired import Desired
from schemas.windows import Selector


def labels_of(desired: Desired, kind: str, code: str, server: str) -> Mapping[str, str]:
    """Return the labels of a document: its own, and its server's where it has none of that name."""
    document = desired.documents[kind].get(code)
    place = desired.servers.get(server)
    return {**(place.labels if place else {}), **(document.labels if document else {})}


def concerns(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether all labels are as a selector says."""
    return all(labels.get(key) == value for key, value in selector.items())
