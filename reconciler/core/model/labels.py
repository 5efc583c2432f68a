"""Whom a selector of the fleet document concerns: by a document's labels, and its server's where it has none of that name."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.fleet.desired import Desired
from schemas.windows import Selector


def labels_of(kind: str, code: str, server_code: str, desired: Desired) -> Mapping[str, str]:
    """Return the labels of a document, above those of the server that it is about; of what is not declared, none."""
    document = desired.documents.get(kind, {}).get(code)
    server = desired.servers.get(server_code)
    return {**(server.labels if server else {}), **(document.labels if document else {})}


def concerns(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether all labels that a selector names are so."""
    return all(labels.get(key) == value for key, value in selector.items())
