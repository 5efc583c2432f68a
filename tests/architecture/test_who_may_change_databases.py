"""One module names the calls that make, move or drop a database; that each of its functions refuses to be misused is shown
in `tests/odoo/test_changing_databases.py`."""

from __future__ import annotations

import ast

from tests.architecture.sources import calls_with_text, modules, texts

ONE_MODULE = "reconciler/odoo/apply/databases.py"
DANGEROUS = {
    "create_database",
    "duplicate_database",
    "rename",
    "drop",
    "restore",
    "change_admin_password",
    "migrate_databases",
}
READING = {"dump", "list", "db_exist", "list_countries", "list_lang", "server_version"}


def product() -> dict[str, ast.Module]:
    return {p: t for p, t in modules("reconciler").items() if not p.startswith("reconciler/simulator/")}


def test_only_one_module_calls_what_changes_databases() -> None:
    called: dict[str, set[str]] = {}
    for path, tree in product().items():
        for call in calls_with_text(tree, "db"):
            called.setdefault(path, set()).update(
                a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            )
    assert called.pop(ONE_MODULE) == {"db", "create_database", "duplicate_database", "rename", "drop"}
    assert called, "the reads are elsewhere"
    for path, words in called.items():
        assert words <= {"db", *READING}, path


def test_the_words_stand_nowhere_else_from_where_they_could_be_sent() -> None:
    """`protocol` has them in its table of where a database's name stands among the arguments, and calls nothing."""
    inside = {
        p: set(texts(t)) & DANGEROUS
        for p, t in product().items()
        if p.startswith(("reconciler/odoo", "reconciler/engine"))
    }
    found = {path for path, words in inside.items() if words}
    assert found == {ONE_MODULE, "reconciler/odoo/protocol.py"}


def test_only_the_adapters_of_a_host_and_of_a_database_import_that_module() -> None:
    importing = {path for path, tree in product().items() if "reconciler.odoo.apply.databases" in imported(tree)}
    assert importing == {"reconciler/odoo/databases.py", "reconciler/odoo/hosts.py"}


def imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found
