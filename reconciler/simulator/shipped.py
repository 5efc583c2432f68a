"""What a host of each version has on its disk: modules, scheduled actions, countries, languages.

The tables under `data/` list facts of Odoo 14.0 and 19.0 (names, dependencies, intervals). They are read once per
process and never changed.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("data")
_UNIT_SECONDS = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 7 * 86400, "months": 30 * 86400}


@dataclass(frozen=True, slots=True)
class Module:
    """One module; `triggers` are the modules whose presence installs it by itself, None when nothing does."""

    name: str
    title: str
    depends: tuple[str, ...]
    triggers: tuple[str, ...] | None
    application: bool


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """A row of `ir.cron` that a module brings."""

    module: str
    xmlid: str
    name: str
    interval_number: int
    interval_type: str
    active: bool
    due_at_once: bool


@lru_cache
def major_of(version: str) -> int:
    """Return the number before the first dot; `saas~18.2` is an 18."""
    digits = re.search(r"\d+", version)
    if digits is None:
        raise ValueError(f"{version!r} is not a version of Odoo: write it like 19.0")
    return int(digits[0])


def since(version: str, major: int) -> bool:
    """Tell whether a version is this major one or a later one.

    Behaviour was measured on 14 and 19. What is known to have changed in between changes there, by this; what is
    not known changes where it is easiest to be wrong safely.
    """
    return major_of(version) >= major


def series(version: str) -> str:
    """Return the version whose tables of modules, groups and scheduled actions stand for this one."""
    return "19.0" if since(version, 15) else "14.0"


def _read(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@lru_cache
def modules(version: str) -> dict[str, Module]:
    """Return the modules of a version, each after its dependencies."""
    found = {}
    for row in _read(f"modules-{series(version)}.csv"):
        triggers = row["auto_install"].split() if row["auto_install"] else None
        module = Module(
            name=row["name"],
            title=row["title"],
            depends=tuple(row["depends"].split()),
            triggers=None if triggers is None else tuple(word for word in triggers if word != "*"),
            application=row["application"] == "1",
        )
        found[module.name] = module
    ordered: dict[str, Module] = {}
    for name in found:
        _place(name, found, ordered)
    return ordered


def _place(name: str, found: dict[str, Module], ordered: dict[str, Module]) -> None:
    if name in ordered:
        return
    for needed in found[name].depends:
        _place(needed, found, ordered)
    ordered[name] = found[name]


def closure(version: str, wanted: set[str], present: frozenset[str]) -> list[str]:
    """Return what installing `wanted` beside `present` schedules, in the order of installation.

    The wanted modules and what they need come first, then the modules that install themselves because all their
    triggers are there and one of them comes now. (So what an interrupted installation left out stays out.)
    """
    known = modules(version)
    chosen: list[str] = []
    pending = [name for name in known if name in wanted]
    while True:
        for name in pending:
            _choose(name, known, present, chosen)
        there = present.union(chosen)
        pending = [
            name
            for name, module in known.items()
            if module.triggers is not None
            and name not in there
            and there.issuperset(module.triggers + module.depends)
            and not present.issuperset(module.triggers)
        ]
        if not pending:
            return chosen


def _choose(name: str, known: dict[str, Module], present: frozenset[str], chosen: list[str]) -> None:
    if name in present or name in chosen:
        return
    for needed in known[name].depends:
        _choose(needed, known, present, chosen)
    chosen.append(name)


@lru_cache
def scheduled_actions(version: str) -> dict[str, tuple[ScheduledAction, ...]]:
    """Return the scheduled actions of each module."""
    found: dict[str, list[ScheduledAction]] = {}
    for row in _read(f"crons-{series(version)}.csv"):
        action = ScheduledAction(
            module=row["module"],
            xmlid=row["xmlid"],
            name=row["name"],
            interval_number=int(row["interval_number"]),
            interval_type=row["interval_type"],
            active=row["active"] == "1",
            due_at_once=row["due"] == "now",
        )
        found.setdefault(action.module, []).append(action)
    return {module: tuple(actions) for module, actions in found.items()}


def interval_seconds(number: int, unit: str) -> float:
    """Return the length of a scheduled action's interval; a month counts thirty days."""
    return max(1, number) * float(_UNIT_SECONDS.get(unit, 86400))


@lru_cache
def countries(version: str) -> tuple[dict[str, str], ...]:
    """Return the rows code, name, currency, phone_code."""
    return tuple(_read(f"countries-{series(version)}.csv"))


@lru_cache
def languages() -> tuple[dict[str, str], ...]:
    """Return the rows xmlid, code, name, iso_code, direction."""
    return tuple(_read("languages.csv"))
