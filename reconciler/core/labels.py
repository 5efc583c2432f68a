"""Whom a selector of the fleet document concerns: by an action's labels, and its server's where it has none of that name."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.actions import Action
from reconciler.fleet.desired import Desired
from schemas.windows import Selector


def labels_of(action: Action, desired: Desired) -> Mapping[str, str]:
    """Return the labels of an action's document, above those of its server."""
    return labels_at(desired, action.kind, action.code, action.server)


def labels_at(desired: Desired, kind: str, code: str, server: str) -> Mapping[str, str]:
    """Return the labels of a document on a server, above those of that."""
    document, place = desired.documents[kind].get(code), desired.servers.get(server)
    return {**(place.labels if place else {}), **(document.labels if document else {})}


def concerns(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether all labels that a selector names are so."""
    return all(labels.get(key) == value for key, value in selector.items())
