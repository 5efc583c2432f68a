"""Kind `template`: a database kept ready on one or more servers, of which instances are clones."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from schemas.adoption import Adoption
from schemas.backups import Backup
from schemas.document import Pausable, code_of
from schemas.references import DerivedSecret, SecretReference
from schemas.texts import Code, CountryCode, DatabaseName, Language, Line, Modules, ParameterKey, ParameterValue
from schemas.upgrades import Upgrade

DEFAULT_MODULES = ("base", "web", "mail", "portal")


def _database_of(validated: dict[str, Any]) -> str:
    return "template_" + code_of(validated).replace("-", "_")


class Template(Pausable):
    """A database kept ready on one or more servers, of which instances are clones."""

    usual_defaults: ClassVar[Mapping[str, object]] = {"lang": "fr_BE"}
    refers: ClassVar[Mapping[str, str]] = {"server": "server", "servers": "server"}
    withheld: ClassVar[str] = "its databases are neither made nor changed; those that are ready are cloned all the same"

    kind: Literal["template"] = Field(description="What this document declares.", examples=["template"])
    template_db: DatabaseName = Field(
        default_factory=_database_of,
        validate_default=True,
        description="Name of its database on each of its servers. Left out: `template_` and the code, with `_` for `-`.",
        examples=["template_restaurant"],
    )
    server: Code | None = Field(
        default=None, description="The server that it is kept on. Either this or `servers`.", examples=["prod-1"]
    )
    servers: Annotated[tuple[Code, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None,
        description="The servers that it is kept on, each with a database of its own.",
        examples=[["prod-1", "prod-2"]],
    )
    modules: Modules = Field(
        default=DEFAULT_MODULES,
        description="Modules to install in it and to keep in its clones, by technical name.",
        examples=[["base", "web", "mail", "portal", "pos_restaurant"]],
    )
    lang: Language = Field(
        default="en_US",
        description="Language of the database. An instance that declares none is built with it and does not follow it later.",
        examples=["fr_BE"],
    )
    country_code: CountryCode | None = Field(
        default=None,
        description="Country, given to Odoo when the database is created. An instance that declares none is built with it "
        "and does not follow it later.",
        examples=["BE"],
    )
    demo: bool = Field(
        default=False,
        description="Whether Odoo loads its demonstration records. Their users get no password. Create-only.",
        examples=[True],
    )
    admin_login: Line = Field(default="admin", description="Login of the operator's account.", examples=["admin"])
    admin_password: SecretReference = Field(
        default=DerivedSecret(),
        description="Password of the operator's account. Instances get their own: no clone answers to this one. "
        "Refused: fewer than 8 characters, the login itself, `admin`, `demo`, `portal`, `odoo`, `password`.",
        examples=[{"derived": {}}, {"derived": {"generation": 2}}],
    )
    backup: Backup = Field(
        default=None, description="How it is backed up; `true` for the defaults.", examples=[True, {"target": "main"}]
    )
    upgrade: Upgrade | None = Field(
        default=None,
        description="Whether its modules follow newer code of their hosts; it goes before its instances. Left out: as the fleet "
        "says.",
        examples=["follow"],
    )
    adopt: Adoption | None = Field(
        default=None,
        description="The database of this name is there already, not made by this fleet, and is taken over on each of its "
        "servers instead of a new one being built; its scheduled actions are held back from then on. While the line stands "
        "none is built; once it is taken over it may go.",
        examples=[{"admin_login": "admin", "admin_password": {"env": "RETAIL_ADMIN"}}],
    )
    parameters: Mapping[ParameterKey, ParameterValue] = Field(
        default={},
        description="System parameters (`ir.config_parameter`) to keep, in it and in all its clones. An instance that declares "
        "the same key has its own value.",
        examples=[{"mail.catchall.alias": "catchall"}],
    )

    @property
    def server_codes(self) -> tuple[str, ...]:
        """The servers that it is kept on, whichever of the two fields names them."""
        return self.servers or ((self.server,) if self.server is not None else ())
