"""The log: one line for each event of a pass and for each call, on the console or as JSON, by structlog.

Nothing global is configured: `configure` returns a log of its own. What reaches the stream was made plain by `printable`;
tracebacks show no locals, and each of their lines is marked, so that no text can look like a line of ours. A stream that
cannot be written (a closed pipe, a full disk) loses lines and never stops a pass.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TextIO

from reconciler.notices.events import ActionEnded, CallEvent, Event
from reconciler.notices.notices import Notice
from reconciler.reports.escapes import visible
from reconciler.telemetry import entries
from reconciler.telemetry.console import render
from reconciler.telemetry.entries import LogEntry
from reconciler.telemetry.printable import plain

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Log:
    """Writes events and calls; `logger` takes everything else: `log.logger.info("fleet-loaded", documents=12)`.

    `ran` gives what is said at the end of each action besides: who does it, by which text.
    """

    def __init__(self, logger: FilteringBoundLogger) -> None:
        self.logger = logger
        self.ran: Callable[[], Mapping[str, str]] = dict

    def log_event(self, event: Event) -> None:
        """Write one event of a pass."""
        entry = entries.of_event(event)
        if isinstance(event, ActionEnded):
            entry = replace(entry, fields={**entry.fields, **self.ran()})
        self._write(entry)

    def log_notice(self, notice: Notice) -> None:
        """Write one notice."""
        self._write(entries.of_notice(notice))

    def log_call(self, call: CallEvent) -> None:
        """Write one call to a host."""
        self._write(entries.of_call(call))

    def _write(self, entry: LogEntry) -> None:
        getattr(self.logger, entry.level)(entry.event, **entry.fields)


def configure(
    format: LogFormat,  # noqa: A002 -- the name of the option
    level: LogLevel,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Log:
    """Make a log.

    Args:
        format: `console` for people, `json` for one object a line.
        level: what is less is left out, and costs next to nothing.
        stream: where to write; standard error unless given.
        environ: where `NO_COLOR` is looked up.
    """
    import structlog  # noqa: PLC0415 -- slow to import once rich is installed; only commands that log pay for it

    out = sys.stderr if stream is None else stream
    color = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    logger = structlog.wrap_logger(
        _Lines(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _traceback_without_locals,
            _make_plain,
            _as_json if format == "json" else partial(_as_console, color=color),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    return Log(logger.bind())


class _Lines:
    """The end of the line: structlog calls the method named after the level."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _traceback_without_locals(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Turn `exc_info` into the lines of a traceback: places and messages, never the values of variables."""
    given = entry.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
        entry["exception"] = text.removesuffix("\n").split("\n")
    return entry


def _make_plain(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {visible(key): plain(value) for key, value in entry.items()}


def _as_json(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> str:
    first = {key: entry.pop(key) for key in ("at", "level", "event") if key in entry}
    return json.dumps({**first, **entry}, ensure_ascii=False)


def _as_console(_logger: object, _method: str, entry: MutableMapping[str, Any], *, color: bool) -> str:
    return render(entry, color=color)
