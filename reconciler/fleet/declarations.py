"""All that the text of a fleet declares, on which the rules between documents are checked.

It holds the documents that are valid by themselves, and knows of the others that they exist, so that a reference to a
broken document is not a second problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

from reconciler.fleet.defaults import Defaults
from reconciler.fleet.diagnostics import Range
from reconciler.fleet.documents import DocumentSource, Path
from schemas.fleet import FleetSettings
from schemas.instance import Instance
from schemas.plan import Plan
from schemas.server import Server
from schemas.template import Template


class Reference(NamedTuple):
    """A document that another one names."""

    target: str
    name: str
    path: Path
    source: DocumentSource


@dataclass(frozen=True)
class Declarations:
    """Valid documents by code, in the order in which they were read; of broken ones `codes` and what they refer to."""

    settings: FleetSettings | None
    servers: Mapping[str, Server]
    templates: Mapping[str, Template]
    plans: Mapping[str, Plan]
    instances: Mapping[str, Instance]
    codes: Mapping[str, AbstractSet[str]]
    sources: Mapping[tuple[str, str], DocumentSource]
    references: Sequence[Reference]
    defaults: Defaults

    def range_of(self, kind: str, code: str, *path: str | int) -> Range:
        """Where a value stands in the text."""
        return self.sources[kind, code].range_of(*path)

    def wanted_instances(self) -> Iterator[Instance]:
        """Yield the instances that are to have a database in or out of service."""
        return (instance for instance in self.instances.values() if instance.state != "absent")

    def possible_servers(self, instance: Instance) -> tuple[str, ...]:
        """The servers that an instance may live on: the one it names, or those of its template."""
        if instance.server is not None:
            return (instance.server,)
        template = self.templates.get(instance.template)
        return template.server_codes if template is not None else ()


def references_of(kind: str, written: Mapping[str, object], source: DocumentSource) -> Iterator[Reference]:
    """Yield the documents that a document names, whether or not it is valid; what is no code is not a name.

    Args:
        kind: of the document.
        written: its fields, as text or as a valid document has them.
        source: where it stands.
    """
    for target in _NAMES.get(kind, ()):
        name = written.get(target)
        if is_code(name):
            yield Reference(target, name, (target,), source)
    servers = written.get("servers") if kind == "template" else None
    if isinstance(servers, list | tuple):
        for index, name in enumerate(servers):
            if is_code(name):
                yield Reference("server", name, ("servers", index), source)


_NAMES = {"template": ("server",), "instance": ("template", "plan", "server")}
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def is_code(value: object) -> TypeGuard[str]:
    """Tell whether a document can bear this code; what cannot be one is a problem of its own."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None
