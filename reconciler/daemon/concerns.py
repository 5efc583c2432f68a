"""Which servers an edit of the text concerns: the daemon asks these at once, and leaves the others to their timer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from reconciler.core.model.observed import ObservedHost
from reconciler.fleet.desired import Desired
from schemas.instance import Instance

Document = TypeVar("Document")


def concerned_servers(before: Desired | None, after: Desired, known: Mapping[str, ObservedHost]) -> frozenset[str]:
    """Compare two texts of a fleet, and name the servers on which something may have to be done.

    Documents are compared by identity first: what was not read again is the same object.

    Args:
        before: the text in force until now; None at the beginning.
        after: the text in force from now on.
        known: what hosts answered last, to find instances that name no server.
    """
    everywhere = frozenset(after.servers)
    if before is None or before.settings != after.settings or before.servers != after.servers:
        return everywhere  # a server that comes, goes or changes may change where instances without one are placed
    concerned: set[str] = set()
    templates = set(_changed(before.templates, after.templates))
    for code in templates:
        for text in (before, after):
            if code in text.templates:
                concerned.update(text.templates[code].server_codes)
    plans = set(_changed(before.plans, after.plans))
    changed = set(_changed(before.instances, after.instances))
    for text in (before, after):
        for instance in text.instances.values():
            if instance.code in changed or instance.plan in plans or instance.template in templates:
                concerned |= _places(instance, known, everywhere)
                if concerned >= everywhere:
                    return everywhere
    return frozenset(concerned) & everywhere


def _changed(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[str]:
    for code in before.keys() | after.keys():
        old, new = before.get(code), after.get(code)
        if old is not new and old != new:
            yield code


def _places(instance: Instance, known: Mapping[str, ObservedHost], everywhere: frozenset[str]) -> frozenset[str]:
    if instance.server:
        return frozenset([instance.server])
    names = [n for n in (instance.database_name, instance.renamed_from) if n]
    found = frozenset(code for code, host in known.items() if any(host.forms_of(n) for n in names))
    return found or everywhere
