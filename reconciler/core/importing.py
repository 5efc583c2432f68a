"""What a host holds, told as documents that adopt it: which databases are instances, which look like templates, and what is left.

A document says what its database is, so that adopting it changes nothing that a customer sees. Where the text cannot say that,
the document is paused, and a remark tells what adopting would change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from reconciler.core.diffs import fields
from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook, Survey
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.policies import claims
from reconciler.fleet.desired import Desired
from schemas.adoption import Adoption
from schemas.instance import Instance
from schemas.plan import Plan
from schemas.server import Server
from schemas.template import Template
from schemas.texts import DATABASE_NAME_LENGTH

_Model = TypeVar("_Model", Instance, Template)

_TEMPLATE_WORD = re.compile(r"(?:^|[-_])(?:template|tmpl)(?:[-_]|$)")
_SHORTEST = 2
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_GOES_WITHOUT_SAYING = ("admin_password", "owner", "parameters.web.base.url.freeze")
"""What adopting changes in every database: the customer does not see it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One database that no document declares.

    Args:
        name: as the host lists it.
        look: what an account saw in it, or why it saw nothing; None where nobody tried.
        contents: what else an account saw.
        adopt: what it was opened with, or tried with.
    """

    name: str
    look: DatabaseLook | None = None
    contents: Survey = field(default_factory=Survey)
    adopt: Adoption | None = None


@dataclass(frozen=True, slots=True)
class ProposedDocument:
    """A document to be written; as a comment, where `closed` says why. `fields` are in the order in which people write them."""

    kind: str
    code: str
    fields: Mapping[str, object]
    remarks: tuple[str, ...] = ()
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a host's databases: documents, and those for which there can be none, each with the reason."""

    proposals: tuple[ProposedDocument, ...]
    passed_over: tuple[tuple[str, str], ...]


def propose(desired: Desired, server: Server, holdings: Iterable[Holding]) -> Imported:
    """Write documents for what a host holds.

    Args:
        desired: the fleet: its templates and plans are named where they fit, its defaults and codes are known.
        server: the host's document.
        holdings: the databases that no document declares.
    """
    making = _Making(desired, server)
    passed_over, wanted = [], []
    for holding in sorted(holdings, key=lambda each: each.name):
        if why := _why_passed_over(holding, desired.settings.code):
            passed_over.append((holding.name, why))
        else:
            wanted.append((holding, _why_a_template(holding)))
    proposals = [making.template(holding, why) for holding, why in wanted if why]
    proposals += [making.instance(holding) for holding, why in wanted if not why]
    return Imported(tuple(proposals), tuple(passed_over))


def _why_passed_over(holding: Holding, fleet: str) -> str:
    name = names.parse(holding.name)
    if name.state is NameState.UNKNOWN:
        return "its name has other characters than lowercase letters, digits, '-' and '_': rename it on the host first"
    if name.state is not NameState.PUBLISHED:
        return f"it bears a name that odoo-fleet gives ({name.state}): another fleet's, or left behind by one"
    if not _SHORTEST <= len(holding.name) <= DATABASE_NAME_LENGTH:
        wanted = f"{_SHORTEST} to {DATABASE_NAME_LENGTH}"
        return f"its name has {len(holding.name)} characters, and may have {wanted}: rename it on the host first"
    mark = holding.look.mark if holding.look else None
    if mark is not None:
        whose = "this fleet" if mark.fleet == fleet else f"fleet '{mark.fleet}'"
        return f"it bears the mark of {mark.address} of {whose}"
    return ""


def _why_a_template(holding: Holding) -> str:
    look = holding.look
    if look is not None and look.opened:
        if holding.contents.people:
            return ""
        if not look.active_crons:
            return "nobody works in it but its admin account, and its scheduled actions are off"
    return "its name says so" if _TEMPLATE_WORD.search(holding.name) else ""


