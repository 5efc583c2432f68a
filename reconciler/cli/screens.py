"""The terminal: whether it shows colours, how wide it is, and JSON alone on stdout."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, Final, Literal

import click

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
    """Return the columns to write in: those of the terminal, else 80, so that what is piped is the same everywhere."""
    if not is_terminal(stream) and "COLUMNS" not in os.environ:
        return _DEFAULT_WIDTH
    return max(20, min(_WIDEST, shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns))


def say(text: str) -> None:
    """Write a line to stderr; above what is redrawn there, if something is.

    Not by `click.echo`: that writes past what `rich` puts in the place of stderr, and is drawn over a moment later.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_json(document: Any) -> None:
    """Print a JSON document. Pure ASCII: nothing in it can move a terminal's cursor, whatever a host answered."""
    click.echo(json.dumps(document, indent=2))
