"""What the workers of a host remember of each database, by its *name*.

A worker keeps a registry, the passwords it has checked and the parameters it has read. It learns of a change only
from sequence numbers in the database (one of the registry, and on 19 one for each cache), and compares them for
inequality. So another database of the same name and
the same numbers is answered from the memory of the old one: that is Odoo's behaviour, and it must stay so here.
Nothing here survives the death of the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from .databases import SimulatedDatabase


@dataclass(slots=True)
class Remembered:
    """One worker's registry of one database name, with its caches."""

    modules: frozenset[str]
    registry_sequence: int
    cache_sequences: dict[str, int]
    passwords: set[tuple[int, str]] = field(default_factory=set)
    parameters: dict[str, str | bool] = field(default_factory=dict)
    failures: dict[str, tuple[int, float]] = field(default_factory=dict)
    unsignalled: bool = False

    def forget(self, cache: str = "stable") -> None:
        """Empty a cache and those that depend on it: passwords are in `default`, which depends on `stable`."""
        self.passwords.clear()
        if cache == "stable":
            self.parameters.clear()


@dataclass(slots=True)
class LoginSession:
    """One web session: the database and the user that it is logged in as."""

    name: str
    uid: int | None
    password: str


class Worker:
    """One process (or, on a threaded host, the only one)."""

    def __init__(self) -> None:
        self.registries: dict[str, Remembered] = {}

    def registry(self, name: str, database: SimulatedDatabase) -> Remembered:
        """Return what is remembered under a name, loading it from the database the first time."""
        found = self.registries.get(name)
        if found is None:
            found = Remembered(database.installed(), database.registry_sequence, dict(database.cache_sequences))
            self.registries[name] = found
        return found

    def check_signaling(self, name: str, database: SimulatedDatabase) -> Remembered:
        """Compare sequence numbers; reload the registry or empty the caches where they differ."""
        found = self.registry(name, database)
        if found.registry_sequence != database.registry_sequence:
            del self.registries[name]
            return self.registry(name, database)
        for cache, number in database.cache_sequences.items():
            if found.cache_sequences[cache] != number:
                found.forget(cache)
                found.cache_sequences[cache] = number
        return found

    def delete(self, name: str) -> None:
        """Forget a registry, as the worker does that renames or drops the database; the others keep theirs."""
        self.registries.pop(name, None)


def signal_cache(remembered: Remembered, database: SimulatedDatabase, cache: str = "stable") -> None:
    """Tell the other workers, through the database, that a cache is stale."""
    remembered.forget(cache)
    database.cache_sequences[cache] += 1
    remembered.cache_sequences[cache] = database.cache_sequences[cache]


def signal_registry(remembered: Remembered, database: SimulatedDatabase) -> None:
    """Tell the other workers that the models have changed.

    This one goes on with the models that it has, and takes the new number for its own: a worker that is stale
    because the numbers are equal stays stale.
    """
    remembered.forget()
    remembered.unsignalled = False
    database.registry_sequence += 1
    remembered.registry_sequence = database.registry_sequence


class Workers:
    """Hands requests to workers: each in turn, in an order that is drawn anew every round."""

    def __init__(self, count: int, random: Random) -> None:
        self._all = [Worker() for _ in range(max(1, count))]
        self._round: list[Worker] = []
        self._random = random

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._all)

    def next(self) -> Worker:
        """Return the worker that takes the next request."""
        if len(self._all) == 1:
            return self._all[0]
        if not self._round:
            self._round = list(self._all)
            self._random.shuffle(self._round)
        return self._round.pop()

    def replace(self, worker: Worker) -> None:
        """Kill one worker: another with an empty memory takes its place."""
        self._all[self._all.index(worker)] = Worker()
        self._round = [other for other in self._round if other is not worker]
