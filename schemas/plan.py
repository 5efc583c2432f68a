"""Kind `plan`: what a customer subscribes to."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from schemas.backups import Backup
from schemas.document import Document
from schemas.texts import Modules
from schemas.upgrades import Upgrade

Period = Literal["month", "quarter", "year"]


class Plan(Document):
    """What a customer subscribes to."""

    usual_defaults: ClassVar[Mapping[str, object]] = {"grace_days": 7}
    kind: Literal["plan"] = Field(description="What this document declares.", examples=["plan"])
    max_users: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Users that the plan includes: internal ones that are active, beside the operator's account. Left out: no "
        "limit. See `on_limit`.",
        examples=[5],
    )
    max_storage_gb: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Storage that the plan includes, rows and files together, in GB of 1,000,000,000 bytes. Left out: no limit. "
        "See `on_limit`.",
        examples=[10],
    )
    period: Period = Field(
        default="month",
        description="By how much a subscription with `auto_renew` is prolonged each time.",
        examples=["year"],
    )
    grace_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Days after the last one of a subscription, or since a limit is exceeded, for which it stays in service, see "
        "`on_expiry` and `on_limit`.",
        examples=[7],
    )
    on_expiry: Literal["warn", "suspend"] = Field(
        default="warn",
        description="What becomes of an instance whose subscription has ended and whose grace is over: `warn` tells it only, "
        "`suspend` counts it as `state: suspended` until its text prolongs it.",
        examples=["suspend"],
    )
    on_limit: Literal["warn", "suspend"] = Field(
        default="warn",
        description="What becomes of an instance that uses more than `max_users` or `max_storage_gb` for longer than the grace: "
        "`warn` tells it only, `suspend` counts it as `state: suspended` until its plan includes what it uses.",
        examples=["suspend"],
    )
    modules: Modules = Field(
        default=(), description="Modules that the plan adds to those of the template.", examples=[["project"]]
    )
    upgrade: Upgrade | None = Field(
        default=None,
        description="Whether its instances follow newer code of their host's modules. Left out: as the fleet says.",
        examples=["follow"],
    )
    backup: Backup = Field(
        default=None,
        description="How its instances are backed up, where they do not say it themselves; `true` for the defaults.",
        examples=[True, {"target": "main", "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12}}],
    )
