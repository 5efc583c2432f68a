"""What one database should be, worked out from the documents: plain data that the diff, the builder and the mark share.

A spec says what is kept: what the documents leave out is empty in it, and is never written into a database in service.
What a database is given at its build all the same stands apart, see `at_birth`. A spec holds references to secrets, never
values. Its digest is written into the database's mark when all of it was applied, so that two runs of any machine agree
on what "applied" means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.model import settings
from reconciler.core.model.addressed import Addressed
from reconciler.fleet.addresses import primary_address
from reconciler.fleet.desired import Desired
from schemas.adoption import Adoption
from schemas.instance import Instance, Owner
from schemas.references import DerivedSecret, SecretReference
from schemas.server import Server
from schemas.template import Template

SPEC_FORMAT = 2
"""Part of every digest: raise it when the tool applies or keeps other things than before; all is looked at again then."""


@dataclass(frozen=True, slots=True)
class DatabaseSpec(Addressed):
    """One database as declared. `kind` and `code` name its document; `target` is the name that it bears when published.

    A setting that is not declared is not in `settings`, and so not kept; `birth` has what stands in for it at the build, and
    is the customer's to change afterwards. `adopt` says what opens a database that this fleet has not made, `clone_of` of which
    instance it is a copy.
    """

    fleet: str
    kind: str
    code: str
    target: str
    server: str
    admin_login: str
    admin_password: SecretReference
    key: str
    modules: tuple[str, ...]
    languages: tuple[str, ...]
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    base_url: str
    template: str
    template_db: str
    neutralize: bool
    demo: bool
    owner: Owner | None
    birth: Mapping[str, str] = field(default_factory=dict)
    adopt: Adoption | None = None
    protected: bool = False
    clone_of: str | None = None
    modules_absent: tuple[str, ...] = ()

    @property
    def sleeps(self) -> bool:
        """Whether its scheduled actions never run. In a neutralized copy Odoo's tidying up does, and no others are held back."""
        return self.kind == "template" or (self.neutralize and self.clone_of is None)

    def at_birth(self) -> DatabaseSpec:
        """Return what the database is made to be at its build: all that is kept, and what it is only given once.

        The language of the owner is active then, since the owner's account is made in it; like all of the owner it is
        create-only. The digest that is written into the mark is that of `self`, never that of what is returned.
        """
        given = {**self.birth, **self.settings}
        spoken = (given.get("lang"), *self.languages, self.owner.lang if self.owner else None)
        return replace(self, settings=given, languages=tuple(dict.fromkeys(lang for lang in spoken if lang)))

    @property
    def all_parameters(self) -> Mapping[str, str]:
        """The parameters that are declared, its base URL among them."""
        base_url = {"web.base.url": self.base_url, "web.base.url.freeze": "True"} if self.base_url else {}
        return {**self.parameters, **base_url}

    def digest(self) -> str:
        """Fingerprint what is kept as declared, and the create-only fields of which an edit is told: it is noticed by this."""
        kept = {
            "format": SPEC_FORMAT,
            "target": self.target,
            "admin_login": self.admin_login,
            "admin_password": str(self.admin_password),
            "key": self.key,
            "modules": sorted(self.modules),
            "languages": sorted(self.languages),
            **settings.fingerprinted(self.settings),
            "parameters": dict(sorted(self.parameters.items())),
            "base_url": self.base_url,
            "owner": self.owner.login if self.owner else "",
            "template": self.template,
            "neutralize": self.neutralize,
            **({"protected": True} if self.protected else {}),
            **({"clone_of": self.clone_of} if self.clone_of else {}),
            **({"modules_absent": sorted(self.modules_absent)} if self.modules_absent else {}),
        }
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:32]


def instance_spec(desired: Desired, instance: Instance, server: Server) -> DatabaseSpec:
    """Work out what an instance's database on `server` should be. Its modules come from template, plan and itself.

    Of a copy only what its own document and its plan say is kept: all else is as its source had it.
    """
    template = desired.templates[desired.template_of(instance)]
    parameters = template.parameters if instance.clone_of is None else {}
    return DatabaseSpec(
        fleet=desired.settings.code,
        kind="instance",
        code=instance.code,
        target=instance.database_name,
        server=server.code,
        admin_login=instance.admin_login,
        admin_password=instance.admin_password,
        key=_key(desired, instance.admin_password),
        modules=desired.instance_modules(instance),
        languages=(instance.lang,) if instance.lang else (),
        settings=settings.declared(instance),
        parameters={**parameters, **instance.parameters},
        base_url=primary_address(instance, server),
        template=template.code,
        template_db=template.template_db,
        neutralize=instance.neutralize,
        demo=template.demo,
        owner=instance.owner,
        birth=settings.at_birth(instance, template),
        adopt=instance.adopt,
        protected=instance.deletion_protection,
        clone_of=instance.clone_of,
        modules_absent=tuple(dict.fromkeys(instance.modules_absent)),
    )


def instance_digest(desired: Desired, instance: Instance, server: Server) -> str:
    """Return `instance_spec(…).digest()`, worked out once while the documents stay the same."""
    template, plan = desired.templates[desired.template_of(instance)], desired.plans[instance.plan]
    made_from = (instance, server, template, plan, desired.settings)
    key = ("instance", instance.code, server.code)
    return desired.fingerprints.of(key, made_from, lambda: instance_spec(desired, instance, server).digest())


def template_digest(desired: Desired, template: Template, server: Server) -> str:
    """Return `template_spec(…).digest()`, worked out once while the documents stay the same."""
    made_from = (template, server, desired.settings)
    key = ("template", template.code, server.code)
    return desired.fingerprints.of(key, made_from, lambda: template_spec(desired, template, server).digest())


def template_spec(desired: Desired, template: Template, server: Server) -> DatabaseSpec:
    """Work out what a template's database on `server` should be. A template serves nobody, so it has no base URL."""
    return DatabaseSpec(
        fleet=desired.settings.code,
        kind="template",
        code=template.code,
        target=template.template_db,
        server=server.code,
        admin_login=template.admin_login,
        admin_password=template.admin_password,
        key=_key(desired, template.admin_password),
        modules=tuple(dict.fromkeys(template.modules)),
        languages=(template.lang,),
        settings=settings.declared(template),
        parameters=dict(template.parameters),
        base_url="",
        template=template.code,
        template_db=template.template_db,
        neutralize=False,
        demo=template.demo,
        owner=None,
        adopt=template.adopt,
    )


def _key(desired: Desired, reference: SecretReference) -> str:
    """Name the keys that a derived password comes from, so that a declared rotation of the key is a change of every spec."""
    if not isinstance(reference, DerivedSecret):
        return ""
    fleet = desired.settings
    return " ".join(str(key) for key in (fleet.secret_key, *fleet.former_secret_keys))
