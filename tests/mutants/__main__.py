"""`python -m tests.mutants [MODULE ...]`: which small faults in the law no test notices.

mutmut makes the mutants and runs, for each, the tests that reach it. What survives must stand in `survivors.toml` with the
reason why it may; anything else fails. Work is kept in `.cache/mutants`: a run may be stopped and goes on where it was, only
functions that changed are tried again, and survivors whenever tests did. Lines outside of functions have no mutants. How a
sentence is worded is nobody's promise: what changes nothing else needs no reason.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache/mutants"
KNOWN = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True)
class Part:
    """Modules with the tests that have to notice their mutants: few and fast, since each mutant runs those that reach it.

    Without tests/architecture: it reads sources, in which all mutants stand at once whichever of them is awake. Without
    most of tests/odoo: some of them cannot run twice in one process.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def tree(self) -> Path:
        """Where its mutants are kept."""
        return WORK / self.name

    def paths(self) -> list[Path]:
        """List its modules, from the root of the project."""
        return [path.relative_to(ROOT) for pattern in self.modules for path in sorted(ROOT.glob(pattern))]


PARTS = (
    Part(
        "core",
        (
            "reconciler/core/model/names.py",
            "reconciler/core/safety.py",
            "reconciler/core/diffs/server_moves.py",
            "reconciler/core/policies/claims.py",
            "reconciler/core/depths.py",
            "reconciler/core/diffs/drafts.py",
            "reconciler/core/policies/endings.py",
            "reconciler/core/policies/one_host.py",
            "reconciler/core/policies/openers.py",
            "reconciler/core/policies/placement.py",
            "reconciler/core/removals.py",
            "reconciler/core/diffs/fleet_diffs.py",
            "reconciler/core/diffs/*_diffs.py",
        ),
        (
            "tests/core",
            "tests/engine",
            "tests/server_moves",
            "tests/backups/test_before_ending.py",
            "tests/backups/test_copies.py",
            "tests/backups/test_copy_rhythms.py",
            "tests/backups/test_copy_restores.py",
            "tests/backups/test_refreshed_copies.py",
            "tests/backups/test_replacing.py",
        ),
    ),
    Part(
        "engine",
        (
            "reconciler/engine/building.py",
            "reconciler/engine/dropping.py",
            "reconciler/engine/elsewhere.py",
            "reconciler/engine/moves.py",
            "reconciler/engine/replacing.py",
            "reconciler/engine/carrying_out/*.py",
            "reconciler/odoo/apply/databases.py",
            "reconciler/odoo/apply/furnishing.py",
        ),
        (
            "tests/engine",
            "tests/server_moves",
            "tests/odoo_items",
            "tests/odoo/test_changing_databases.py",
            "tests/odoo/test_furnishing.py",
            "tests/backups/test_before_ending.py",
            "tests/backups/test_before_uninstalling.py",
            "tests/backups/test_before_upgrading.py",
            "tests/backups/test_copies.py",
            "tests/backups/test_copy_rhythms.py",
            "tests/backups/test_copy_restores.py",
            "tests/backups/test_refreshed_copies.py",
            "tests/backups/test_copies_elsewhere.py",
            "tests/backups/test_copies_that_change.py",
            "tests/backups/test_former_names.py",
            "tests/backups/test_replacing.py",
            "tests/backups/test_replacing_as_shown.py",
            "tests/backups/test_restoring.py",
            "tests/faults/test_random_runs.py",
        ),
    ),
)

LISTS_FUNCTIONS = "tests/odoo/test_changing_databases.py::test_each_of_its_functions_is_misused_below"
"""It would find all mutants at once among them."""
MEASURES_MEMORY = "tests/server_moves/test_memory.py"
"""It would measure mutmut's too."""

