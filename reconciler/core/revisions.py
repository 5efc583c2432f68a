"""Two revisions of a fleet's text compared: which documents an edit concerns, and which databases lose their document.

What is compared is what the documents come to, defaults included, so that an edit of a template, a plan or a default counts
for the instances whose databases it changes, and for no others. It is the text alone that is compared; what becomes of it on
hosts is the diff's to say, within what is found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.model.specs import instance_spec, template_spec
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server

_SHOWN_DIGITS = 12

ANYWHERE = ""
"""Stands for whatever server a database is on."""

_PUBLIC = ("domain", "public_scheme", "public_port")
"""Fields of a server that say where customers reach what is on it."""
_OF_A_SERVER = ("server_url", "odoo_version", *_PUBLIC, "max_instances")
_IN_FORCE = ("state", "active", "paused")
"""Fields of a server that decide what may happen on it: what was held back there may happen now, and the reverse."""
_OF_AN_INSTANCE = (
    "state",
    "server",
    "database_name",
    "renamed_from",
    "paused",
    "admin_password",
    "adopt",
    "expires",
    "deletion_protection",
)
_OF_A_TEMPLATE = ("template_db", "active", "paused", "admin_password", "adopt")
_OF_THE_FLEET = ("paused", "safety", "placement")


@dataclass(frozen=True, slots=True, order=True)
class Gone:
    """A document of the earlier revision whose database (or, of a server, databases) no document declares any more.

    `servers` are those that the earlier text names; none if it left the place open. `still_declared` is for a document that
    is still there but names another database or no longer this server. `returning` is the code of an instance that now has the
    name from which this one was renamed: a rename that was reverted in the text alone.
    """

    kind: str
    code: str
    name: str
    targets: tuple[str, ...]
    servers: tuple[str, ...]
    still_declared: bool = False
    returning: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed since a revision.

    Args:
        revision: as the user named it.
        commit: hash of the commit compared with.
        concerned: addresses of the documents for which something may have to be done.
        looks: address and server (or ANYWHERE) of the databases that may differ because of it.
        gone: what is no longer declared.
    """

    revision: str
    commit: str
    concerned: tuple[str, ...]
    looks: tuple[tuple[str, str], ...]
    gone: tuple[Gone, ...]

    @property
    def shown(self) -> str:
        """Name the revision for people: `main at 1a2b3c4d5e6f`."""
        commit = self.commit[:_SHOWN_DIGITS]
        return commit if self.commit.startswith(self.revision) else f"{self.revision} at {commit}"

    def narrow(self, selection: Selection) -> Selection:
        """Limit a selection further, to what is concerned."""
        return replace(selection, concerned=frozenset(self.concerned))


def compare(
    before: Desired, after: Desired, *, revision: str = "", commit: str = "", selection: Selection = EVERYTHING
) -> Comparison:
    """Compare the fleet of an earlier revision with that of now.

    Args:
        before: the fleet at the earlier revision.
        after: the fleet of now.
        revision: what the user calls the earlier one.
        commit: its hash.
        selection: what the run is limited to otherwise; what is gone is limited by it as well.
    """
    concerned = frozenset(chain(_edited(before, after), _servers(before, after), _templates(before, after)))
    looks = frozenset(_looks(before, after))
    concerned |= {address for address, _ in looks}
    if any(_differ(before.settings, after.settings, field) for field in _OF_THE_FLEET):
        concerned |= frozenset(d.address for d in after.subjects())
    return Comparison(
        revision, commit, tuple(sorted(concerned)), tuple(sorted(looks)), tuple(sorted(_gone(before, after, selection)))
    )


def _edited(before: Desired, after: Desired) -> Iterator[str]:
    for document in after.subjects():
        if before.documents[document.kind].get(document.code) != document:
            yield document.address


def _differ(before: object, after: object, *fields: str) -> bool:
    return any(getattr(before, field) != getattr(after, field) for field in fields)


def _servers(before: Desired, after: Desired) -> Iterator[str]:
    for code in _servers_that_matter(before, after):
        yield from (f"template/{t.code}" for t in after.templates.values() if code in t.server_codes)
        yield from (f"instance/{i.code}" for i in after.instances.values() if i.server in (None, code))


def _servers_that_matter(before: Desired, after: Desired) -> Iterator[str]:
    """Name the servers whose edit concerns what is on them, or what may be; a new one has nothing yet."""
    for code, server in before.servers.items():
        now = after.servers.get(code)
        if now is None or _differ(server, now, *_OF_A_SERVER, *_IN_FORCE):
            yield code


def _templates(before: Desired, after: Desired) -> Iterator[str]:
    for code, template in after.templates.items():
        earlier = before.templates.get(code)
        if earlier is not None and earlier.paused != template.paused:
            yield from (f"instance/{i.code}" for i in after.instances.values() if i.template == code)


