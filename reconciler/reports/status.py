"""What is declared beside what is there, as typed rows: all that `status` shows, in whatever form.

Made from a shallow pass: names of databases, and what is remembered of them; with `--refresh` also of what a look into each
shows. What was never verified is said to be so, and is not shown as ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar, cast

from reconciler.core.diffs import support
from reconciler.core.diffs.drafts import Draft
from reconciler.core.freshness import NOTHING_KNOWN, Freshness, freshness
from reconciler.core.model import verbs, whereabouts
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset, Frozen, Left, LeftAlone
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, Observed, ObservedHost
from reconciler.core.model.pauses import Pause, in_force
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.model.specs import instance_digest, instance_spec
from reconciler.core.policies import claims, endings, subscriptions, template_versions, usage
from reconciler.fleet.addresses import primary_address
from reconciler.fleet.desired import Desired
from reconciler.health.signs import CAPACITY, LATENCY, VERSION, HealthStatus
from reconciler.health.verdicts import Vitals, free_percent, is_watched, judge_once
from reconciler.reports.words import why
from schemas.instance import Instance
from schemas.kinds import KINDS
from schemas.server import Server
from schemas.template import Template

_UNPROVEN = "nothing that is remembered proves it to be this fleet's"
_OTHERWISE = "the last look found it otherwise, or a change of it was cut short"


class InSync(StrEnum):
    """Whether a database is as its text says."""

    YES = "yes"
    NO = "no"
    CHANGED = "changed"  # it was verified as an earlier text says, and nobody has applied this one
    NEVER_SEEN = "never seen"  # a database of its name is there; nothing that is remembered proves that it is its own
    NOT_OURS = "not ours"  # a look found that it bears the name alone
    UNKNOWN = "unknown"  # its server does not answer


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server. What was not observed is None."""

    code: str
    name: str
    state: str
    online: bool | None
    health: HealthStatus
    health_reason: str
    odoo_version: str
    observed_version: str | None
    instance_count: int | None
    max_instances: int
    available_capacity: float | None
    latency_ms: int | None
    last_check: datetime | None
    server_url: str


@dataclass(frozen=True, slots=True)
class TemplatePlace:
    """A template on one of its servers; `is_ready` is None where the server does not answer.

    It is None too where a database of its name is there and nothing that is remembered proves it to be the template
    (`is_unproven`). `version` is that of the database there, empty where that is not known; `behind` are the instances there that
    came from another one.
    """

    server: str
    is_ready: bool | None
    detail: str
    is_unproven: bool = False
    version: str = ""
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One template."""

    code: str
    name: str
    template_db: str
    places: tuple[TemplatePlace, ...]

    @property
    def is_ready(self) -> bool:
        """Tell whether it can be cloned on each of its servers."""
        return all(place.is_ready for place in self.places)


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One instance. `server` is where it is, was last seen while that does not answer, or would be placed.

    `template` is that of its source where it is a copy (`clone_of`); `observed` is what its name says; `verified_at` is when a
    look last found it to be as the text said then, None where none is remembered.
    """

    code: str
    name: str
    server: str | None
    template: str
    clone_of: str | None
    plan: str
    database: str
    state: str
    observed: str
    in_sync: InSync
    detail: str
    url: str | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One plan that customers subscribe to."""

    code: str
    name: str
    period: str
    max_users: int | None
    max_storage_gb: int | None
    instances: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document of a kind of which nothing else is shown."""

    code: str
    name: str
    description: str


Row = ServerRow | TemplateRow | InstanceRow | PlanRow | DocumentRow


