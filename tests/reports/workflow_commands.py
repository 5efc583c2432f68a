"""Reads workflow commands from a job's output, as GitHub's runner does: a line each, properties, then the message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """What GitHub understood."""

    name: str
    properties: dict[str, str]
    message: str


def read_commands(output: str) -> Iterator[Command]:
    """Yield the commands in an output."""
    for line in output.split("\n"):
        if not line.lstrip().startswith("::"):
            continue
        head, _, message = line.lstrip()[2:].partition("::")
        name, _, given = head.partition(" ")
        pairs = [each.partition("=") for each in given.split(",") if each]
        properties = {key: unescape(value, ("%3A", ":"), ("%2C", ",")) for key, _, value in pairs}
        yield Command(name, properties, unescape(message))


def unescape(text: str, *more: tuple[str, str]) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(escape, character)
    return text
