"""Which names of databases the instances of a text declare, and where: sorted once for all who ask name by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.instance import Instance

Places = frozenset[str | None]
"""Codes of servers; None stands for any."""

NOWHERE: Places = frozenset()


@dataclass(slots=True)
class DeclaredNames:
    """Names of the databases of instances.

    Args:
        places: of each declared name, where the instances that declare it may live.
        former: the same of the names in `renamed_from`.
        wanted: names that instances declare which are to have a database.
        absent: names that instances declare which are to have none.
    """

    places: Mapping[str, Places] = field(default_factory=dict)
    former: Mapping[str, Places] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def claims(self, name: str) -> bool:
        """Tell whether any document says that this is, or was, its database."""
        return name in self.places or name in self.former

    def may_be_on(self, server: str, name: str) -> bool:
        """Tell whether a declared name may be that of a database on a server."""
        places = self.places.get(name, NOWHERE)
        return server in places or None in places

    def may_have_been_on(self, server: str, name: str) -> bool:
        """Tell whether a former name may be that of a database on a server."""
        places = self.former.get(name, NOWHERE)
        return server in places or None in places


def names_of(instances: Iterable[Instance]) -> DeclaredNames:
    """Sort the names that instances declare."""
    places: dict[str, Places] = {}
    former: dict[str, Places] = {}
    alone: dict[str | None, Places] = {}
    wanted: set[str] = set()
    absent: set[str] = set()
    for instance in instances:
        here = alone.setdefault(instance.server, frozenset([instance.server]))
        name = instance.database_name
        places[name] = places[name] | here if name in places else here
        if instance.renamed_from:
            former[instance.renamed_from] = former.get(instance.renamed_from, NOWHERE) | here
        (absent if instance.state == "absent" else wanted).add(name)
    return DeclaredNames(places, former, frozenset(wanted), frozenset(absent))