_MUTMUT = Path(__file__).with_name("our_mutmut.py")
_RANDOM_LIVES = "8"
_AT_ONCE = "2"
_PYTEST = (
    "-p",
    "no:cacheprovider",
    "-p",
    "tests.mutants.fastest_first",
    "--hypothesis-seed=0",
    "--deselect",
    LISTS_FUNCTIONS,
    "--deselect",
    MEASURES_MEMORY,
)
_MYPY = ("-m", "mypy", "--config-file=../setup.cfg", "--output=json", "-p", "reconciler")
_COPIED = ("reconciler", "schemas", "tests", "docs", "fleet", "README.md", "Makefile", "pyproject.toml")
_KILLED = {1, 3, 24, 36, 37, 152, 255, -24}
"""Codes by which mutmut says that a test failed, that time ran out, or that mypy refuses it."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """A mutant by what stays the same when lines move: two that are worded alike in one function count as one."""

    module: str
    function: str
    line: str
    mutant: str


def main(wanted: Sequence[str]) -> int:
    """Try the mutants of the modules named (of all without a name); return the exit code."""
    chosen = {part: [path for path in part.paths() if not wanted or path.stem in wanted] for part in PARTS}
    if unknown := set(wanted) - {path.stem for paths in chosen.values() for path in paths}:
        names = (path.stem for part in PARTS for path in part.paths())
        print(f"No such module: {', '.join(sorted(unknown))}. There are: {' '.join(names)}")
        return 2
    found: set[Mutant] = set()
    unfinished = 0
    for part, paths in chosen.items():
        if paths:
            _try(part, paths)
            survived, left = _survivors(part, paths)
            found |= survived
            unfinished += left
    modules = {_module(path) for paths in chosen.values() for path in paths}
    return _report(found, unfinished, [known for known in read_reasons(KNOWN) if known.module in modules])


def _report(found: Iterable[Mutant], unfinished: int, known: Iterable[Mutant]) -> int:
    unexplained, stale = compare(found, known)
    for mutant in unexplained:
        print(f"\n{_place(mutant)}: {mutant.function}\n  - {mutant.line}\n  + {mutant.mutant}")
    for mutant in () if unfinished else stale:
        print(f"\nStale in {KNOWN.name}, since it no longer survives: {mutant.module} {mutant.function}")
        print(f"  - {mutant.line}\n  + {mutant.mutant}")
    draft = WORK / "unexplained.toml"
    draft.write_text("\n".join(map(entry, unexplained)))
    print(f"\n{len(unexplained)} survive without a reason ({draft.relative_to(ROOT)})")
    if unfinished:
        print(f"{unfinished} were not tried yet: run it again")
    return 1 if unexplained or unfinished else 0


def read_reasons(file: Path) -> dict[Mutant, str]:
    """Read why known survivors may survive.

    Raises:
        ValueError: one has no reason.
    """
    reasons: dict[Mutant, str] = {}
    for row in tomllib.loads(file.read_text()).get("survivor", []):
        reason = row.pop("reason", "").strip()
        if not reason:
            raise ValueError(f"{file.name}: a survivor without a reason: {row}")
        reasons[Mutant(**row)] = reason
    return reasons


def compare(found: Iterable[Mutant], known: Iterable[Mutant]) -> tuple[list[Mutant], list[Mutant]]:
    """Return the survivors that are not known, and the known ones that do not survive."""
    found, known = set(found), set(known)
    return sorted(found - known), sorted(known - found)


def entry(mutant: Mutant) -> str:
    """Write a survivor as TOML, with a reason to be filled in; a string of JSON is one of TOML."""
    fields = ("module", "function", "line", "mutant")
    lines = [f"{field} = {json.dumps(getattr(mutant, field), ensure_ascii=False)}" for field in fields]
    return "\n".join(["[[survivor]]", *lines, 'reason = ""', ""])


def mutation(diff: Iterable[str]) -> tuple[str, str]:
    """Take the line and what it became from a diff."""
    changed = [line for line in diff if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    old = " ".join(line[1:].strip() for line in changed if line.startswith("-"))
    new = " ".join(line[1:].strip() for line in changed if line.startswith("+"))
    return old, new


def _try(part: Part, paths: Sequence[Path]) -> None:
    """Run mutmut on what was not tried yet, and on survivors if anything but the mutated modules changed since."""
    now = _fingerprint()
    lesson, learned = f"{now} {' '.join(map(str, paths))}", part.tree / "learned"
    if not learned.exists() or learned.read_text() != lesson:
        # Which test reaches what has to be learned anew.
        (part.tree / "mutants/mutmut-stats.json").unlink(missing_ok=True)
    _lay_out(part, paths)
    learned.write_text(lesson)
    noted = part.tree / "tested.json"
    tested: dict[str, str] = json.loads(noted.read_text()) if noted.exists() else {}
    again = _unkilled(part, [path for path in paths if tested.setdefault(str(path), now) != now])
    noted.write_text(json.dumps(tested))
    _mutmut(part)
    if again:
        _mutmut(part, *again)
    noted.write_text(json.dumps(tested | dict.fromkeys(map(str, paths), now)))


def _lay_out(part: Part, paths: Sequence[Path]) -> None:
    """Copy the project, so that nothing of the work tree is written to; results stay where they are."""
    tree = part.tree
    tree.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        for place in (tree / name, tree / "mutants" / name):
            _remove(place)
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy2(source, tree / name)
    config = configparser.ConfigParser()
    config["mutmut"] = {
        "source_paths": "\nreconciler\nschemas",
        "only_mutate": "\n".join(["", *map(str, paths)]),
        "also_copy": "\n".join(["", *_COPIED]),
        "pytest_add_cli_args": "\n".join(["", *_PYTEST]),
        "pytest_add_cli_args_test_selection": "\n".join(["", *part.tests]),
        "type_check_command": "\n".join(["", sys.executable, *_MYPY]),
        "timeout_multiplier": "1",  # of all tests that reach it, of which `fastest_first` runs some
        "timeout_constant": "30",
        "use_git_change_detection": "false",
    }
    # Strict as in the project, but for what is odd about a mutant where the same fault written by hand would pass.
    config["mypy"] = {"strict": "true", "warn_unused_ignores": "false", "plugins": "pydantic.mypy"}
    with (tree / "setup.cfg").open("w") as file:
        config.write(file)


def _remove(place: Path) -> None:
    """Remove all but mutmut's results: it would take a copy that is there for the latest one."""
    if place.is_dir():
        for file in place.rglob("*"):
            if file.is_file() and file.suffix != ".meta":
                file.unlink()
    else:
        place.unlink(missing_ok=True)


