"""Faults to order: what goes wrong between a client and a host, and inside one, when, and how often.

A fault is written `[CODE/]TARGET:ACTION[=VALUE][:OPTION=VALUE…]`, or `[CODE/]CONDITION[:OPTION=VALUE…]`.

CODE     only on the host of this code (it may hold `*`), else on every host that is given the fault
TARGET   a pattern over `service.method` (`db.duplicate_database`, `common.*`), over `object.MODEL.METHOD`
         (`object.res.users.write`), or over pages (`page.web/login`); `*` is everything
ACTION   before the work, which is then not done:
           `502` `503` `504` (also `502-before` …), `html`, `redirect[=URL]`, `reset-before`, `hang`
         after the work, or once TIME has passed while the work goes on (`504-after=5s`):
           `502-after` `503-after` `504-after`, `html-after`, `reset-after`, `hang-after`, each `[=TIME]`
         around the work: `latency=TIME`, `drip[=TIME]` (one byte of the answer at a time), `cut` (half an answer)
         inside: `crash[=STEP]` (killed there, or at a step drawn at random), `worker-killed` (limit_time_real),
           `worker-killed` likewise takes `=STEP`; `error=NAME` with NAME one of the keys of `ERRORS`: `interrupted`,
           `connection-ended`, `out-of-connections`, `object-in-use`, `cron-running` (a write to `ir.cron`),
           `module-cron`, `module-busy`, `failed-transaction` (a module operation), `serialization`;
           `slow=TIME` (of `object`: the account is let in at once, what the call does is committed once TIME has passed);
           for `db.list`: `empty`, `shrink=N`; for `db.create_database`: `cpu-limit`, `unique-violation`; for it and
           `db.duplicate_database`: `disk-full` (of the files) or `disk-full=postgres` (nothing is left)
CONDITION `list_db=off`, `pg-down` (PostgreSQL is gone), `down` (nobody listens)
OPTION   `count=N` (only so often), `skip=N` (not the first N), `chance=P` with `seed=N`, `from=TIME` and `for=TIME`
         (a window, from when the fault is added), `restart=TIME` (after `crash`; 1 s, `never` for not at all)
TIME     `2s`, `150ms`, `1m`, `1h`

Chance is drawn from the fault's own generator, so that the same calls meet the same faults every time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING

from .errors import Failure, connection_ended, cursor_closed, out_of_connections, postgres, user_error
from .module_service import BUSY_CRON, BUSY_MODULES
from .special_models import CRON_RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ERRORS: dict[str, Callable[[], Failure]] = {
    "interrupted": cursor_closed,
    "connection-ended": connection_ended,
    "out-of-connections": out_of_connections,
    "object-in-use": lambda: postgres(
        "ObjectInUse",
        "source database is being accessed by other users\nDETAIL:  There is 1 other session using the database.\n",
    ),
    "cron-running": lambda: user_error(CRON_RUNNING),
    "module-cron": lambda: user_error(BUSY_CRON),
    "module-busy": lambda: user_error(BUSY_MODULES),
    "failed-transaction": lambda: postgres(
        "InFailedSqlTransaction", "current transaction is aborted, commands ignored until end of transaction block\n"
    ),
    "serialization": lambda: postgres("SerializationFailure", "could not serialize access due to concurrent update\n"),
}

_STATUSES = ("502", "503", "504")
BEFORE = (*_STATUSES, "html", "redirect", "reset-before", "hang")
AFTER = (*(f"{status}-after" for status in _STATUSES), "html-after", "reset-after", "hang-after")
AROUND = ("latency", "drip", "cut")
INSIDE = ("crash", "worker-killed", "error", "slow", "empty", "shrink", "disk-full", "cpu-limit", "unique-violation")
CONDITIONS = ("list_db", "pg-down", "down")
_ACTIONS = (*BEFORE, *AFTER, *AROUND, *INSIDE)
_TIMED = (*AFTER, "latency", "drip", "slow")
_NEEDS_VALUE = ("latency", "slow", "shrink", "error", "list_db")
_OPTIONS = ("count", "skip", "chance", "seed", "from", "for", "restart")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def parse_time(text: str) -> float:
    """Return seconds for `2s`, `150ms`, `1m`, `1h`; ValueError otherwise."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time: write it like 2s, 150ms, 1m or 1h")
    return float(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault as ordered; `parse` reads it from text."""

    action: str
    target: str = "*"
    value: str = ""
    code: str = "*"
    count: int | None = None
    skip: int = 0
    chance: float = 1.0
    seed: int = 0
    start: float = 0.0
    length: float | None = None
    restart: float | None = 1.0

    @classmethod
    def parse(cls, text: str) -> FaultSpec:
        """Read the grammar of this module; ValueError says what is wrong and what is known."""
        match = re.match(r"([a-z0-9*-]+)/(.*)", text)
        code, rest = (match[1], match[2]) if match else ("*", text)
        parts = re.split(r":(?!//)", rest)
        name, _, value = parts[0].partition("=")
        if name in CONDITIONS:
            target, options = "*", parts[1:]
        elif len(parts) > 1:
            target, (name, _, value), options = parts[0], parts[1].partition("="), parts[2:]
        else:
            raise ValueError(f"fault {text!r}: no action; write TARGET:ACTION, or one of {', '.join(CONDITIONS)}")
        name = name.removesuffix("-before") if name != "reset-before" else name
        try:
            _check(name, value)
            return cls(action=name, target=target, value=value, code=code, **_options(options))  # type: ignore[arg-type]
        except ValueError as problem:
            raise ValueError(f"fault {text!r}: {problem}") from None


def _check(name: str, value: str) -> None:
    if name not in _ACTIONS and name not in CONDITIONS:
        raise ValueError(f"unknown action {name!r}; known are {', '.join((*_ACTIONS, *CONDITIONS))}")
    if name in _NEEDS_VALUE and not value:
        raise ValueError(f"{name} needs a value, as in {name}=…")
    if value and name in _TIMED:
        parse_time(value)
    if name == "shrink" and not value.isdecimal():
        raise ValueError("shrink takes a number of databases")
    if name == "error" and value not in ERRORS:
        raise ValueError(f"unknown error {value!r}; known are {', '.join(ERRORS)}")
    if name == "list_db" and value != "off":
        raise ValueError("list_db can only be off")


def _options(parts: list[str]) -> dict[str, float | int | None]:
    found: dict[str, float | int | None] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if name not in _OPTIONS or not equals:
            raise ValueError(f"unknown option {part!r}; known are {', '.join(f'{option}=…' for option in _OPTIONS)}")
        if name in {"count", "skip", "seed"}:
            found[name] = int(value)
        elif name == "chance":
            found[name] = float(value)
        elif name == "restart":
            found[name] = None if value == "never" else parse_time(value)
        else:
            found[{"from": "start", "for": "length"}[name]] = parse_time(value)
    return found


@dataclass(slots=True)
class _Ordered:
    spec: FaultSpec
    added: float
    random: Random
    met: int = 0
    done: int = 0

    def in_window(self, now: float) -> bool:
        since = now - self.added - self.spec.start
        return since >= 0 and (self.spec.length is None or since < self.spec.length)

    def strikes(self, names: Iterable[str], now: float) -> bool:
        """Tell whether the fault strikes this call, and count it."""
        if not self.in_window(now) or not any(fnmatchcase(name, self.spec.target) for name in names):
            return False
        self.met += 1
        if self.met <= self.spec.skip or (self.spec.count is not None and self.done >= self.spec.count):
            return False
        if self.spec.chance < 1 and self.random.random() >= self.spec.chance:
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults of one host."""

    code: str
    now: Callable[[], float]
    _ordered: list[_Ordered] = field(default_factory=list)

    def add(self, spec: FaultSpec | str) -> None:
        """Order a fault, as a spec or as text; one for another host's code is left out."""
        parsed = FaultSpec.parse(spec) if isinstance(spec, str) else spec
        if fnmatchcase(self.code, parsed.code):
            self._ordered.append(_Ordered(parsed, self.now(), Random(parsed.seed)))

    def clear(self) -> None:
        """Take all faults back."""
        self._ordered.clear()

    def strike(self, names: Iterable[str]) -> list[FaultSpec]:
        """Return the faults that strike one call, counting them."""
        if not self._ordered:
            return []
        now, known = self.now(), tuple(names)
        return [one.spec for one in self._ordered if one.spec.action not in CONDITIONS and one.strikes(known, now)]

    def holds(self, condition: str) -> bool:
        """Tell whether a condition such as `pg-down` holds now."""
        if not self._ordered:
            return False
        now = self.now()
        return any(one.spec.action == condition and one.in_window(now) for one in self._ordered)