def _looks(before: Desired, after: Desired) -> Iterator[tuple[str, str]]:
    """Name the databases that are to be different now, or in which something that was held back may happen now."""
    yield from _looks_at_templates(before, after)
    yield from _looks_at_instances(before, after)
    unleashed = before.settings.paused != after.settings.paused
    for code, server in after.servers.items():
        earlier = before.servers.get(code)
        opened = earlier is not None and _differ(earlier, server, *_IN_FORCE)
        if opened or unleashed:
            yield from ((f"template/{t.code}", code) for t in after.templates.values() if code in t.server_codes)
        if opened or unleashed or (earlier is not None and _differ(earlier, server, *_PUBLIC)):
            yield from ((f"instance/{i.code}", code) for i in after.instances.values() if i.server in (None, code))


def _looks_at_templates(before: Desired, after: Desired) -> Iterator[tuple[str, str]]:
    for code, template in after.templates.items():
        earlier = before.templates.get(code)
        if earlier is None or _differ(earlier, template, *_OF_A_TEMPLATE) or _template_is_edited(before, after, code):
            yield f"template/{code}", ANYWHERE
        else:
            added = set(template.server_codes) - set(earlier.server_codes)
            yield from ((f"template/{code}", server) for server in added)


def _template_is_edited(before: Desired, after: Desired, code: str) -> bool:
    then, now = before.templates[code], after.templates[code]
    if then == now and not _keys_differ(before, after):
        return False
    server = after.servers[now.server_codes[0]]
    return template_spec(before, then, server).digest() != template_spec(after, now, server).digest()


def _looks_at_instances(before: Desired, after: Desired) -> Iterator[tuple[str, str]]:
    templates = {c for c, t in after.templates.items() if before.templates.get(c) != t}
    plans = {c for c, p in after.plans.items() if before.plans.get(c) != p}
    keys = _keys_differ(before, after)
    for code, now in after.instances.items():
        then = before.instances.get(code)
        if then is None or _differ(then, now, *_OF_AN_INSTANCE):
            yield f"instance/{code}", ANYWHERE
        elif keys or then != now or now.template in templates or now.plan in plans:
            # All but the base URL is the same on every server, so that one tells it of all.
            server = after.servers[now.server] if now.server else next(iter(after.servers.values()), None)
            if server and instance_spec(before, then, server).digest() != instance_spec(after, now, server).digest():
                yield f"instance/{code}", ANYWHERE


def _keys_differ(before: Desired, after: Desired) -> bool:
    return _differ(before.settings, after.settings, "secret_key", "former_secret_keys")


def _gone(before: Desired, after: Desired, selection: Selection) -> Iterator[Gone]:
    for server in _missing(before.servers, after.servers, selection):
        databases = [t.template_db for t in before.templates.values() if server.code in t.server_codes]
        databases += [i.database_name for i in before.instances.values() if i.server == server.code]
        yield Gone("server", server.code, server.name, tuple(sorted(databases)), (server.code,))
    for code, template in before.templates.items():
        if selection.includes(template):
            now = after.templates.get(code)
            same = now is not None and now.template_db == template.template_db
            kept = now.server_codes if now is not None and same else ()
            left = tuple(server for server in template.server_codes if server not in kept)
            if left:
                still = now is not None
                yield Gone("template", code, template.name, (template.template_db,), left, still_declared=still)
    claims = _Claims(after)
    for code, instance in before.instances.items():
        if selection.includes(instance) and not claims.hold(instance):
            servers = (instance.server,) if instance.server else ()
            shown = instance.partner or instance.name
            still, back = code in after.instances, claims.returning(instance)
            yield Gone(
                "instance", code, shown, (instance.database_name,), servers, still_declared=still, returning=back
            )


def _missing(before: Mapping[str, Server], after: Mapping[str, Server], selection: Selection) -> Iterable[Server]:
    return (server for code, server in before.items() if code not in after and selection.includes(server))


class _Claims:
    """Which databases documents of now declare, by their present names or by those that they are renamed from."""

    def __init__(self, after: Desired) -> None:
        self._after = after
        self._by_database: dict[str, list[Instance]] = {}
        for instance in after.instances.values():
            for name in {instance.database_name, instance.renamed_from or instance.database_name}:
                self._by_database.setdefault(name, []).append(instance)

    def hold(self, earlier: Instance) -> bool:
        """Tell whether a document of now declares the database of an earlier one, where it is or may be.

        One that was only sent to another server keeps it: the diff blocks that and says where the database is.
        """
        for now in self._by_database.get(earlier.database_name, ()):
            if now.code == earlier.code or now.server is None or earlier.server in (None, now.server):
                return True
        return False

    def returning(self, earlier: Instance) -> str:
        """Return the code of the instance that declares the name from which an earlier one was renamed, if one does."""
        former = earlier.renamed_from
        now = self._by_database.get(former, ()) if former else ()
        return next((i.code for i in now if i.database_name == former and i.renamed_from is None), "")
