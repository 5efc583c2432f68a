"""What a fleet may say: frozen, strict models, one file per kind. Nothing else of the project is imported or read here.

The names below are imported when they are first used, because building the models costs more than all else at the
start of a command, and `schemas.secrets` alone is wanted where no fleet is read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.document import Document
    from schemas.fleet import FleetSettings
    from schemas.instance import Instance, Owner, Subscription
    from schemas.kinds import KINDS
    from schemas.plan import Plan
    from schemas.references import (
        DerivedSecret,
        EitherSecret,
        EnvSecret,
        FileSecret,
        KeyReference,
        LiteralSecret,
        SecretReference,
    )
    from schemas.secrets import Secret
    from schemas.server import Server, Timeouts, Tls
    from schemas.template import Template

__all__ = [
    "KINDS",
    "DerivedSecret",
    "Document",
    "EitherSecret",
    "EnvSecret",
    "FileSecret",
    "FleetSettings",
    "Instance",
    "KeyReference",
    "LiteralSecret",
    "Owner",
    "Plan",
    "Secret",
    "SecretReference",
    "Server",
    "Subscription",
    "Template",
    "Timeouts",
    "Tls",
]

_HOMES = {
    "DerivedSecret": "references",
    "Document": "document",
    "EitherSecret": "references",
    "EnvSecret": "references",
    "FileSecret": "references",
    "FleetSettings": "fleet",
    "Instance": "instance",
    "KINDS": "kinds",
    "KeyReference": "references",
    "LiteralSecret": "references",
    "Owner": "instance",
    "Plan": "plan",
    "Secret": "secrets",
    "SecretReference": "references",
    "Server": "server",
    "Subscription": "instance",
    "Template": "template",
    "Timeouts": "server",
    "Tls": "server",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'schemas' has no attribute {name!r}")
    value: object = getattr(import_module(f"schemas.{home}"), name)
    globals()[name] = value
    return value