@dataclass(frozen=True)
class Status:
    """A fleet's rows by subject (`servers`), as of one moment, pauses that concern them, frozen hosts, and orphans."""

    fleet: str
    at: datetime
    rows: Mapping[str, tuple[Row, ...]]
    pauses: tuple[Pause, ...] = ()
    known: Freshness = NOTHING_KNOWN
    frozen: tuple[Frozen, ...] = ()
    orphans: tuple[LeftAlone, ...] = ()

    @property
    def servers(self) -> tuple[ServerRow, ...]:
        """The rows of servers."""
        return cast("tuple[ServerRow, ...]", self.rows["servers"])

    @property
    def templates(self) -> tuple[TemplateRow, ...]:
        """The rows of templates."""
        return cast("tuple[TemplateRow, ...]", self.rows["templates"])

    @property
    def instances(self) -> tuple[InstanceRow, ...]:
        """The rows of instances."""
        return cast("tuple[InstanceRow, ...]", self.rows["instances"])

    def concerning(self, asked: Iterable[str]) -> tuple[Pause, ...]:
        """Return the pauses of the fleet and of the rows of some subjects, with those of the servers that the rows are on."""
        shown = {("fleet", self.fleet)}
        kinds = subjects()
        for subject in asked:
            shown |= {(kinds[subject], row.code) for row in self.rows[subject]}
        if "templates" in asked:
            shown |= {("server", place.server) for row in self.templates for place in row.places}
        if "instances" in asked:
            shown |= {("server", row.server or "") for row in self.instances}
        return tuple(pause for pause in self.pauses if (pause.kind, pause.code) in shown)


def subjects() -> dict[str, str]:
    """Return what a status can be asked about, in the order in which it shows that, with the kind of each."""
    first = ("server", "template", "instance", "plan")
    return {f"{kind}s": kind for kind in (*first, *(kind for kind in KINDS if kind not in (*first, "fleet")))}


def status(
    desired: Desired,
    observed: Observed,
    inventory: Inventory,
    changeset: Changeset,
    now: datetime,
    selection: Selection = EVERYTHING,
) -> Status:
    """Put the rows together.

    Args:
        desired: the fleet.
        observed: what its hosts answered.
        inventory: what is remembered.
        changeset: of the same look, for the whole fleet.
        now: when that look was made.
        selection: which rows are wanted.
    """
    desired = usage.in_force(endings.in_force(desired, now), inventory, now)
    view = _View(desired, observed, inventory, changeset, now)
    servers = sorted(desired.servers.values(), key=lambda s: (s.sequence, s.code))
    made: dict[str, Callable[[], Iterable[Row]]] = {
        "servers": lambda: (view.server(s) for s in servers if selection.includes(s)),
        "templates": lambda: (view.template(t) for t in desired.templates.values() if selection.includes(t)),
        "instances": lambda: (view.instance(i) for i in desired.instances.values() if selection.includes(i)),
        "plans": lambda: view.plans() if selection.is_everything else (),
    }
    rows: dict[str, tuple[Row, ...]] = {}
    for subject, kind in subjects().items():
        documents = (d for d in desired.documents[kind].values() if selection.includes(d))
        others = (DocumentRow(d.code, d.name, d.description) for d in documents)
        rows[subject] = tuple(made[subject]() if subject in made else others)
    pauses = tuple(pause for _, pause in sorted(in_force(desired, inventory.pauses).items()))
    known = freshness(desired, observed, inventory, selection)
    left_alone = changeset.left_alone if selection.is_everything else ()
    orphans = tuple(each for each in left_alone if each.kind is Left.ORPHAN)
    return Status(desired.settings.code, now, rows, pauses, known, changeset.frozen, orphans)


