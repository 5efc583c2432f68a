"""mutmut, as a command, with three changes.

It leaves sentences as they are: how one is worded is nobody's promise. It changes functions that a decorator registers as well:
what carries out a verb. And it collects the tests once: what it forks for a mutant runs those that reach it at once, where
collecting them anew took longer than most need to fail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import chdir
from typing import Any, cast

import libcst as cst
import pytest
from mutmut.mutation import file_mutation, mutators


def reworded(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """Yield the mutants of a text: of a sentence, which is one with a space in it, there is none."""
    if not (isinstance(node, cst.SimpleString) and " " in node.value):
        yield from mutators.operator_string(node)


def leave_sentences() -> None:
    """Let mutmut make its mutants so; it must not have begun."""
    operators = [(kind, reworded if o is mutators.operator_string else o) for kind, o in mutators.mutation_operators]
    vars(file_mutation)["mutation_operators"] = operators


def change_what_is_registered() -> None:
    """Let mutmut change what carries out a verb: of all its versions the one that chooses among them alone is registered."""
    skips, arranged = (
        file_mutation.MutationVisitor._skip_node_and_children,
        file_mutation.function_trampoline_arrangement,
    )

    def skip(visitor: file_mutation.MutationVisitor, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and _registers(node):
            return False
        return isinstance(node, cst.Decorator) or skips(visitor, node)

    def arrange(function: cst.FunctionDef, *words: Any, **named: Any) -> Any:
        if not _registers(function):
            return arranged(function, *words, **named)
        declared, (chooses, *versions), assigned, names = arranged(
            function.with_changes(decorators=()), *words, **named
        )
        decorators = (*function.decorators, *cast("cst.FunctionDef", chooses).decorators)
        return declared, [chooses.with_changes(decorators=decorators), *versions], assigned, names

    file_mutation.MutationVisitor._skip_node_and_children = skip  # type: ignore[assignment, method-assign]
    vars(file_mutation)["function_trampoline_arrangement"] = arrange


def _registers(function: cst.FunctionDef) -> bool:
    called = [each.decorator.func for each in function.decorators if isinstance(each.decorator, cst.Call)]
    return [name.value for name in called if isinstance(name, cst.Name)] == ["carries_out"]


def collect_once() -> None:
    """Let mutmut run tests so; it must not have begun, and reads its settings from the working directory."""
    from mutmut.runners.harness import PytestRunner  # noqa: PLC0415
    from mutmut.workers import isolation  # noqa: PLC0415
    from mutmut.workers.isolation import run_in_fork  # noqa: PLC0415

    class CollectingOnce(PytestRunner):
        """Collects before the first fork, and after the last run in this process, which leaves pytest's output in no order."""

        _session: pytest.Session | None = None

        def collect(self) -> None:
            with chdir("mutants"):
                words = ["--rootdir=.", "--tb=native", *self._pytest_args_regular_run([]), *self._pytest_add_cli_args]
                self._session = collected(words)
                if run_in_fork(lambda: run_of(cast("pytest.Session", self._session), None)):
                    sys.exit("tests fail without a mutant: what they say of one would mean nothing")

        def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
            if self._session is None:
                return super().run_tests(mutant_name=mutant_name, tests=tests)
            with chdir("mutants"):
                return run_of(self._session, set(tests))

    class Forking(isolation.ForkRunner):
        def startup(self) -> None:
            cast("CollectingOnce", self.test_runner).collect()
            super().startup()

    vars(isolation).update(PytestRunner=CollectingOnce, ForkRunner=Forking)


def collected(words: list[str]) -> pytest.Session:
    """Collect as `pytest` with these words would, from the working directory, and run nothing."""
    from _pytest.config import _prepareconfig  # noqa: PLC0415

    config = _prepareconfig(words)
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    config.hook.pytest_collection(session=session)
    return session


def run_of(session: pytest.Session, tests: set[str] | None) -> int:
    """Run these of a session's tests, or those of all that are fast, up to the first that fails; return 1 if one does, else 0."""
    from tests.mutants.fastest_first import tried  # noqa: PLC0415 # as pytest has imported it: from among the mutants

    hooks = session.config.hook
    _kept = (
        sys.stdout,
        sys.stderr,
    )  # mutmut opened them for this process alone: closed unasked, they fail the first test
    session.items = tried([item for item in session.items if tests is None or item.nodeid in tests])
    try:
        hooks.pytest_runtestloop(session=session)
    except (pytest.Session.Failed, pytest.Session.Interrupted):
        return 1
    return 1 if session.testsfailed else 0


if __name__ == "__main__":
    leave_sentences()
    change_what_is_registered()
    collect_once()
    from mutmut.__main__ import cli

    cli()
