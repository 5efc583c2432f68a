"""Whom a selector of the fleet document concerns: by an action's labels, and its server's where it has none of that name."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.actions import Action
from reconciler.fleet.desired import Desired
from schemas.windows import Selector


def labels_of(action: Action, desired: Desired) -> Mapping[str, str]:
    """Return the labels of an action's document, above those of its server."""
    document = desired.documents[action.kind].get(action.code)
    server = desired.servers.get(action.server)
    return {**(server.labels if server else {}), **(document.labels if document else {})}


def concerns(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether all labels that a selector names are so."""
    return all(labels.get(key) == value for key, value in selector.items())