def _mutmut(part: Part, *mutants: str) -> None:
    environment = {**os.environ, "ODOO_FLEET_RUNS": _RANDOM_LIVES}
    command = [sys.executable, str(_MUTMUT), "run", "--max-children", _AT_ONCE, *mutants]
    if subprocess.run(command, cwd=part.tree, env=environment, check=False).returncode:
        sys.exit("mutmut did not come to its end: see above")


def _fingerprint() -> str:
    whole, mutated = hashlib.sha256(), {path for part in PARTS for path in part.paths()}
    for name in _COPIED:
        place = ROOT / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and file.suffix != ".pyc" and file.relative_to(ROOT) not in mutated:
                whole.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return whole.hexdigest()


def _results(part: Part, paths: Iterable[Path]) -> Iterator[tuple[Path, str, int | None]]:
    for path in paths:
        file = part.tree / "mutants" / f"{path}.meta"
        for name, code in (json.loads(file.read_text())["exit_code_by_key"] if file.exists() else {}).items():
            yield path, name, code


def _unkilled(part: Part, paths: Iterable[Path]) -> list[str]:
    return [name for _, name, code in _results(part, paths) if code is not None and code not in _KILLED]


def _survivors(part: Part, paths: Iterable[Path]) -> tuple[set[Mutant], int]:
    """Read what survived, and how many were not tried yet."""
    found: set[Mutant] = set()
    unfinished = 0
    with chdir(part.tree):
        # mutmut reads its settings from the working directory, as soon as it is imported.
        from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415
        from mutmut.utils.format_utils import orig_function_and_class_names_from_key  # noqa: PLC0415

        for path, name, code in _results(part, paths):
            unfinished += code is None
            if code is None or code in _KILLED:
                continue
            function, owner = orig_function_and_class_names_from_key(name)
            old, new = mutation(get_diff_for_mutant(name, path=path).splitlines())
            found.add(Mutant(_module(path), f"{owner}.{function}" if owner else function, old, new))
    return found, unfinished


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _place(mutant: Mutant) -> str:
    """Say where a mutant's line is now: the first of that text after the beginning of its function."""
    path = Path(*mutant.module.split(".")).with_suffix(".py")
    lines = (ROOT / path).read_text().splitlines()
    begins = f"def {mutant.function.rpartition('.')[2]}("
    first = next((n for n, line in enumerate(lines) if begins in line), 0)
    here = (n for n, line in enumerate(lines[first:], first) if line.strip() and mutant.line.startswith(line.strip()))
    return f"{path}:{next(here, first) + 1}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