@dataclass(slots=True)
class _Making:
    desired: Desired
    server: Server
    codes: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.codes = {"template": set(self.desired.templates), "instance": set(self.desired.instances)}

    def template(self, holding: Holding, why: str) -> ProposedDocument:
        """Write a template, and know it from now on."""
        stem = _TEMPLATE_WORD.sub("-", holding.name).strip("-_") or holding.name
        code = self._code("template", stem)
        head: dict[str, object] = {"kind": "template", "code": code}
        if holding.name != f"template_{code.replace('-', '_')}":
            head["template_db"] = holding.name
        head["server"] = self.server.code
        remarks = (f"It looks like a template: {why}.",)
        look = holding.look
        if look is None or not look.opened:
            return ProposedDocument("template", code, {**head, "adopt": _adopt(holding)}, remarks, _why_closed(holding))
        said = {"modules": list(holding.contents.chosen()), **_said(look, "lang", "country_code"), **_opened(holding)}
        document, proposal = _valid(
            Template, self.desired, ProposedDocument("template", code, {**head, **said}, remarks)
        )
        self.desired = self.desired.having("template", {**self.desired.templates, code: document})
        return _with_surprises(proposal, template_spec(self.desired, document, self.server), look)

    def instance(self, holding: Holding) -> ProposedDocument:
        """Write an instance: of the template and the plan that bring the most, and nothing that it lacks."""
        code, look = self._code("instance", holding.name), holding.look
        head: dict[str, object] = {"kind": "instance", "code": code}
        named = {} if holding.name == code else {"database_name": holding.name}
        plan, template = self._plan(holding), self._template(holding)
        of = {"template": template.code if template else "…", "plan": plan.code if plan else "…"}
        head |= {**of, "server": self.server.code, **named}
        closed = _why_closed(holding) or self._why_nothing_fits(template, plan)
        if look is None or not look.opened or template is None or plan is None:
            return ProposedDocument("instance", code, {**head, "adopt": _adopt(holding)}, closed=closed)
        brought = holding.contents.brought_by((*template.modules, *plan.modules))
        own = [name for name in holding.contents.chosen() if name not in brought]
        kept = {
            key: look.parameters[key] for key in template.parameters if look.parameters[key] != template.parameters[key]
        }
        said = {
            **_subdomain(look, self.server, code),
            **_said(look, "company", "lang", "country_code", "timezone"),
            **({"modules": own} if own else {}),
            **({"parameters": kept} if kept else {}),
            **_owner(holding),
            **_opened(holding),
        }
        proposal = ProposedDocument("instance", code, {**head, **said}, _remarks(self.desired, holding))
        document, proposal = _valid(Instance, self.desired, proposal)
        known = self.desired.having("instance", {code: document})
        return _with_surprises(proposal, instance_spec(known, document, self.server), look)

    def _code(self, kind: str, name: str) -> str:
        stem = name.replace("_", "-").strip("-")
        taken = self.codes[kind]
        code = next(c for c in (stem, f"{stem}-{self.server.code}", f"{stem}-{len(taken)}") if c not in taken)
        taken.add(code)
        return code

    def _template(self, holding: Holding) -> Template | None:
        fitting = [t for t in self.desired.templates.values() if self._fits(t, holding)]
        known = [(len(holding.contents.brought_by(t.modules)), t.code) for t in fitting]
        return self.desired.templates[min(known, key=lambda each: (-each[0], each[1]))[1]] if known else None

    def _fits(self, template: Template, holding: Holding) -> bool:
        here = template.active and self.server.code in template.server_codes
        parameters = holding.look.parameters if holding.look else {}
        return (
            here
            and holding.contents.needs.keys() >= set(template.modules)
            and parameters.keys() >= template.parameters.keys()
        )

    def _plan(self, holding: Holding) -> Plan | None:
        plans = (p for p in self.desired.plans.values() if p.active)
        return next((p for p in plans if holding.contents.needs.keys() >= set(p.modules)), None)

    def _why_nothing_fits(self, template: Template | None, plan: Plan | None) -> str:
        if template is None:
            return f"no template on {self.server.code} has only modules and parameters that it has: declare one"
        return "" if plan else "no plan has only modules that it has: declare one"


