"""Which models and fields exist, which module brings them, and who may touch them, per version.

Only what a tool that manages databases is likely to ask for is listed. A model that is not here does not exist on
the practice host, and a field that is not here raises the `ValueError` of an unknown field, so that nothing can
come to rely on an invention.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import shipped

_ALWAYS = "id:integer display_name:char create_date:datetime write_date:datetime create_uid:many2one:res.users "
_ALWAYS += "write_uid:many2one:res.users"

_NAMED = "name:char active:boolean sequence:integer company_id:many2one:res.company"

_MODELS: dict[str, tuple[str, str]] = {
    "res.partner": (
        "base",
        (
            "name:char active:boolean email:char phone:char lang:selection tz:selection vat:char ref:char street:char city:char "
            "zip:char website:char is_company:boolean type:selection parent_id:many2one:res.partner "
            "company_id:many2one:res.company country_id:many2one:res.country image_1920:binary"
        ),
    ),
    "res.users": (
        "base",
        (
            "login:char password:char new_password:char active:boolean partner_id:many2one:res.partner "
            "company_id:many2one:res.company company_ids:many2many:res.company signature:html share:boolean "
            "login_date:datetime notification_type:selection action_id:many2one:ir.actions.actions "
            "totp_enabled:boolean api_key_ids:one2many:res.users.apikeys"
        ),
    ),
    "res.users.apikeys": ("base", "name:char user_id:many2one:res.users scope:char expiration_date:datetime"),
    "res.company": (
        "base",
        (
            "name:char sequence:integer active:boolean partner_id:many2one:res.partner email:char phone:char vat:char "
            "website:char street:char city:char zip:char country_id:many2one:res.country "
            "currency_id:many2one:res.currency parent_id:many2one:res.company user_ids:many2many:res.users logo:binary"
        ),
    ),
    "res.country": ("base", "name:char code:char phone_code:integer currency_id:many2one:res.currency"),
    "res.currency": ("base", "name:char symbol:char active:boolean rounding:float decimal_places:integer"),
    "res.lang": ("base", "name:char code:char iso_code:char url_code:char direction:selection active:boolean"),
    "res.groups": ("base", "name:char full_name:char share:boolean comment:text implied_ids:many2many:res.groups"),
    "ir.model": ("base", "name:char model:char state:selection modules:char transient:boolean"),
    "ir.model.data": ("base", "name:char module:char model:char res_id:integer noupdate:boolean complete_name:char"),
    "ir.config_parameter": ("base", "key:char value:text"),
    "ir.actions.server": (
        "base",
        "name:char model_id:many2one:ir.model model_name:char state:selection code:text type:char usage:selection",
    ),
    "ir.module.module": (
        "base",
        (
            "name:char shortdesc:char state:selection auto_install:boolean application:boolean latest_version:char "
            "installed_version:char sequence:integer summary:char author:char license:selection demo:boolean "
            "dependencies_id:one2many:ir.module.module.dependency"
        ),
    ),
    "ir.module.module.dependency": (
        "base",
        "name:char module_id:many2one:ir.module.module auto_install_required:boolean",
    ),
    "ir.cron": (
        "base",
        (
            "name:char cron_name:char active:boolean interval_number:integer interval_type:selection nextcall:datetime "
            "lastcall:datetime priority:integer user_id:many2one:res.users model_id:many2one:ir.model state:selection "
            "code:text"
        ),
    ),
    "ir.attachment": (
        "base",
        (
            "name:char res_model:char res_field:char res_id:integer type:selection url:char mimetype:char "
            "store_fname:char file_size:integer checksum:char datas:binary raw:binary public:boolean "
            "company_id:many2one:res.company description:text"
        ),
    ),
    "ir.mail_server": (
        "base",
        (
            "name:char active:boolean sequence:integer smtp_host:char smtp_port:integer smtp_user:char smtp_pass:char "
            "smtp_encryption:selection from_filter:char"
        ),
    ),
    "ir.model.access": ("base", "name:char active:boolean model_id:many2one:ir.model group_id:many2one:res.groups"),
    "ir.rule": ("base", "name:char active:boolean model_id:many2one:ir.model domain_force:text"),
    "mail.template": ("mail", "name:char subject:char mail_server_id:many2one:ir.mail_server active:boolean"),
    "mail.mail": ("mail", "subject:char state:selection email_to:char"),
    "mail.message": ("mail", "subject:char body:html model:char res_id:integer"),
    "fetchmail.server": ("mail", "name:char active:boolean state:selection server:char user:char password:char"),
    "mail.alias.domain": ("mail", "name:char bounce_alias:char catchall_alias:char"),
    "resource.calendar": ("resource", _NAMED + " tz:selection"),
    "uom.uom": ("uom", "name:char active:boolean factor:float"),
    "crm.lead": ("crm", _NAMED + " email_from:char partner_id:many2one:res.partner"),
    "sale.order": ("sale", "name:char state:selection partner_id:many2one:res.partner company_id:many2one:res.company"),
    "account.move": ("account", "name:char state:selection company_id:many2one:res.company"),
    "account.journal": ("account", _NAMED + " code:char type:selection"),
    "product.template": ("product", _NAMED + " list_price:float"),
    "product.product": ("product", _NAMED + " default_code:char product_tmpl_id:many2one:product.template"),
    "payment.provider": ("payment", "name:char code:char state:selection company_id:many2one:res.company"),
    "pos.config": ("point_of_sale", _NAMED),
    "restaurant.floor": ("pos_restaurant", _NAMED),
    "stock.warehouse": ("stock", _NAMED + " code:char"),
    "purchase.order": ("purchase", "name:char state:selection partner_id:many2one:res.partner"),
    "project.project": ("project", _NAMED),
    "project.task": ("project", _NAMED + " project_id:many2one:project.project"),
    "hr.employee": ("hr", _NAMED + " work_email:char user_id:many2one:res.users"),
    "calendar.event": ("calendar", "name:char active:boolean start:datetime stop:datetime"),
    "website": ("website", "name:char domain:char company_id:many2one:res.company"),
    "res.config.settings": ("base", "company_id:many2one:res.company"),
    "base.module.upgrade": ("base", "module_info:text"),
    "base.module.update": ("base", "updated:integer added:integer state:selection"),
}

_WIZARD = "base.language.install"


def _changes(version: str) -> dict[str, tuple[str, str]]:
    """Return what a version adds to the models that all have: the module that brings the model, and fields."""

    def later(major: int, new: str, old: str) -> str:
        return new if shipped.since(version, major) else old

    members = later(19, "user_ids:many2many:res.users", "users:many2many:res.users")
    groups = later(
        19, "group_ids:many2many:res.groups all_group_ids:many2many:res.groups", "groups_id:many2many:res.groups"
    )
    wizard = later(16, "lang_ids:many2many:res.lang first_lang_id:integer", "lang:selection state:selection")
    cron = later(18, "failure_count:integer first_failure_date:datetime", "numbercall:integer doall:boolean")
    return {
        "res.users": ("base", groups),
        "ir.actions.server": ("base", groups.partition(" ")[0]),
        "res.groups": ("base", members),
        "ir.cron": ("base", cron),
        _WIZARD: ("base", f"{wizard} overwrite:boolean"),
        "fetchmail.server": ("mail" if shipped.series(version) == "19.0" else "fetchmail", ""),
        "payment.acquirer": ("payment", "name:char provider:selection state:selection"),
    }


_ABSENT = {"14.0": {"payment.provider", "mail.alias.domain"}, "19.0": {"payment.acquirer"}}

PARTNER_FIELDS = frozenset(
    [
        "name",
        "email",
        "phone",
        "lang",
        "tz",
        "vat",
        "ref",
        "street",
        "city",
        "zip",
        "website",
        "type",
        "parent_id",
        "country_id",
        "image_1920",
    ]
)
"""Fields that a user has from its partner."""

GROUPS: dict[str, tuple[str, ...]] = {
    "14.0": (
        *("erp_manager", "system", "user", "multi_company", "multi_currency", "no_one", "allow_export"),
        *("partner_manager", "portal", "public"),
    ),
    "19.0": (
        *("user", "portal", "public", "erp_manager", "system", "sanitize_override", "no_one", "multi_company"),
        *("multi_currency", "allow_export", "partner_manager"),
    ),
}
"""The groups of base in the order of their ids, without the prefix `group_`."""

IMPLIED: dict[str, dict[str, tuple[str, ...]]] = {
    "14.0": {"system": ("erp_manager",), "user": ("no_one",)},
    "19.0": {
        "system": ("erp_manager", "sanitize_override", "multi_company", "allow_export", "partner_manager"),
        "erp_manager": ("user",),
        "user": ("no_one",),
    },
}

_SYSTEM_ONLY = {"ir.config_parameter", "ir.actions.server", "ir.cron", "ir.mail_server", "fetchmail.server", "ir.rule"}
_SYSTEM_ONLY |= {
    "base.language.install",
    "base.module.update",
    "base.module.upgrade",
    "payment.provider",
    "payment.acquirer",
}
_WRITE_GROUP = {
    "res.users": "erp_manager",
    "res.groups": "erp_manager",
    "res.company": "erp_manager",
    "res.partner": "partner_manager",
    "res.country": "partner_manager",
    "ir.attachment": "user",
    "res.users.apikeys": "user",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `relation` is the model behind a many2one, one2many or many2many."""

    name: str
    type: str
    relation: str | None = None

    @property
    def empty(self) -> Any:
        """What reading the field gives when nothing was stored."""
        if self.type in {"many2many", "one2many"}:
            return []
        return {"integer": 0, "float": 0.0}.get(self.type, False)


