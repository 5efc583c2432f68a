"""The terminal: whether it shows colours, how wide it is, and JSON alone on stdout."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import click

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.reports.paragraphs import UNFOLDED, Paper
from reconciler.reports.problems import render_problems

Stream = Literal["stdout", "stderr"]
OUT: Final = "stdout"
ERR: Final = "stderr"

_WIDEST = 120
_DEFAULT_WIDTH = 80


def is_terminal(stream: Stream) -> bool:
    """Tell whether a person is likely to look at the stream."""
    return bool(getattr(sys, stream).isatty())


def has_colour(stream: Stream) -> bool:
    """Tell whether colours are shown; `NO_COLOR` (https://no-color.org) turns them off."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: Stream) -> int:
    """Return the columns to write in: those of the terminal. What is piped never wraps, but for a report where COLUMNS is set."""
    if not is_terminal(stream) and (stream == ERR or "COLUMNS" not in os.environ):
        return UNFOLDED.width
    return max(20, min(_WIDEST, shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns))


def paper(stream: Stream) -> Paper:
    """Return what is written on."""
    return Paper(width(stream), has_colour(stream))


def say(text: str) -> None:
    """Write to stderr, each line folded below itself; above what is redrawn there, if something is.

    Not by `click.echo`: that writes past what `rich` puts in the place of stderr, and is drawn over a moment later.
    """
    on = paper(ERR)
    for line in text.splitlines():
        if len(line) > on.width:
            words = line.lstrip()
            indent = len(line) - len(words)
            line = "\n".join(on.paragraph(words[2:], indent=indent, head=words[:2]))  # noqa: PLW2901
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def show_problems(problems: Sequence[Diagnostic], texts: Mapping[str, str], stream: Stream) -> None:
    """Print problems of a fleet's text; folded on a terminal alone, since editors read a problem from its line."""
    if problems:
        on = paper(stream) if is_terminal(stream) else UNFOLDED
        click.echo(render_problems(problems, texts, on), err=stream == ERR)


def print_json(document: Any) -> None:
    """Print a JSON document. Pure ASCII: nothing in it can move a terminal's cursor, whatever a host answered."""
    click.echo(json.dumps(document, indent=2))
