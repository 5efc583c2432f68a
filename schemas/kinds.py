"""The kinds of documents, in the order in which they build on one another."""

from schemas.fleet import FleetSettings
from schemas.instance import Instance
from schemas.plan import Plan
from schemas.server import Server
from schemas.template import Template

AnyDocument = FleetSettings | Server | Template | Plan | Instance

KINDS: dict[str, type[AnyDocument]] = {
    "fleet": FleetSettings,
    "server": Server,
    "template": Template,
    "plan": Plan,
    "instance": Instance,
}
