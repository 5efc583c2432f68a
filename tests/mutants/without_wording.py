"""mutmut, as a command, but that it leaves sentences as they are: how one is worded is nobody's promise."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst
from mutmut.mutation import file_mutation, mutators


def reworded(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """Yield the mutants of a text: of a sentence, which is one with a space in it, there is none."""
    if not (isinstance(node, cst.SimpleString) and " " in node.value):
        yield from mutators.operator_string(node)


def leave_sentences() -> None:
    """Let mutmut make its mutants so; it must not have begun."""
    operators = [(kind, reworded if o is mutators.operator_string else o) for kind, o in mutators.mutation_operators]
    vars(file_mutation)["mutation_operators"] = operators


if __name__ == "__main__":
    leave_sentences()
    # It reads its settings from the working directory, as soon as it is imported.
    from mutmut.__main__ import cli

    cli()
