"""Kind `fleet`: one document per fleet, with what holds for all of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from schemas.backups import BackupTarget
from schemas.document import Part, Pausable
from schemas.hooks import Hook
from schemas.notify import Channel
from schemas.references import KeyReference
from schemas.texts import Code
from schemas.upgrades import Rollout, Upgrade
from schemas.windows import Freeze, Window

if TYPE_CHECKING:

    class Defaults(Part):
        """Fields of other kinds: made of all kinds in `schemas.kinds`, which completes `FleetSettings`."""


FORMAT = 1

Percent = Annotated[int, Field(ge=0, le=100)]


class Safety(Part):
    """How much one pass may take away or change before it stops and asks: `max_…` and `max_…_percent` of each threshold."""

    max_removals: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="Databases that a pass may take out of service, or uninstall modules in.",
        examples=[10],
    )
    max_removals_percent: Percent = Field(
        default=30, description="The same as a share of those in service.", examples=[30]
    )
    max_changes: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Databases that are there and that a pass may change, without those that it makes or takes out of service.",
        examples=[200],
    )
    max_changes_percent: Percent = Field(
        default=30, description="The same as a share of those in service.", examples=[30]
    )


class Retention(Part):
    """How long what is no longer needed is kept."""

    building_hours: int = Field(
        default=2,
        ge=1,
        le=8760,
        description="Age at which an unfinished build counts as abandoned and is dropped.",
        examples=[2],
    )
    trash_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days that the databases of absent instances are kept as trash before they are dropped for good.",
        examples=[30],
    )
    history_days: int = Field(
        default=365,
        ge=1,
        le=36500,
        description="Days that the daemon keeps passes, outcomes, events and health in the store.",
        examples=[90],
    )


class Verification(Part):
    """How often databases are looked into though nothing tells that they differ from their text."""

    max_age_hours: int = Field(
        default=24,
        ge=1,
        le=8760,
        description="Hours after which a pass looks into a database again, to see whether it still is as its text says.",
        examples=[6],
    )
    databases_per_pass: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="How many such databases of one server a pass looks into, the longest unseen first. Each look costs "
        "the host a login and the loading of a registry; what changed in the text comes on top.",
        examples=[10],
    )


class Health(Part):
    """When a server counts as healthy."""

    interval_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="Minutes between two looks of the daemon at the health of one server; servers are spread over them.",
        examples=[15],
    )
    warning_capacity_percent: Percent = Field(
        default=20, description="Free capacity below which a server is in warning.", examples=[20]
    )
    critical_capacity_percent: Percent = Field(
        default=5, description="Free capacity below which it is critical.", examples=[5]
    )
    warning_latency_ms: int = Field(
        default=2000,
        ge=1,
        le=3_600_000,
        description="Answers slower than this put a server in warning.",
        examples=[2000],
    )
    warning_certificate_days: int = Field(
        default=21,
        ge=0,
        le=3650,
        description="Days before its certificate expires that a server is in warning.",
        examples=[21],
    )
    critical_certificate_days: int = Field(
        default=3, ge=0, le=3650, description="Days before its certificate expires that it is critical.", examples=[3]
    )
    offline_after: int = Field(
        default=2,
        ge=1,
        le=100,
        description="How many looks in a row must fail before a server counts as offline; one slow answer is no outage.",
        examples=[3],
    )
    online_after: int = Field(
        default=2,
        ge=1,
        le=100,
        description="How many looks in a row must succeed before an offline server counts as online again.",
        examples=[2],
    )


class Placement(Part):
    """How instances without a server are placed."""

    min_capacity_percent: Percent = Field(
        default=20, description="Free capacity that a server must have to be given a new instance.", examples=[20]
    )


class FleetSettings(Pausable):
    """What holds for the whole fleet: its key, its defaults, its limits."""

    withheld: ClassVar[str] = "nothing is changed on any of its servers"

    kind: Literal["fleet"] = Field(description="What this document declares.", examples=["fleet"])
    format: int = Field(
        ge=FORMAT, le=FORMAT, description="Format of these documents. This version reads format 1.", examples=[1]
    )
    secret_key: KeyReference | None = Field(
        default=None,
        description="The key of 32 bytes or more that every `derived` secret comes from; `odoo-fleet secret new-key` "
        "makes one. Needed as soon "
        "as one secret is derived.",
        examples=[{"env": "ODOO_FLEET_KEY"}],
    )
    former_secret_keys: Annotated[tuple[KeyReference, ...], Field(strict=False)] = Field(
        default=(),
        description="Former keys, newest first, while the key is being rotated.",
        examples=[[{"env": "ODOO_FLEET_FORMER_KEY"}]],
    )
    defaults: "Defaults" = Field(
        default={},
        validate_default=True,
        description="Any field of the other kinds, used where a document does not have it. A whole top-level field is "
        "taken or left.",
        examples=[{"instance": {"lang": "en_US", "timezone": "Europe/Brussels"}}],
    )
    safety: Safety = Field(
        default=Safety(), description="How much one pass may take away or change.", examples=[{"max_removals": 10}]
    )
    windows: Annotated[tuple[Window, ...], Field(strict=False)] = Field(
        default=(),
        description="When some verbs may begin. What is outside of all windows that concern it waits, and is shown as waiting.",
        examples=[[{"verbs": ["configure"], "from": "22:00", "to": "05:00", "timezone": "Europe/Brussels"}]],
    )
    freezes: Annotated[tuple[Freeze, ...], Field(strict=False)] = Field(
        default=(),
        description="Days on which nothing is begun, but what each excepts; what was begun before is finished.",
        examples=[[{"from": "2026-12-24", "to": "2027-01-03", "reason": "closed", "except": ["resume"]}]],
    )
    upgrade: Upgrade = Field(
        default="hold",
        description="Whether databases follow newer code of their host's modules, where neither they nor their plan say it. "
        "`hold` tells who is behind and does nothing; `follow` upgrades them as `rollout` says.",
        examples=["follow"],
    )
    rollout: Rollout = Field(
        default=Rollout(),
        description="In which order databases follow newer code. Left out: templates first, then all in one wave.",
        examples=[{"waves": [{"selector": {"ring": "canary"}}, {"percent": 10}, {"percent": 100}], "soak_minutes": 60}],
    )
    hooks: Annotated[tuple[Hook, ...], Field(strict=False)] = Field(
        default=(),
        description="Programs and web calls of yours before and after actions of some verbs, in this order.",
        examples=[
            [
                {
                    "verbs": ["clone", "suspend"],
                    "when": "after",
                    "url": "https://hooks.example.net/odoo",
                    "secret": {"env": "HOOK_SECRET"},
                }
            ]
        ],
    )
    notify: Annotated[tuple[Channel, ...], Field(strict=False)] = Field(
        default=(),
        description="Channels that the daemon tells what it sees.",
        examples=[[{"url": {"env": "OPS_SLACK"}, "levels": ["warning", "error"]}]],
    )
    retention: Retention = Field(
        default=Retention(), description="How long what is no longer needed is kept.", examples=[{"trash_days": 30}]
    )
    prune: bool = Field(
        default=False,
        description="Whether a removed document of an instance counts as `state: absent`. Concerns documents that are removed "
        "from then on; what was left behind before stays as it is.",
        examples=[True],
    )
    verification: Verification = Field(
        default=Verification(),
        description="How often databases are looked into though nothing tells that they differ from their text.",
        examples=[{"max_age_hours": 6, "databases_per_pass": 10}],
    )
    health: Health = Field(
        default=Health(), description="When a server counts as healthy.", examples=[{"warning_latency_ms": 2000}]
    )
    placement: Placement = Field(
        default=Placement(),
        description="How instances without a server are placed.",
        examples=[{"min_capacity_percent": 20}],
    )
    backup_targets: Mapping[Code, BackupTarget] = Field(
        default={},
        description="Places for backups, by the name that plans, instances and templates call them.",
        examples=[{"main": {"url": "file:///srv/odoo-backups"}}],
    )
    allow_literal_secrets: bool = Field(
        default=False,
        description="Whether a secret may stand in the text itself. For experiments: whoever reads the repository "
        "reads the secret.",
        examples=[True],
    )
