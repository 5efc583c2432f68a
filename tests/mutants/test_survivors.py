"""The list of survivors: what is in it, and what it is compared with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import libcst as cst
import pytest

from tests.mutants.__main__ import (
    KNOWN,
    LISTS_FUNCTIONS,
    MEASURES_MEMORY,
    PARTS,
    ROOT,
    Mutant,
    compare,
    entry,
    main,
    mutation,
    read_reasons,
)
from tests.mutants.fastest_first import tried
from tests.mutants.our_mutmut import reworded

ONE = Mutant("reconciler.core.model.names", "parse", 'head = "a"', 'head = "b"')
TWO = Mutant("reconciler.core.model.names", "building", "return 1", "return 2")
DIFF = """\
--- reconciler/core/model/names.py
+++ reconciler/core/model/names.py
@@ -1,4 +1,4 @@
 def parse(text):
-    head = one(
-        text)
+    head = two(
+        text)
     return head
"""


def test_every_pattern_finds_modules_and_every_choice_of_tests_is_there() -> None:
    """A module that is renamed must not fall out of the scope unnoticed."""
    assert [pattern for part in PARTS for pattern in part.modules if not list(ROOT.glob(pattern))] == []
    assert [tests for part in PARTS for tests in part.tests if not (ROOT / tests).exists()] == []
    assert (ROOT / MEASURES_MEMORY).exists()
    file, _, test = LISTS_FUNCTIONS.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text()


def test_every_known_survivor_has_a_reason_and_is_of_a_module_in_scope() -> None:
    modules = {".".join(path.with_suffix("").parts) for part in PARTS for path in part.paths()}
    assert {mutant.module for mutant in read_reasons(KNOWN)} <= modules


def test_a_survivor_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text(entry(ONE))
    with pytest.raises(ValueError, match="without a reason"):
        read_reasons(file)


def test_what_is_written_for_a_survivor_is_read_back_as_it(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text(entry(ONE).replace('reason = ""', 'reason = "the same"') + entry(TWO).replace('""', '"too"'))
    assert read_reasons(file) == {ONE: "the same", TWO: "too"}
    assert len(tomllib.loads(file.read_text())["survivor"]) == 2


def test_new_survivors_and_known_ones_that_are_killed_now_are_told_apart() -> None:
    assert compare([ONE, ONE], [TWO]) == ([ONE], [TWO])
    assert compare([ONE], [ONE]) == ([], [])


def test_a_mutation_is_the_text_that_was_and_that_which_became_of_it() -> None:
    assert mutation(DIFF.splitlines()) == ("head = one( text)", "head = two( text)")


def test_a_sentence_is_not_worded_in_another_way_and_a_name_is() -> None:
    assert [cst.Module([]).code_for_node(each) for each in reworded(cst.SimpleString('"it lies"'))] == []
    assert {cst.Module([]).code_for_node(each) for each in reworded(cst.SimpleString('"lies"'))} == {
        '"XXliesXX"',
        '"LIES"',
    }


def test_a_module_that_is_not_in_scope_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "No such module: nonsense. There are: names safety" in capsys.readouterr().out


_CHANGE = """\
from mutmut.mutation import file_mutation
from tests.mutants.our_mutmut import change_what_is_registered
change_what_is_registered()
print(file_mutation.mutate_file_contents("it.py", open("it.py").read()).code)
"""


def test_what_carries_out_a_verb_is_changed_and_one_version_alone_is_registered(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[mutmut]\nsource_paths = .\n")
    (tmp_path / "it.py").write_text("@carries_out(COPY)\ndef copy():\n    return 1\n\n@cached()\ndef b(): return 1\n")
    command, environment = (sys.executable, "-c", _CHANGE), {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "@carries_out(COPY)\n@_mutmut_mutated(mutants_x_copy__mutmut)\ndef copy():\n    return 1\n" in ran.stdout, (
        ran.stderr
    )
    assert "\ndef x_copy__mutmut_1():\n    return 2\n" in ran.stdout
    assert (ran.stdout.count("@carries_out"), ran.stdout.count("def b()")) == (1, 1)


_TRY = """\
from tests.mutants.our_mutmut import collected, run_of
session = collected(["-c", "/dev/null", "--rootdir=.", "-q", "-p", "tests.mutants.fastest_first", "test_it.py"])
names = [item.name for item in session.items]
print(names, run_of(session, {"test_it.py::test_0"}))
"""


def test_slow_tests_are_left_out_of_those_of_a_mutant_and_never_of_those_that_may_notice_one(tmp_path: Path) -> None:
    """What the slowest alone notices would be called alive if all tests together had the time of those of one mutant."""
    lines = [f"def test_{n}(): assert {n}\n" for n in range(3)]
    (tmp_path / "test_it.py").write_text("".join(lines))
    took = {f"test_it.py::test_{n}": 10.0 * (3 - n) for n in range(3)}
    (tmp_path / "mutmut-stats.json").write_text(json.dumps({"duration_by_test": took}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-c", _TRY)
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "['test_2', 'test_1', 'test_0'] 1" in ran.stdout, ran.stdout + ran.stderr


def test_of_the_tests_of_one_mutant_those_are_run_that_take_no_longer_than_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    items = [cast("pytest.Item", SimpleNamespace(nodeid=str(n))) for n in range(4)]
    assert tried(items) == items
    Path("mutmut-stats.json").write_text(json.dumps({"duration_by_test": {str(n): 6.0 for n in range(4)}}))
    assert tried(items) == items[:2]
    Path("mutmut-stats.json").write_text(json.dumps({"duration_by_test": {"0": 99.0}}))
    assert tried(items) == items[:1]
