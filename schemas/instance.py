"""Kind `instance`: one customer's database, cloned from a template, configured, and published under its name."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from schemas.adoption import Adoption
from schemas.backups import Backup, RestoreFrom, check_rhythm
from schemas.document import Part, Pausable, code_of, type_of_sequence
from schemas.references import DerivedSecret, SecretReference
from schemas.texts import (
    Code,
    CountryCode,
    CustomersDomain,
    DatabaseName,
    Day,
    FormerName,
    GroupName,
    Language,
    Line,
    Modules,
    ParameterKey,
    ParameterValue,
    Subdomain,
)
from schemas.timezones import check_timezone
from schemas.upgrades import Upgrade

InstanceState = Literal["active", "suspended", "absent"]


def _is_a_copy(validated: dict[str, Any]) -> bool:
    """Neutralize what is a copy of a customer, unless its document says otherwise."""
    return validated.get("clone_of") is not None


class Owner(Part):
    """The customer's first user. Create-only: made while the database is built, never changed or read afterwards."""

    name: Line = Field(description="Name of the user. Create-only.", examples=["Acme manager"])
    login: Line = Field(
        description="Login, usually an e-mail address; not the admin's, nor one that the template has. Create-only.",
        examples=["manager@acme.example"],
    )
    initial_password: SecretReference = Field(
        default=DerivedSecret(),
        description="First password, which the customer changes; refused if it is short or known, as `admin_password` "
        "is. Create-only.",
        examples=[{"derived": {}}],
    )
    lang: Language | None = Field(
        default=None, description="Language of the user. Left out: the instance's. Create-only.", examples=["fr_BE"]
    )
    groups: Annotated[tuple[GroupName, ...], Field(strict=False, min_length=1)] = Field(
        default=("base.group_user",),
        description="Groups of the user, by external identifier. Create-only.",
        examples=[["base.group_user", "base.group_erp_manager"]],
    )


class Subscription(Part):
    """Since when and until when the customer has subscribed. What its end does, the plan's `on_expiry` says."""

    start: Day = Field(description="First day.", examples=["2026-01-01"])
    end: Day | None = Field(
        default=None, description="Last day of its term; left out: no end.", examples=["2026-12-31"]
    )
    auto_renew: bool = Field(
        default=False, description="Whether it renews itself at its end, by the `period` of its plan.", examples=[True]
    )