@dataclass(frozen=True, slots=True)
class Model:
    """One model; reading and writing need the named groups of base (or better)."""

    name: str
    module: str
    fields: dict[str, Field]
    read_group: str
    write_group: str


def _parse(text: str) -> dict[str, Field]:
    parsed = (Field(*word.split(":")) for word in text.split())
    return {field.name: field for field in parsed}


@lru_cache
def models(version: str) -> dict[str, Model]:
    """Return the models of a version by name."""
    series = shipped.series(version)
    changes = _changes(version)
    found = {}
    for name in {**_MODELS, **changes}:
        if name in _ABSENT[series]:
            continue
        module, text = _MODELS.get(name, changes.get(name, ("base", "")))
        module, extra = changes.get(name, (module, ""))
        fields = _parse(f"{_ALWAYS} {text} {extra}")
        if name == "res.users":
            partner = _parse(_MODELS["res.partner"][1])
            fields |= {field: partner[field] for field in sorted(PARTNER_FIELDS)}
        default = "system" if module == "base" else "user"
        found[name] = Model(
            name=name,
            module=module,
            fields=fields,
            read_group="system" if name in _SYSTEM_ONLY else "user",
            write_group="system" if name in _SYSTEM_ONLY else _WRITE_GROUP.get(name, default),
        )
    return found


@lru_cache
def models_of_module(version: str) -> dict[str, tuple[str, ...]]:
    """Return the models that each module brings."""
    found: dict[str, tuple[str, ...]] = {}
    for model in models(version).values():
        found[model.module] = (*found.get(model.module, ()), model.name)
    return found


@lru_cache
def group_ids(version: str) -> dict[str, int]:
    """Return the ids of the groups of base by short name."""
    return {name: index for index, name in enumerate(GROUPS[shipped.series(version)], start=1)}


@lru_cache
def implied_ids(version: str) -> dict[int, frozenset[int]]:
    """Return, for each group of base, itself and every group that it implies."""
    ids, implied = group_ids(version), IMPLIED[shipped.series(version)]

    def reach(name: str) -> frozenset[int]:
        return frozenset({ids[name]}).union(*(reach(other) for other in implied.get(name, ())))

    return {ids[name]: reach(name) for name in ids}


def groups_field(version: str) -> str:
    """Return the field that holds the groups of a user, and of a server action."""
    return "group_ids" if shipped.since(version, 19) else "groups_id"
