"""A changeset as it is saved: what is to be done, within which limits, on which text, and what was seen when it was decided.

No secret is in it: what it knows of passwords is the field and the generation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler.core.deciding import Limits, Planned
from reconciler.core.depths import Depth
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import ObservedHost
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import Comparison
from reconciler.fleet.desired import Desired

KIND = "odoo-fleet changeset"
FORMAT = 2
"""Raise it when a field changes its meaning or goes away: an older tool then refuses the file by its format."""

PURPOSE = "saved changeset/{fleet}"
"""What its sealing key is derived for."""


@dataclass(frozen=True, slots=True)
class SavedLimits:
    """What the plan was limited to, what was confirmed for it, and at which addresses servers were reached."""

    addresses: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    shallow: bool
    verify_after_seconds: float
    rotation_per_host: int
    confirmed_listings: tuple[str, ...]
    allowed: tuple[str, ...]
    server_urls: Mapping[str, str]
    since: Comparison | None
    remark: str


@dataclass(frozen=True, slots=True)
class SeenHost:
    """What a host answered: its version, the names that concern the fleet, and which of them were looked at deeply."""

    online: bool
    version: str
    databases: tuple[str, ...]
    looked_at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedChangeset:
    """The whole of it.

    Args:
        created_at: when it was decided, UTC.
        tool: the version that decided it.
        fleet: code of the fleet.
        digest: of the fleet's text.
        documents: the digest of each document, by address, so that a refusal can name those that moved.
        revision: commit of the work tree that the text was read from, if there is one.
        limits: what the run was limited to.
        hosts: what was seen, by server.
        changeset: what was decided.
    """

    created_at: datetime
    tool: str
    fleet: str
    digest: str
    documents: Mapping[str, str]
    revision: str | None
    limits: SavedLimits
    hosts: Mapping[str, SeenHost]
    changeset: Changeset


class NotAChangeset(ValueError):
    """A document is not one of this kind, or not as this version writes it."""


_ADAPTER = TypeAdapter(SavedChangeset)


def save(
    planned: Planned,
    desired: Desired,
    limits: Limits,
    *,
    now: datetime,
    tool: str,
    revision: str | None,
    server_urls: Mapping[str, str],
    remark: str,
) -> SavedChangeset:
    """Put together what is saved of a plan.

    Args:
        planned: the plan.
        desired: the text that it was made for.
        limits: what it was limited to.
        now: the time, UTC.
        tool: this version.
        revision: commit of the work tree, if there is one.
        server_urls: addresses that replaced those of the text.
        remark: what is said of the limits beside what they are, to be said again.
    """
    selection, depth = limits.selection, limits.depth
    return SavedChangeset(
        created_at=now,
        tool=tool,
        fleet=desired.settings.code,
        digest=desired.digest,
        documents=document_digests(desired),
        revision=revision,
        limits=SavedLimits(
            addresses=tuple(sorted(selection.addresses)),
            labels=selection.labels,
            shallow=depth.shallow,
            verify_after_seconds=depth.verify_after.total_seconds(),
            rotation_per_host=depth.rotation_per_host,
            confirmed_listings=tuple(sorted(limits.confirmed_listings)),
            allowed=tuple(sorted(limits.allowed)),
            server_urls=dict(sorted(server_urls.items())),
            since=limits.since,
            remark=remark,
        ),
        hosts=seen_hosts(planned, desired, limits.since),
        changeset=planned.changeset,
    )


def limits_of(saved: SavedChangeset) -> Limits:
    """Return the limits that the plan had."""
    limits = saved.limits
    selection = Selection(frozenset(limits.addresses), limits.labels)
    return Limits(
        selection=limits.since.narrow(selection) if limits.since else selection,
        depth=Depth(limits.shallow, timedelta(seconds=limits.verify_after_seconds), limits.rotation_per_host),
        confirmed_listings=frozenset(limits.confirmed_listings),
        allowed=frozenset(limits.allowed),
        since=limits.since,
        exactly=True,
    )


def as_deep_as(saved: SavedChangeset, limits: Limits) -> Limits:
    """Limit a fresh look to the databases that the plan looked at deeply, and those that it did not see at all."""
    seen = frozenset((code, name) for code, host in saved.hosts.items() for name in host.databases)
    again = frozenset((code, name) for code, host in saved.hosts.items() for name in host.looked_at)
    return replace(limits, depth=replace(limits.depth, again=again, passed_over=seen - again))


def document_digests(desired: Desired) -> Mapping[str, str]:
    """Fingerprint each document, by address, as it is with the fleet's defaults; no secret's value is in it."""
    return {d.address: _fingerprint(d.model_dump(mode="json")) for d in desired.every()}


def _fingerprint(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def seen_hosts(planned: Planned, desired: Desired, since: Comparison | None) -> Mapping[str, SeenHost]:
    """Keep of an observation what concerns the fleet: names of others are nobody's business."""
    ours = {t.template_db for t in desired.templates.values()}
    for instance in desired.instances.values():
        ours |= {instance.database_name, instance.renamed_from or instance.database_name}
    ours |= {entry.target for entry in planned.inventory.entries.values()}
    ours |= {target for gone in since.gone for target in gone.targets} if since else set()
    return {code: _seen(host, ours) for code, host in sorted(planned.observed.hosts.items())}


def _seen(host: ObservedHost, ours: set[str]) -> SeenHost:
    kept = (d.text for d in host.databases if d.target in ours and d.state is not NameState.BUILDING)
    return SeenHost(host.online, host.version, tuple(sorted(kept)), tuple(sorted(host.looks)))


def to_plain(saved: SavedChangeset) -> dict[str, Any]:
    """Return it as JSON's plain types."""
    plain: dict[str, Any] = _ADAPTER.dump_python(saved, mode="json")
    return {"kind": KIND, "format": FORMAT, **plain}


def check_kind(document: object) -> dict[str, Any]:
    """Return a document if it is a saved changeset of a format that this version reads.

    Raises:
        NotAChangeset: it is not; the message says why.
    """
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise NotAChangeset("it is not a changeset that `odoo-fleet plan --out` wrote")
    number = document.get("format")
    if number != FORMAT or isinstance(number, bool):
        newer = isinstance(number, int) and number > FORMAT
        hint = ": a newer odoo-fleet wrote it" if newer else ""
        raise NotAChangeset(f"its format is {number!r}, and this version reads format {FORMAT}{hint}")
    return document


def from_plain(document: Mapping[str, Any]) -> SavedChangeset:
    """Read what `to_plain` gave, and nobody has edited since: what cannot be read then, another version or build wrote.

    Raises:
        NotAChangeset: it is not as this version writes it.
    """
    try:
        return _ADAPTER.validate_python(document)
    except ValidationError:
        tool = document.get("tool")
        raise NotAChangeset(
            f"another version of odoo-fleet saved it (it says: {tool}), in a form that this one does not read"
        ) from None
