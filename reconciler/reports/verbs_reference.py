"""What a plan may say that it will do, as a page of the docs: `python -m reconciler.reports.verbs_reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from string import Formatter

from reconciler.core.model.verbs import Verb, in_order

_HEAD = """\
# What a plan does

The verbs of actions, in the order in which those come that do not wait for one another. `make docs` writes this page.

| | verb | what happens | if nothing but the text asks for it |
|---|---|---|---|
"""
_FOOT = """
`+` brings something into service, `~` changes it, `-` takes it out of service or away. What takes customers out of reach is
counted by `safety.max_removals`; housekeeping is done to databases that no document declares, when their time has come.
"""


def render() -> str:
    """Return the page."""
    return _HEAD + "".join(f"| {' | '.join(_cells(verb))} |\n" for verb in in_order()) + _FOOT


def _cells(verb: Verb) -> Iterator[str]:
    yield f"`{verb.symbol}`"
    yield f"`{verb}`"
    happens = "".join(text + (f"*{name}*" if name else "") for text, name, _, _ in Formatter().parse(verb.happens))
    notes = ["takes customers out of reach"] * verb.takes_out_of_service + ["housekeeping"] * verb.is_housekeeping
    notes += ["counted as a removal too"] * verb.loses_data
    yield "; ".join([happens.replace("*quiet*", ""), *notes])
    yield verb.new


if __name__ == "__main__":
    sys.stdout.write(render())
