"""The kinds of documents, in the order in which they build on one another."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, create_model

from schemas.document import Document, Part, Pausable
from schemas.fleet import FleetSettings
from schemas.instance import Instance
from schemas.plan import Plan
from schemas.server import Server
from schemas.template import Template

KINDS: dict[str, type[Document]] = {
    "fleet": FleetSettings,
    "server": Server,
    "template": Template,
    "plan": Plan,
    "instance": Instance,
}


_DEFAULTS = "Fields given to every document of a kind that does not have them itself."


def _fields_of_every(kind: str, model: type[Document]) -> Any:
    description = f"Fields of every {kind}."
    return Mapping[str, Any], Field(default={}, description=description, examples=[model.usual_defaults])


_OTHERS: dict[str, Any] = {kind: _fields_of_every(kind, model) for kind, model in KINDS.items() if kind != "fleet"}
FleetSettings.model_rebuild(
    _types_namespace={"Defaults": create_model("Defaults", __base__=Part, __doc__=_DEFAULTS, **_OTHERS)}
)


def noun(kind: str) -> str:
    """Return what people call a document of a kind."""
    return (KINDS[kind].noun if kind in KINDS else "") or kind


def pausable() -> dict[str, type[Pausable]]:
    """Return the kinds to which something is done, so that it can be held back."""
    return {kind: model for kind, model in KINDS.items() if issubclass(model, Pausable)}
