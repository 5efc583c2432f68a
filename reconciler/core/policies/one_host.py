"""Two servers of the text that are one host: no comparison of addresses shows that, what the hosts list and hold does.

A name that chance has a part in stands on one host alone, and so does a database with its uuid. A copy of a whole machine looks
the same, and what it holds is no less the customers'. Nothing is sent to find out but looks into databases of this fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.policies.claims import Doubt

_BY_CHANCE = (NameState.BUILDING, NameState.ASIDE)

ADVICE = "declare one of the two: the other's instances and templates belong to it"


def alike(observed: Observed) -> Mapping[str, Sequence[str]]:
    """Name, by server, those that list the very same databases, where they list any: one host, or two of the same make."""
    groups: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for code, host in sorted(observed.hosts.items()):
        if host.online and host.databases:
            groups[frozenset(name.text for name in host.databases)].append(code)
    return {code: [other for other in group if other != code] for group in groups.values() for code in group}


def proven(observed: Observed) -> Mapping[str, Doubt]:
    """Say of each server that is one host with another which one that is and what proves it.

    Args:
        observed: what hosts answered, with the deep looks of this pass.
    """
    found: dict[str, Doubt] = {}
    hosts = [host for _, host in sorted(observed.hosts.items()) if host.online]
    similar = alike(observed)
    for one, other in combinations(hosts, 2):
        proof = _on_both(one, other, look=other.server in similar.get(one.server, ()))
        if proof:
            why = f"{one.server} and {other.server} are one host: {proof} is on both"
            for server in (one.server, other.server):
                found.setdefault(server, Doubt(why, ADVICE))
    return found


def _on_both(one: ObservedHost, other: ObservedHost, *, look: bool) -> str:
    """Name what two hosts can have in common only if they are one; of databases with one uuid only where all names agree.

    A database that was brought from one host to another by hand keeps its uuid; then the names of others tell the two apart.
    """
    by_chance = (name.text for name in one.databases if name.state in _BY_CHANCE and other.lists(name.text))
    if built := next(by_chance, ""):
        return built
    for name, mine in sorted(one.looks.items()) if look else ():
        theirs = other.looks.get(name)
        if theirs is not None and mine.opened and theirs.opened and mine.uuid and mine.uuid == theirs.uuid:
            return f"{name} with the database.uuid {mine.uuid}"
    return ""