class _OfDocument(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def code(self) -> str: ...


_D = TypeVar("_D", bound=_OfDocument)


def _by_document(found: Iterable[_D]) -> Mapping[tuple[str, str], Sequence[_D]]:
    """Put together what concerns one document: a fleet may have ten thousand, with something pending for each."""
    together: defaultdict[tuple[str, str], list[_D]] = defaultdict(list)
    for each in found:
        together[each.kind, each.code].append(each)
    return together


class _View:
    def __init__(
        self, desired: Desired, observed: Observed, inventory: Inventory, changeset: Changeset, now: datetime
    ) -> None:
        self._desired, self._observed, self._inventory = desired, observed, inventory
        self._standing = whereabouts.as_it_stands(desired, inventory)
        self._versions = template_versions.known(desired.settings.code, observed, inventory)
        self._behind = template_versions.behind(desired, self._versions)
        self._now = now
        self._actions = _by_document(changeset.actions)
        self._held = _by_document(each.action for each in changeset.withheld)
        self._blocked = _by_document(changeset.blocked)
        draft = Draft(desired, observed, inventory, now)
        draft.count_used()
        self._used = draft.used

    def server(self, server: Server) -> ServerRow:
        host = self._observed.hosts.get(server.code)
        answered = host is not None and host.online
        used = self._used.get(server.code, 0) if answered else None
        free = None if used is None else free_percent(server, used)
        health, reason = self._health(server, host, free)
        return ServerRow(
            code=server.code,
            name=server.name,
            state=server.state if server.active else "inactive",
            online=None if host is None else host.online,
            health=health,
            health_reason=reason,
            odoo_version=server.odoo_version,
            observed_version=host.version if host and answered else None,
            instance_count=used,
            max_instances=server.max_instances,
            available_capacity=free,
            latency_ms=round(1000 * host.seconds) if host and answered else None,
            last_check=None if host is None else self._now,
            server_url=server.server_url,
        )

    def _health(self, server: Server, host: ObservedHost | None, free: float | None) -> tuple[HealthStatus, str]:
        """Judge a server by this one look; one that is not in use is not judged."""
        if host is None or not is_watched(server):
            return HealthStatus.UNKNOWN, ""
        signs = {VERSION.name: host.version, LATENCY.name: 1000 * host.seconds, CAPACITY.name: free}
        record = judge_once(server, Vitals(host, self._now, signs), self._desired.settings.health)
        return record.status, record.why

    def template(self, template: Template) -> TemplateRow:
        places = tuple(self._place(template, code) for code in template.server_codes)
        return TemplateRow(template.code, template.name, template.template_db, places)

    def _place(self, template: Template, code: str) -> TemplatePlace:
        host = self._observed.hosts.get(code)
        if host is None or not host.online:
            return TemplatePlace(code, None, "its server was not asked" if host is None else host.problem)
        this = ("template", template.code)
        pending = "; ".join(self._pending(*this, code))
        if not host.lists(template.template_db):
            return TemplatePlace(code, is_ready=False, detail=pending or "not there")
        is_known = template.template_db in host.looks or (*this, code) in self._inventory.entries
        if not (pending or is_known):
            return TemplatePlace(code, is_ready=None, detail=_UNPROVEN, is_unproven=True)
        is_ready, version = not pending or self._is_served(this, code), self._versions.get((*this, code), "")
        behind = self._behind.get((template.code, code), ())
        return TemplatePlace(code, is_ready=is_ready, detail=pending, version=version, behind=behind)

    def _is_served(self, this: tuple[str, str], server: str) -> bool:
        """Tell whether all that is pending of a template is a new version in its place: it is cloned until then."""
        here = [a for a in (*self._actions[this], *self._held[this]) if a.server == server]
        stopped = any(b.server == server for b in self._blocked[this])
        return bool(here) and not stopped and all(action.verb is verbs.REBUILD for action in here)

    def instance(self, instance: Instance) -> InstanceRow:
        found = self._find(instance)
        server = found.server if found else instance.server or self._place_unseen(instance)
        document = self._desired.servers.get(server or "")
        observed = self._observed_state(instance, found)
        in_sync, detail = self._compare(instance, found, observed)
        return InstanceRow(
            code=instance.code,
            name=instance.name,
            server=server,
            template=self._desired.template_of(instance),
            clone_of=instance.clone_of,
            plan=instance.plan,
            database=found.name.text if found else instance.database_name,
            state=instance.state,
            observed=observed,
            in_sync=in_sync,
            detail=detail or self._soon(instance),
            url=(primary_address(instance, document) or None) if document else None,
            verified_at=self._verified_at(instance, found),
        )

    def _soon(self, instance: Instance) -> str:
        """Say that an instance ends in a few days, or its subscription, or nothing."""
        if instance.state == "absent":
            return ""
        soon = instance.expires and endings.within(endings.expires_at(instance), self._now)
        if soon:
            return f"expires on {instance.expires} ({soon})"
        told = subscriptions.told(self._desired, instance, self._now).replace(f" of {instance.address}", "")
        return told or usage.told(self._desired, self._inventory, instance).removeprefix(f"{instance.address} ")

    def plans(self) -> Iterator[PlanRow]:
        live = [i.plan for i in self._desired.instances.values() if i.state != "absent"]
        for plan in self._desired.plans.values():
            yield PlanRow(plan.code, plan.name, plan.period, plan.max_users, plan.max_storage_gb, live.count(plan.code))

    def _find(self, instance: Instance) -> claims.Found | None:
        found = claims.of(self._desired, self._observed, self._standing.instances[instance.code])
        return next(iter(claims.narrow(found, self._inventory, "instance", instance.code)), None)

    def _place_unseen(self, instance: Instance) -> str | None:
        last = claims.last_seen(self._desired, self._observed, self._inventory, instance)
        return last or self._future_place(instance)

    def _future_place(self, instance: Instance) -> str | None:
        this = ("instance", instance.code)
        return next((a.server for a in (*self._actions[this], *self._held[this])), None)

    def _observed_state(self, instance: Instance, found: claims.Found | None) -> str:
        if found:
            return "active" if found.name.state is NameState.PUBLISHED else found.name.state.value
        trash = self._observed.named(NameState.TRASH, instance.database_name)
        if any(instance.server in (None, host.server) for host, _ in trash):
            return "trash"
        places = (instance.server,) if instance.server else tuple(self._desired.servers)
        hosts = [self._observed.hosts.get(p) for p in places if self._desired.servers[p].state != "draft"]
        unseen = any(host is None or not host.online for host in hosts)
        return "unknown" if unseen else "missing"

    def _compare(self, instance: Instance, found: claims.Found | None, observed: str) -> tuple[InSync, str]:
        pending = self._pending("instance", instance.code)
        if observed == "unknown":
            return InSync.UNKNOWN, "; ".join(pending)
        if instance.state == "absent":
            return (InSync.NO if found or pending else InSync.YES), "; ".join(pending)
        if found is not None and self._is_anothers(instance, found):
            return InSync.NOT_OURS, "; ".join(pending)
        if found is not None and pending and self._is_edit_alone(instance):
            return InSync.CHANGED, "; ".join(pending)
        if pending or found is None:
            return InSync.NO, "; ".join(pending) or "not there"
        return self._remembered(instance, found)

    def _remembered(self, instance: Instance, found: claims.Found) -> tuple[InSync, str]:
        """Say what this look inside, or else an earlier one, tells of a database that nothing is planned for."""
        if self._was_looked_into(found):  # whatever differed would be planned or blocked
            return InSync.YES, ""
        entry = self._inventory.entries.get(("instance", instance.code, found.server))
        if entry is None:
            return InSync.NEVER_SEEN, _UNPROVEN
        if entry.digest == instance_digest(self._desired, instance, self._desired.servers[found.server]):
            return InSync.YES, ""
        if not entry.last_digest:
            inside = support.told(self._inventory, ("instance", instance.code, found.server))
            return (InSync.YES, inside) if inside else (InSync.NO, _OTHERWISE)
        return InSync.CHANGED, "its text changed since it was applied"

    def _is_edit_alone(self, instance: Instance) -> bool:
        """Tell whether all that differs is that the text was edited since it was applied."""
        this = ("instance", instance.code)
        is_held = self._blocked[this] or self._held[this]
        return not is_held and all(a.reason is Reason.CHANGED for a in self._actions[this])

    def _is_anothers(self, instance: Instance, found: claims.Found) -> bool:
        """Tell whether a look found that a database only bears an instance's name."""
        look = self._observed.hosts[found.server].looks.get(found.name.text)
        if look is None or look.access is Access.FAILED:
            return False
        spec = instance_spec(self._desired, instance, self._desired.servers[found.server])
        known = ("instance", instance.code, found.server) in self._inventory.entries
        is_ours = look.access is Access.REFUSED and known  # with another password
        return not is_ours and claims.doubt(look, spec, instance.renamed_from, remembered=known) is not None

    def _was_looked_into(self, found: claims.Found) -> bool:
        return found.name.text in self._observed.hosts[found.server].looks

    def _verified_at(self, instance: Instance, found: claims.Found | None) -> datetime | None:
        if found is None:
            return None
        if self._was_looked_into(found) and not self._pending("instance", instance.code):
            return self._now
        entry = self._inventory.entries.get(("instance", instance.code, found.server))
        return entry.verified_at if entry else None

    def _pending(self, kind: str, code: str, server: str | None = None) -> list[str]:
        """Say what is planned for a document, what is withheld and what is blocked."""
        this = (kind, code)
        mine = [a for a in self._actions[this] if server in (None, a.server)]
        stopped = [b for b in self._blocked[this] if server in (None, b.server)]
        withheld = [f"withheld, would {a.verb}: {why(a)}" for a in self._held[this] if server in (None, a.server)]
        return [f"{a.verb}: {why(a)}" for a in mine] + withheld + [b.why for b in stopped]
