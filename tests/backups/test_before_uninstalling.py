"""Before modules are uninstalled the database is backed up where its text asks for backups; if that fails, nothing goes."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.model import verbs
from reconciler.core.model.failures import StorageFailure
from reconciler.core.model.outcomes import Result
from tests.backups.stage import stage
from tests.engine.test_uninstalling import WITH, module
from tests.harness.virtual_time import run


def test_what_loses_modules_has_a_backup_of_before_or_loses_none(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", "19.0")
        host = made.universe.hosts["one"]
        assert (await made.apply(made.text(modules=WITH))).ok

        def refuse(what: str, _place: str) -> None:
            if what == "write":
                raise StorageFailure("main is full")

        made.before, text = refuse, made.text(modules_absent=WITH)
        first = (await made.apply(text)).outcomes[0]
        assert (first.action.verb, first.result, first.detail) == (verbs.UNINSTALL, Result.FAILED, "main is full")
        assert module(host, "crm") == "installed"

        made.before = lambda _what, _place: None
        passed = await made.apply(text)
        assert passed.ok
        (entry,) = await made.entries()
        first = passed.outcomes[0]
        assert ("backup", "one in main, made first") in [(c.field, c.desired) for c in first.action.changes]
        assert first.detail == f"backed up as {entry.id} in main"
        assert module(host, "crm") == "uninstalled"

    run(story())