class Instance(Pausable):
    """One customer's database, or a copy of one to try things on. Four lines are enough: kind, code, template, plan."""

    noun: ClassVar[str] = "customer"
    usual_defaults: ClassVar[Mapping[str, object]] = {"lang": "en_US", "timezone": "Europe/Brussels"}
    refers: ClassVar[Mapping[str, str]] = {
        "template": "template",
        "clone_of": "instance",
        "plan": "plan",
        "server": "server",
    }
    withheld: ClassVar[str] = "its database is not made, changed, renamed, suspended or put back in service"

    kind: Literal["instance"] = Field(description="What this document declares.", examples=["instance"])
    template: Code | None = Field(
        default=None,
        description="The template that the database is cloned from. Create-only: of another one only the modules and the "
        "parameters are kept from then on, which the plan says. Each instance has this or `clone_of`.",
        examples=["restaurant"],
    )
    clone_of: Code | None = Field(
        default=None,
        description="Another instance of which this is a copy to try things on, in the place of `template`: its rows, "
        "files, modules and users, as they are when the copy is built; neutralized unless `neutralize: false` says otherwise. "
        "Made where that one is, or on `server`: of its newest backup, or of itself where it has none. What the document "
        "declares is applied to the copy, the rest is left as it came. Create-only.",
        examples=["acme"],
    )
    refresh: Annotated[Line, AfterValidator(check_rhythm)] | None = Field(
        default=None,
        description="When a copy is made anew, as its source is then, as five fields of cron by the clock of its `timezone`; "
        "without one, of UTC; not twice in an hour. What was there goes to the trash. A time that was missed is made up for "
        "once.",
        examples=["0 4 * * 1"],
    )
    plan: Code = Field(
        description="The plan that the customer has subscribed to; its modules are installed.", examples=["starter"]
    )
    database_name: DatabaseName = Field(
        default_factory=code_of,
        validate_default=True,
        description="Name of the database. Left out: the code. To change it later, put the former name in "
        "`renamed_from`.",
        examples=["acme"],
    )
    subdomain: Subdomain = Field(
        default_factory=code_of,
        validate_default=True,
        description="The instance is reached at `<subdomain>.<domain of its server>`. Left out: the code.",
        examples=["acme"],
    )
    domains: Annotated[tuple[CustomersDomain, ...], type_of_sequence] = Field(
        default=(),
        description="Names of the customer's own that lead to it, beside its subdomain. `render` writes the proxy's map.",
        examples=[["erp.acme.example"]],
    )
    primary_domain: CustomersDomain | None = Field(
        default=None,
        description="The one of `domains` that links in mails name (`web.base.url`); left out: the subdomain.",
        examples=["erp.acme.example"],
    )
    partner: Line | None = Field(
        default=None, description="The customer. Recorded and shown only.", examples=["Acme SA"]
    )
    server: Code | None = Field(
        default=None,
        description="The server to live on; if another one is named, it moves there. Left out: placed on the best one, and "
        "stays where it is.",
        examples=["prod-1"],
    )
    state: InstanceState = Field(
        default="active",
        description="active: in service. suspended: out of reach with its scheduled actions stopped, data untouched. "
        "absent: out of service, kept as trash for `retention.trash_days`, then dropped for good; until then "
        "`active` or `suspended` bring it back.",
        examples=["suspended"],
    )
    admin_login: Line = Field(
        default="admin", description="Login of the operator's account (`base.user_admin`).", examples=["admin"]
    )
    admin_password: SecretReference = Field(
        default=DerivedSecret(),
        description="Password of the operator's account, kept as declared. Refused: fewer than 8 characters, the login "
        "itself, `admin`, `demo`, `portal`, `odoo`, `password`.",
        examples=[{"derived": {}}, {"derived": {"generation": 2}}],
    )
    owner: Owner | None = Field(
        default=None,
        description="The customer's first user. Create-only: made while the database is built, never changed or read "
        "afterwards.",
        examples=[{"name": "Acme manager", "login": "manager@acme.example"}],
    )
    company: Line | None = Field(
        default=None,
        description="Name of the main company. Left out: the name of the instance when the database is built; from then "
        "on the customer's to change.",
        examples=["Acme SA"],
    )
    lang: Language | None = Field(
        default=None,
        description="Language of the admin, and of the owner unless they have one of their own. Left out: the template's "
        "when the database is built; from then on left alone.",
        examples=["fr_BE"],
    )
    country_code: CountryCode | None = Field(
        default=None,
        description="Country of the company. Left out: the template's when the database is built; from then on the "
        "customer's to change.",
        examples=["BE"],
    )
    timezone: Annotated[str, AfterValidator(check_timezone)] | None = Field(
        default=None,
        description="Time zone of the admin and the owner, by its IANA name. Left out: left as it is.",
        examples=["Europe/Brussels"],
    )
    modules: Modules = Field(
        default=(),
        description="Modules beside those of the template and the plan, which are kept in it too. One that is taken out of "
        "the text stays installed, with its data.",
        examples=[["contacts"]],
    )
    modules_absent: Modules = Field(
        default=(),
        description="Modules that are uninstalled where they are installed, with all that depends on them and all that is stored "
        "in them. The plan shows all that goes; nothing does that is declared. Without the line nothing is installed again.",
        examples=[["survey"]],
    )
    restore_from: RestoreFrom | None = Field(
        default=None,
        description="The database is built from a backup instead of a clone of its template. Create-only: once it is there, the "
        "line does nothing.",
        examples=[{"backup": "latest", "of": "acme"}],
    )
    backup: Backup = Field(
        default=None,
        description="How it is backed up. Left out: as its plan says; `true` for the defaults, `false`: not at all.",
        examples=[True, {"target": "main"}],
    )
    upgrade: Upgrade | None = Field(
        default=None,
        description="Whether its modules follow newer code of their host. Left out: as its plan says, or else the fleet.",
        examples=["follow"],
    )
    parameters: Mapping[ParameterKey, ParameterValue] = Field(
        default={},
        description="System parameters (`ir.config_parameter`) to keep, beside those of the template or instead of them. "
        "Values are text.",
        examples=[{"sale.default_confirmation_template": "12"}],
    )
    neutralize: bool = Field(
        default_factory=_is_a_copy,
        validate_default=True,
        description="Whether it is neutralized when it is built (no mail, no payments, no scheduled actions), for databases to "
        "try things on. Left out: only what is a `clone_of`. Clones of a template need Odoo 17.0 for it. Create-only: `true` "
        "on a database that was not neutralized is blocked, and one that was stays so.",
        examples=[True],
    )
    subscription: Subscription | None = Field(
        default=None,
        description="Since when and until when, by days in its `timezone`, or in UTC. What its end does says `on_expiry` of its "
        "plan.",
        examples=[{"start": "2026-01-01", "end": "2026-12-31", "auto_renew": True}],
    )
    expires: Day | None = Field(
        default=None,
        description="The day from which on it counts as `state: absent`, from midnight in its `timezone`, or in UTC.",
        examples=["2027-06-30"],
    )
    deletion_protection: bool = Field(
        default=False, description="`true` refuses `state: absent`, `expires` and `prune`.", examples=[True]
    )
    allow_support: bool = Field(
        default=True,
        description="`false` forbids `odoo-fleet support`: no account that lets the operator in is made in its database, and one "
        "that is there is taken out of use.",
        examples=[False],
    )
    adopt: Adoption | None = Field(
        default=None,
        description="The database of this name is this customer's, and is taken over with all that is in it instead of a new "
        "one being built: one that this fleet did not make, opened with what is said here, or (`{}`) one that an earlier "
        "document of this code left behind or that was made for another owner. While the line stands none is built; once it is "
        "taken over it may go.",
        examples=[{"admin_login": "admin", "admin_password": {"env": "ACME_ADMIN"}}, {}],
    )
    renamed_from: FormerName | None = Field(
        default=None,
        description="A former code or database name of this instance: the database found under it is renamed, not "
        "built anew.",
        examples=["acme-old"],
    )
