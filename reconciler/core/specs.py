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
from dataclasses import dataclass, replace

from reconciler.fleet.desired import Desired
from schemas.instance import Instance, Owner
from schemas.references import DerivedSecret, SecretReference
from schemas.server import Server
from schemas.template import Template

SPEC_FORMAT = 2
"""Part of every digest: raise it when the tool applies or keeps other things than before; all is looked at again then."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a database is given at its build where its document does not declare it; afterwards it is the customer's to change."""

    company: str = ""
    country_code: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """One database as declared. `kind` and `code` name its document; `target` is the name that it bears when published.

    An empty `lang`, `company`, `country_code` or `timezone` is not declared, and so not kept; `birth` has what stands in for
    it at the build.
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
    lang: str
    company: str
    country_code: str
    timezone: str
    parameters: Mapping[str, str]
    base_url: str
    template: str
    template_db: str
    neutralize: bool
    demo: bool
    owner: Owner | None
    birth: Birth = Birth()

    def at_birth(self) -> DatabaseSpec:
        """Return what the database is made to be at its build: all that is kept, and what it is only given once.

        The language of the owner is active then, since the owner's account is made in it; like all of the owner it is
        create-only. The digest that is written into the mark is that of `self`, never that of what is returned.
        """
        lang = self.lang or self.birth.lang
        owners = (self.owner.lang,) if self.owner and self.owner.lang else ()
        return replace(
            self,
            lang=lang,
            languages=tuple(dict.fromkeys((lang, *self.languages, *owners))),
            company=self.company or self.birth.company,
            country_code=self.country_code or self.birth.country_code,
        )

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
            "lang": self.lang,
            "company": self.company,
            "country_code": self.country_code,
            "timezone": self.timezone,
            "parameters": dict(sorted(self.parameters.items())),
            "base_url": self.base_url,
            "owner": self.owner.login if self.owner else "",
            "template": self.template,
            "neutralize": self.neutralize,
        }
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:32]


def instance_spec(desired: Desired, instance: Instance, server: Server) -> DatabaseSpec:
    """Work out what an instance's database on `server` should be. Its modules come from template, plan and itself."""
    template = desired.templates[instance.template]
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
        lang=instance.lang or "",
        company=instance.company or "",
        country_code=instance.country_code or "",
        timezone=instance.timezone or "",
        parameters={**template.parameters, **instance.parameters},
        base_url=server.public_address(instance.subdomain),
        template=template.code,
        template_db=template.template_db,
        neutralize=instance.neutralize,
        demo=template.demo,
        owner=instance.owner,
        birth=Birth(instance.name, template.country_code or "", template.lang),
    )


def instance_digest(desired: Desired, instance: Instance, server: Server) -> str:
    """Return `instance_spec(…).digest()`, worked out once while the documents stay the same."""
    template, plan = desired.templates[instance.template], desired.plans[instance.plan]
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
        lang=template.lang,
        company="",
        country_code=template.country_code or "",
        timezone="",
        parameters=dict(template.parameters),
        base_url="",
        template=template.code,
        template_db=template.template_db,
        neutralize=False,
        demo=template.demo,
        owner=None,
    )


def _key(desired: Desired, reference: SecretReference) -> str:
    """Name the keys that a derived password comes from, so that a declared rotation of the key is a change of every spec."""
    if not isinstance(reference, DerivedSecret):
        return ""
    settings = desired.settings
    return " ".join(str(key) for key in (settings.secret_key, *settings.former_secret_keys))
