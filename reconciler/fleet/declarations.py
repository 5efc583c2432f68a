"""All that the text of a fleet declares, on which the rules between documents are checked.

It holds the documents that are valid by themselves, and knows of the others that they exist, so that a reference to a
broken document is not a second problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeGuard, cast

from reconciler.fleet.defaults import ValidDefaults
from reconciler.fleet.diagnostics import Range
from reconciler.fleet.documents import DocumentSource, Path
from schemas.document import Document
from schemas.fleet import FleetSettings
from schemas.instance import Instance
from schemas.kinds import KINDS
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
class Documents:
    """Documents by kind and code, and where they stand."""

    documents: Mapping[str, Mapping[str, Document]]
    sources: Mapping[tuple[str, str], DocumentSource]

    @cached_property
    def servers(self) -> Mapping[str, Server]:
        """The servers, by code."""
        return cast("Mapping[str, Server]", self.documents["server"])

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The templates, by code."""
        return cast("Mapping[str, Template]", self.documents["template"])

    @cached_property
    def plans(self) -> Mapping[str, Plan]:
        """The plans, by code."""
        return cast("Mapping[str, Plan]", self.documents["plan"])

    @cached_property
    def instances(self) -> Mapping[str, Instance]:
        """The instances, by code."""
        return cast("Mapping[str, Instance]", self.documents["instance"])

    def login_of(self, kind: str, code: str, path: Path) -> str:
        """Return the login of the account that the password at `path` is for."""
        if kind == "template":
            return self.templates[code].admin_login
        instance = self.instances[code]
        return instance.owner.login if path[0] == "owner" and instance.owner is not None else instance.admin_login

    def template_of(self, instance: Instance) -> str:
        """Return the code of the template that an instance, or what it is a copy of, is made from; of a broken one nothing."""
        source = self.instances.get(instance.clone_of) if instance.clone_of is not None else instance
        return (source and source.template) or ""

    def range_of(self, kind: str, code: str, *path: str | int) -> Range:
        """Where a value stands in the text; for what is not written, the nearest thing around it."""
        return self.sources[kind, code].range_of(*path)


@dataclass(frozen=True)
class Declarations(Documents):
    """Valid documents, in the order in which they were read; of broken ones `codes` and what they refer to.

    The code of a document whose kind is not known may be a code of any kind, so it stands with each.
    """

    codes: Mapping[str, AbstractSet[str]]
    references: Sequence[Reference]
    defaults: ValidDefaults

    @cached_property
    def settings(self) -> FleetSettings | None:
        """The fleet document, if it is valid."""
        return cast("FleetSettings | None", next(iter(self.documents["fleet"].values()), None))

    def wanted_instances(self) -> Iterator[Instance]:
        """Yield the instances that are to have a database in or out of service."""
        return (instance for instance in self.instances.values() if instance.state != "absent")

    def possible_servers(self, instance: Instance) -> tuple[str, ...]:
        """The servers that an instance may live on: the one it names, or those of its template; a copy's are its source's."""
        source = self.instances.get(instance.clone_of or "", instance)
        if (server := instance.server or source.server) is not None:
            return (server,)
        template = self.templates.get(self.template_of(instance))
        return template.server_codes if template is not None else ()


def references_of(kind: str, written: Mapping[str, object], source: DocumentSource) -> Iterator[Reference]:
    """Yield the documents that a document names, whether or not it is valid; what is no code is not a name.

    Args:
        kind: of the document.
        written: its fields, as text or as a valid document has them.
        source: where it stands.
    """
    for field, target in KINDS[kind].refers.items():
        named = written.get(field)
        if isinstance(named, list | tuple):
            yield from (Reference(target, n, (field, i), source) for i, n in enumerate(named) if is_code(n))
        elif is_code(named):
            yield Reference(target, named, (field,), source)


_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def is_code(value: object) -> TypeGuard[str]:
    """Tell whether a document can bear this code; what cannot be one is a problem of its own."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None
