"""The kinds of documents, in the order in which they build on one another."""

from schemas.document import Document, Pausable
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


def pausable() -> dict[str, type[Pausable]]:
    """Return the kinds to which something is done, so that it can be held back."""
    return {kind: model for kind, model in KINDS.items() if issubclass(model, Pausable)}
