"""A copy, and what is restored, whose text says that it had another name: beside what bears that nothing is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.model.verbs import Verb
from reconciler.engine.reconcile import carry_out, plan
from tests.backups.copying import copy_of
from tests.backups.stage import Stage, stage
from tests.harness.universe import Process, instance, read
from tests.harness.virtual_time import run

FORMER = "suspended.old-beta"
WAYS = pytest.mark.parametrize(
    ("verb", "document"),
    [
        (verbs.COPY, copy_of("acme", "beta", renamed_from="old-beta")),
        (verbs.RESTORE, instance("beta", renamed_from="old-beta", restore_from="{backup: latest, of: acme}")),
    ],
    ids=["copy", "restore"],
)


async def built(made: Stage, document: str, *, meanwhile: bool) -> tuple[Outcome, bool]:
    """Build beta while what bears its former name comes to be after the plan: before the work begins, or in its midst.

    Return what became of it, and whether anything was built.
    """
    host, builds = made.universe.hosts["one"], list[str]()

    def watch(_moment: str) -> None:
        builds.extend(name for name in host.databases if name.startswith("building-"))
        if builds and FORMER not in host.databases:
            host.add_database(FORMER)

    desired = read(made.text(document))
    ports = made.world(desired, Process())
    planned = await plan(desired, ports, Limits())
    host.watchers.append(watch)
    if not meanwhile:
        host.add_database(FORMER)
    (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
    return outcome, bool(builds)


@WAYS
@pytest.mark.parametrize("meanwhile", [False, True])
def test_beside_what_bears_its_former_name_by_then_it_is_not_put_into_service(
    tmp_path: Path, verb: Verb, document: str, *, meanwhile: bool
) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        await made.back_up()
        outcome, was_built = await built(made, document, meanwhile=meanwhile)
        assert (outcome.action.verb, outcome.result, was_built) == (verb, Result.FAILED, meanwhile)
        assert FORMER in outcome.detail
        assert "beta" not in made.universe.hosts["one"].databases

    run(story())