def _valid(model: type[_Model], desired: Desired, proposal: ProposedDocument) -> tuple[_Model, ProposedDocument]:
    """Make the document, without what a text may not say: that is left as it is in the database, and told."""
    below = getattr(desired.settings.defaults, proposal.kind)
    try:
        return model.model_validate({**below, **proposal.fields}), proposal
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_url=False)} & proposal.fields.keys()
        if not wrong:
            raise
    kept = {name: value for name, value in proposal.fields.items() if name not in wrong}
    told: tuple[str, ...] = tuple(f"Its {name} cannot be written here, and is left as it is." for name in sorted(wrong))
    return _valid(model, desired, replace(proposal, fields=kept, remarks=(*proposal.remarks, *told)))


def _with_surprises(proposal: ProposedDocument, spec: DatabaseSpec, look: DatabaseLook) -> ProposedDocument:
    """Pause a document if adopting its database would change what the customer sees, or is refused; say so above it."""
    if doubt := claims.objection(look, spec, None):
        return replace(proposal, closed=f"{doubt.why}: {doubt.advice}")
    seen = (*fields.adopted_with(spec, look, NameState.PUBLISHED), *fields.differences(spec, look, NameState.PUBLISHED))
    quiet = ("schedule",) if spec.kind == "template" else ()
    changes = {c.field: c for c in seen if c.field not in (*_GOES_WITHOUT_SAYING, *quiet)}
    found = [f"  {c.field}: {c.observed or 'nothing'} → {c.desired}" for c in changes.values()]
    if not found:
        return proposal
    remarks = (*proposal.remarks, "Paused, since adopting it changes more than its admin's password:", *found)
    return replace(proposal, fields={**proposal.fields, "paused": True}, remarks=remarks)


def _why_closed(holding: Holding) -> str:
    look = holding.look
    if look is None:
        return "no account was given that may open it"
    if look.access is Access.HALF_MADE:
        return "its initialisation never ended: nobody can use it"
    if look.access is Access.REFUSED:
        return "the account that was given does not open it: another password or login, a second factor, or a deactivated account"
    return "" if look.opened else look.problem


def _adopt(holding: Holding) -> Mapping[str, object]:
    found = holding.adopt
    login = {"admin_login": found.admin_login} if found and found.admin_login else {}
    password = {"admin_password": found.admin_password} if found and found.admin_password else {}
    return {**login, **password}


def _opened(holding: Holding) -> Mapping[str, object]:
    assert holding.look is not None
    login = {} if holding.look.login == "admin" else {"admin_login": holding.look.login}
    return {**login, "adopt": _adopt(holding)}


def _said(look: DatabaseLook, *settings: str) -> Mapping[str, object]:
    return {name: look.settings[name] for name in settings if look.settings.get(name)}


def _subdomain(look: DatabaseLook, server: Server, code: str) -> Mapping[str, object]:
    host = urlsplit(look.parameters.get("web.base.url", "")).hostname or ""
    subdomain = host.removesuffix(f".{server.domain}")
    is_one = server.domain and subdomain != host and _SUBDOMAIN.fullmatch(subdomain)
    return {"subdomain": subdomain} if is_one and subdomain != code else {}


def _owner(holding: Holding) -> Mapping[str, object]:
    """Name the owner where it can be told: the one person who works in it."""
    people = [(name, login) for name, login in holding.contents.people if name and login]
    return {"owner": {"name": people[0][0], "login": people[0][1]}} if len(people) == 1 else {}


def _remarks(desired: Desired, holding: Holding) -> tuple[str, ...]:
    found = []
    others = [p.code for p in desired.plans.values() if p.active][1:]
    if others:
        found.append(f"The plan is a guess; others: {', '.join(others)}.")
    if len(holding.contents.people) > 1:
        people = holding.contents.people
        found.append(f"{len(people)} people work in it; the oldest account is {people[0][1]}.")
    if _TEMPLATE_WORD.search(holding.name):
        found.append("Its name says that it is a template, but people work in it.")
    return tuple(found)
