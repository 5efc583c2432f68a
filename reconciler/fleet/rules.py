"""Rules between the documents of a fleet, checked on the text alone: each is a function from what is declared to what breaks it.

Each problem is told once, at the line that someone should edit. Names that may not be used twice are in `clashes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reconciler.fleet.clashes import check_clashes
from reconciler.fleet.counting import count
from reconciler.fleet.declarations import Declarations, Reference, references_of
from reconciler.fleet.diagnostics import Diagnostic, Severity
from reconciler.fleet.documents import Hints, Path, did_you_mean
from reconciler.fleet.field_problems import BETTER_HINT, KEY_HINT, REFERENCE_HINT
from reconciler.fleet.instance_rules import check_copies, check_modules
from reconciler.fleet.secrets import PASSWORD_FIELDS, weakness
from schemas.instance import Instance
from schemas.kinds import KINDS
from schemas.references import DerivedSecret, LiteralSecret, secrets_in
from schemas.secrets import Secret
from schemas.server import Server

NEUTRALIZE_SINCE = 17.0
"""The first Odoo series whose `duplicate_database` takes `neutralize` (service/db.py of 17.0; late builds of 16 do too)."""

_OF_POSTGRESQL = frozenset({"postgres", "template0", "template1"})
"""Databases that every PostgreSQL server has for itself."""

_LEFT_OUT = "www"
"""The first label of a host name that Odoo passes over when it looks for a database (`db_filter`, 14 to 19, http.py)."""


def check(world: Declarations, hints: Hints) -> Iterator[Diagnostic]:
    """Find everything that breaks a rule."""
    hosted = _hosted(world)
    yield from _check_references(world, hints)
    yield from _check_template_servers(world)
    for server in world.servers.values():
        yield from _check_server(world, server, hosted.get(server.code, []))
    yield from _check_names(world)
    yield from _check_retired(world)
    yield from _check_placements(world)
    for instance in world.instances.values():
        if instance.deletion_protection or instance.owner is not None or instance.subscription is not None:
            yield from _check_instance(world, instance)
        if instance.primary_domain is not None and instance.primary_domain not in instance.domains:
            place = world.range_of("instance", instance.code, "primary_domain")
            message = f"the primary domain {instance.primary_domain!r} is none of its domains"
            yield Diagnostic(
                place, "unknown-primary-domain", message, f"add it: `domains: [{instance.primary_domain}]`"
            )
    yield from _check_renames(world)
    yield from _check_backups(world)
    yield from _check_restores(world)
    yield from check_copies(world)
    yield from check_modules(world)
    yield from _check_secrets(world)
    yield from check_clashes(world)


def _hosted(world: Declarations) -> Mapping[str, list[str]]:
    """Codes of the instances that name each server and are not absent."""
    hosted: dict[str, list[str]] = {}
    for instance in world.wanted_instances():
        if instance.server is not None:
            hosted.setdefault(instance.server, []).append(instance.code)
    return hosted


def _listed(codes: list[str]) -> str:
    """Say `1 instance names it: a` or `5 instances name it: a, b, c, …`."""
    few = 3
    shown = ", ".join(codes[:few]) + (", …" if len(codes) > few else "")
    return f"{count(len(codes), 'instance')} name{'s' if len(codes) == 1 else ''} it: {shown}"


def _check_references(world: Declarations, hints: Hints) -> Iterator[Diagnostic]:
    for target, name, path, source in (*_in_doubt(world), *world.references):
        if name not in world.codes[target]:
            hint = hints.did_you_mean(name, world.codes[target]) or f"no {target} is declared"
            yield Diagnostic(source.range_of(*path), f"unknown-{target}", f"no {target} {name!r}", hint)


def _in_doubt(world: Declarations) -> Iterator[Reference]:
    """What valid documents refer to, but for the many all of whose references are declared."""
    for kind, documents in world.documents.items():
        refers = [(field, world.codes[target]) for field, target in KINDS[kind].refers.items()]
        for code, document in documents.items() if refers else ():
            if not all(_is_declared(getattr(document, field), codes) for field, codes in refers):
                yield from references_of(kind, vars(document), world.sources[kind, code])


def _is_declared(named: str | Sequence[str] | None, codes: AbstractSet[str]) -> bool:
    return named is None or (named in codes if isinstance(named, str) else all(name in codes for name in named))


def _check_template_servers(world: Declarations) -> Iterator[Diagnostic]:
    for code, template in world.templates.items():
        source = world.sources["template", code]
        if template.server is not None and template.servers is not None:
            message = "a template has either 'server' or 'servers', not both"
            yield Diagnostic(source.key_of("server"), "server-and-servers", message, "list all of them in 'servers'")
        elif not template.server_codes and "server" not in world.defaults.given.get("template", ()):
            hint = "for example `server: prod-1` or `servers: [prod-1, prod-2]`"
            yield Diagnostic(source.range_of(), "missing-field", "'server' or 'servers' is missing", hint)
        seen: set[str] = set()
        for index, server in enumerate(template.servers or ()):
            if server in seen:
                place = source.range_of("servers", index)
                yield Diagnostic(place, "repeated-value", f"server {server!r} is listed twice", "remove one of them")
            seen.add(server)


def _check_names(world: Declarations) -> Iterator[Diagnostic]:
    """Find databases that PostgreSQL has for itself."""
    named = [("template", t.code, "template_db", t.template_db) for t in world.templates.values()]
    named += [("instance", i.code, "database_name", i.database_name) for i in world.instances.values()]
    for kind, code, field, name in named:
        if name in _OF_POSTGRESQL:
            message, hint = f"{name!r} is a database of PostgreSQL's own", f"choose another {field}"
            yield Diagnostic(world.range_of(kind, code, field), "reserved-database", message, hint)


def _check_server(world: Declarations, server: Server, hosted: list[str]) -> Iterator[Diagnostic]:
    if not hosted:
        return
    source = world.sources["server", server.code]
    named = f"server {server.code!r}"
    away = "move them, or set their `state: absent`"
    if not server.active:
        message = f"{named} is not active, but {_listed(hosted)}"
        yield Diagnostic(source.range_of("active"), "inactive-server", message, away)
    if server.state == "disabled":
        message, hint = f"{named} is disabled, but {_listed(hosted)}", f"{away}; `maintenance` keeps instances"
        yield Diagnostic(source.range_of("state"), "disabled-server", message, hint)
    if server.state == "draft":
        message, hint = f"{named} is a draft, but {_listed(hosted)}", "set `state: active` once it may be used"
        yield Diagnostic(source.range_of("state"), "draft-server", message, hint)
    if len(hosted) > server.max_instances:
        message = f"{named} may host {count(server.max_instances, 'instance')}, but {_listed(hosted)}"
        yield Diagnostic(source.range_of("max_instances"), "over-capacity", message, "raise it, or move some of them")


def _check_retired(world: Declarations) -> Iterator[Diagnostic]:
    """Find templates and plans that are no longer active while instances name them."""
    if all(each.active for kind in (world.templates, world.plans) for each in kind.values()):
        return
    users: dict[tuple[str, str], list[str]] = {}
    for instance in world.wanted_instances():
        if instance.clone_of is None and instance.template is not None:
            users.setdefault(("template", instance.template), []).append(instance.code)
        users.setdefault(("plan", instance.plan), []).append(instance.code)
    for code, template in world.templates.items():
        if not template.active and ("template", code) in users:
            message = f"template {code!r} is not active, but {_listed(users['template', code])}"
            yield Diagnostic(world.range_of("template", code, "active"), "inactive-template", message, _RETIRED)
    for code, plan in world.plans.items():
        if not plan.active and ("plan", code) in users:
            message = f"plan {code!r} is not active, but {_listed(users['plan', code])}"
            yield Diagnostic(world.range_of("plan", code, "active"), "inactive-plan", message, _RETIRED)


_RETIRED = "it can be retired once no instance names it"


@dataclass(frozen=True, slots=True)
class _Place:
    """What an instance of some template, on some server or on any, has to fit."""

    elsewhere: tuple[str, ...]  # servers of the template, if the instance's is none of them
    old: Server | None
    reached: Server | None


def _check_placements(world: Declarations) -> Iterator[Diagnostic]:
    places: dict[tuple[str | None, ...], _Place] = {}
    for instance in world.instances.values():
        key = (instance.template, instance.clone_of, instance.server, str(is_cloned(instance)))
        place = places.get(key)
        if place is None:
            place = places[key] = _place(world, instance)
        missed = instance.subdomain != instance.database_name or instance.subdomain == _LEFT_OUT
        unlike = place.reached is not None and missed
        if place.elsewhere or unlike or (instance.neutralize and place.old is not None):
            yield from _check_placement(world, instance, place)


def _place(world: Declarations, instance: Instance) -> _Place:
    template = world.templates.get(world.template_of(instance))
    on = template.server_codes if template is not None else ()
    astray = template is not None and instance.server in world.codes["server"] and instance.server not in on
    servers = [world.servers[code] for code in world.possible_servers(instance) if code in world.servers]
    return _Place(
        elsewhere=on if astray else (),
        old=next((s for s in servers if float(s.odoo_version) < NEUTRALIZE_SINCE), None)
        if is_cloned(instance)
        else None,
        reached=next((server for server in servers if server.domain is not None), None),
    )


def is_cloned(instance: Instance) -> bool:
    """Tell whether a database is a clone of its template, which its host neutralizes or nobody does."""
    return instance.clone_of is None and instance.restore_from is None


def _check_placement(world: Declarations, instance: Instance, place: _Place) -> Iterator[Diagnostic]:
    source = world.sources["instance", instance.code]
    if place.elsewhere:
        message = f"template {world.template_of(instance)!r} is not on server {instance.server!r}"
        hint = f"it is on {', '.join(place.elsewhere)}"
        yield Diagnostic(source.range_of("server"), "template-not-on-server", message, hint)
    old, reached = place.old, place.reached
    if instance.neutralize and old is not None:
        message = f"'neutralize' needs Odoo {NEUTRALIZE_SINCE} or later, server {old.code!r} has {old.odoo_version}"
        hint = "" if instance.server is not None else "name a later server: this one may be chosen"
        yield Diagnostic(source.range_of("neutralize"), "neutralize-unsupported", message, hint)
    if reached is not None and instance.subdomain == _LEFT_OUT:
        message = f"subdomain {_LEFT_OUT!r} names no database to Odoo"
        hint = f"at {_LEFT_OUT}.{reached.domain} a `dbfilter = ^%d$` looks for {(reached.domain or '').partition('.')[0]!r}"
        yield Diagnostic(source.range_of("subdomain"), "subdomain-mismatch", message, hint, Severity.WARNING)
    elif reached is not None and instance.subdomain != instance.database_name:
        message = f"subdomain {instance.subdomain!r} differs from the database name {instance.database_name!r}"
        address = f"{instance.subdomain}.{reached.domain}"
        hint = f"a host that finds databases by subdomain (`dbfilter = ^%d$`) does not serve it at {address}"
        at = source.range_of("subdomain")
        yield Diagnostic(at, "subdomain-mismatch", message, hint, Severity.WARNING)


def _check_instance(world: Declarations, instance: Instance) -> Iterator[Diagnostic]:
    source = world.sources["instance", instance.code]
    if instance.deletion_protection and (instance.state == "absent" or instance.expires is not None):
        message = f"instance {instance.code!r} is protected against deletion"
        hint = "set `deletion_protection: false` first, in a change of its own"
        field = "state" if instance.state == "absent" else "expires"
        yield Diagnostic(source.range_of(field), "deletion-protected", message, hint)
    if instance.owner is not None and instance.owner.login == instance.admin_login:
        message = f"the owner's login {instance.owner.login!r} is the admin's"
        yield Diagnostic(
            source.range_of("owner", "login"), "owner-is-admin", message, "give the owner a login of their own"
        )
    period = instance.subscription
    if period is not None and period.end is not None and period.end < period.start:
        message = f"the subscription ends on {period.end}, before it starts on {period.start}"
        yield Diagnostic(source.range_of("subscription", "end"), "subscription-ends-early", message)


def _check_renames(world: Declarations) -> Iterator[Diagnostic]:
    renamed = [instance for instance in world.instances.values() if instance.renamed_from is not None]
    if not renamed:
        return
    by_database: dict[str, list[Instance]] = {}
    for instance in world.instances.values():
        by_database.setdefault(instance.database_name, []).append(instance)
    for instance in renamed:
        former = instance.renamed_from or ""
        place = world.range_of("instance", instance.code, "renamed_from")
        if former in {instance.code, instance.database_name}:
            message = f"{former!r} is what the instance is called now"
            yield Diagnostic(place, "renamed-from-itself", message, "remove 'renamed_from', or write the former name")
            continue
        other = _bearer(world, instance, former, by_database.get(former, []))
        if other is not None:
            message = f"{former!r} is the name of instance {other!r}, which is declared too"
            yield Diagnostic(place, "renamed-from-declared", message, "remove one of the two")


def _bearer(world: Declarations, instance: Instance, former: str, holders: list[Instance]) -> str | None:
    """The other instance that bears a former name: by its code, or by a database that may be on the same server."""
    if former in world.codes["instance"]:
        return former
    for other in holders:
        if instance.server is None or other.server is None or instance.server == other.server:
            return other.code
    return None


def _check_backups(world: Declarations) -> Iterator[Diagnostic]:
    """Find backups that have no place to go to."""
    targets = world.settings.backup_targets if world.settings is not None else {}
    declared = [d for kind in (world.plans, world.templates, world.instances) for d in kind.values()]
    for document in declared:
        policy = document.backup
        if policy is None:
            continue
        named, source = policy.target, world.sources[document.kind, document.code]
        if named is not None and named not in targets:
            hint = did_you_mean(named, targets) or "the fleet document declares it in `backup_targets`"
            place = source.range_of("backup", "target")
            yield Diagnostic(place, "unknown-backup-target", f"no backup target {named!r}", hint)
        elif named is None and len(targets) != 1:
            place, what = source.range_of("backup"), "where to back up to is not said: the fleet declares"
            if targets:
                hint = f"add `target: …`, one of {', '.join(targets)}"
                yield Diagnostic(place, "no-backup-target", f"{what} several `backup_targets`", hint)
            else:
                hint = "for example `backup_targets: {main: {url: file:///srv/odoo-backups}}`"
                message = f"{what} no `backup_targets`, so that nothing is backed up"
                yield Diagnostic(place, "no-backup-target", message, hint, Severity.WARNING)


def _check_restores(world: Declarations) -> Iterator[Diagnostic]:
    """Find instances that cannot be built from a backup."""
    targets = world.settings.backup_targets if world.settings is not None else {}
    for instance in world.instances.values():
        if instance.restore_from is None:
            continue
        place = world.range_of("instance", instance.code, "restore_from")
        if not targets and instance.restore_from.archive is None:
            message = "there is no place that a backup could come from: the fleet declares no `backup_targets`"
            hint = "for example `backup_targets: {main: {url: file:///srv/odoo-backups}}`"
            yield Diagnostic(place, "no-backup-target", message, hint)


def _check_secrets(world: Declarations) -> Iterator[Diagnostic]:
    if world.settings is None:
        return
    derived = False
    documents = [document for of_kind in world.documents.values() for document in of_kind.values()]
    found = ((d.kind, d.code, path, reference) for d in documents for path, reference in secrets_in(d))
    for kind, code, path, reference in found:
        derived = derived or isinstance(reference, DerivedSecret)
        if isinstance(reference, LiteralSecret) and not world.settings.allow_literal_secrets:
            message = f"{_name(path)!r} holds the secret itself, not where to find it"
            hint = KEY_HINT if kind == "fleet" else REFERENCE_HINT
            yield Diagnostic(world.range_of(kind, code, *path), "literal-secret", message, hint)
        elif isinstance(reference, LiteralSecret) and _name(path) in PASSWORD_FIELDS:
            yield from _check_password(world, kind, code, path, reference.value)
    if derived and world.settings.secret_key is None:
        place = world.range_of("fleet", world.settings.code)
        hint = "`odoo-fleet secret new-key` makes one; then `secret_key: {env: ODOO_FLEET_KEY}`"
        yield Diagnostic(place, "missing-secret-key", "secrets are derived, but the fleet has no 'secret_key'", hint)


def _check_password(world: Declarations, kind: str, code: str, path: Path, value: Secret) -> Iterator[Diagnostic]:
    reason = weakness(value, world.login_of(kind, code, path))
    if reason:
        message = f"{_name(path)!r} is refused: {reason}"
        yield Diagnostic(world.range_of(kind, code, *path), "weak-secret", message, BETTER_HINT)


def _name(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))
