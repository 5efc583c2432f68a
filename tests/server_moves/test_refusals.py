"""What is in the way of a move is found before anything begins: the customer goes on working where he is."""

from __future__ import annotations

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.outcomes import Result
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import compare
from reconciler.engine.reconcile import Passed
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.simulator import dumping
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.simulator.errors import Failure
from tests.harness.universe import Universe, fleet, instance, read
from tests.harness.virtual_time import run
from tests.server_moves.stage import SERVERS, begun, text

MODULES = {"modules": "[contacts]"}


def module(database: SimulatedDatabase, name: str) -> int:
    (row,) = database.matching("ir.module.module", name=name)
    return int(row["id"])


def blocked(world: Universe, written: str, limits: Limits | None = None) -> tuple[str, str]:
    """Run a pass that must not touch acme; return why it is not moved, and what to do."""
    alpha = world.hosts["alpha"]
    before = (alpha.databases["acme"].revision, alpha.listed(), world.hosts["beta"].listed())
    passed = run(world.reconcile(written, limits=limits))
    assert (alpha.databases["acme"].revision, alpha.listed(), world.hosts["beta"].listed()) == before
    (found,) = [b for b in passed.planned.changeset.blocked if b.code == "acme"]
    return found.why, found.advice


def test_a_target_of_another_version() -> None:
    mixed = {"alpha": "19.0", "beta": "18.0"}
    here, there = (fleet(instance("acme", server=server), servers=mixed) for server in SERVERS)
    why, advice = blocked(begun(before=here, versions=mixed), there)
    assert why == "it is not moved from alpha: it is of Odoo 19.0, and beta runs 18.0"
    assert "between servers of one version alone" in advice


def test_a_target_that_lacks_a_module() -> None:
    world = begun(before=text("alpha", **MODULES))
    template = world.hosts["beta"].databases["template_base"]
    template.delete("ir.module.module", module(template, "contacts"))
    why, advice = blocked(world, text("beta", **MODULES))
    assert why == "it is not moved from alpha: beta does not have the modules contacts"
    assert advice.startswith("deploy their code there")


def test_a_target_whose_template_is_made_in_the_same_run() -> None:
    """What is moved goes out of service, so that what would stop it is looked at before; the next run does that."""
    world = begun()
    world.take_template_from("beta")
    passed = run(world.reconcile(text("beta")))
    ((why, advice),) = [(b.why, b.advice) for b in passed.planned.changeset.blocked]
    assert why.endswith("what modules beta has, its template template_base tells, which is made first")
    assert advice == "run it again once that is there; a daemon does so by itself"
    assert ([o.result for o in passed.outcomes], passed.ok) == ([Result.DONE], False)
    assert run(world.reconcile(text("beta"))).ok
    assert "acme" in world.hosts["beta"].listed()


@pytest.mark.parametrize("name", ["base", "mail"])
def test_a_target_with_another_version_of_a_module(name: str) -> None:
    world = begun()
    acme = world.hosts["alpha"].databases["acme"]
    acme.update("ir.module.module", module(acme, name), {"latest_version": "19.0.0.9"})
    why, advice = blocked(world, text("beta"))
    assert why.startswith(f"it is not moved from alpha: beta has other versions of modules: {name} 19.0.0.9 → 19.0.1.")
    assert advice.startswith("deploy the same code on both")


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        ("state: active\n", "state: active\nmax_instances: 1\n", "server beta is full: max_instances is 1"),
        ("state: active\n", "state: maintenance\n", "server beta is in maintenance: nothing new is made there"),
    ],
)
def test_a_target_that_takes_nothing_new(was: str, becomes: str, why: str) -> None:
    world = begun(before=text("alpha", "19.0", instance("other", server="beta")))
    parts = text("beta", "19.0", instance("other")).split("---\n")
    parts = [part.replace(was, becomes) if "code: beta\n" in part else part for part in parts]
    assert blocked(world, "---\n".join(parts))[0] == f"it is not moved from alpha: {why}"


def test_a_host_that_does_not_answer_or_whose_list_is_not_believed() -> None:
    world = begun()
    world.hosts["beta"].kill()
    passed = run(world.reconcile(text("beta")))
    assert not passed.outcomes
    assert "acme" in world.hosts["alpha"].listed()
    world = begun()
    world.hosts["alpha"].kill()
    passed = run(world.reconcile(text("beta")))
    assert not passed.outcomes
    world = begun(before=text("alpha", "19.0", instance("other", server="alpha")))
    del world.hosts["alpha"].databases["other"]
    why, advice = blocked(world, text("beta", "19.0", instance("other", server="alpha")))
    assert "changes on alpha are frozen: it no longer lists other" in why
    assert "--confirm-listing alpha" in advice


def test_a_run_that_looks_at_names_alone_moves_nothing() -> None:
    why, _ = blocked(begun(), text("beta"), Limits(depth=Depth(shallow=True)))
    assert why == "a database acme is on alpha, and may be this instance's"


def test_a_copy_and_what_bears_the_name_where_it_is_to_go() -> None:
    copied = "kind: instance\ncode: tried\nclone_of: acme\nplan: starter\nserver: {}\n"
    world = begun(before=text("alpha", "19.0", copied.format("alpha")))
    planned = run(world.plan(text("beta", "19.0", copied.format("beta"))))
    (found,) = planned.changeset.blocked
    assert found.why == "it is not moved from alpha: it is a copy"
    assert [action.id for action in planned.changeset.actions] == ["move instance/acme on beta"]

    world = begun()
    world.hosts["beta"].add_database("acme")
    why, _ = blocked(world, text("beta"))
    assert "password" in why, "a database of that name stands there, and is nobody's that this fleet knows"


def failed(world: Universe, written: str) -> tuple[Result, str]:
    passed: Passed = run(world.reconcile(written))
    (outcome,) = passed.outcomes
    assert world.hosts["alpha"].listed() == ["acme", "shop", "template_base"]
    assert world.hosts["beta"].listed() == ["shop", "template_base"]
    return outcome.result, outcome.detail


def test_a_large_database_that_could_not_be_fetched_once_it_is_suspended_stays_in_service() -> None:
    world = begun()
    alpha = world.hosts["alpha"]
    alpha.add_database("suspended.somebody")  # tells that the page does not answer for such names
    del alpha.databases["shop"]
    acme = alpha.databases["acme"]
    row = {"name": "film", "type": "binary", "store_fname": "ab/" + "ab" * 20, "file_size": 500_000_000, "res_id": 0}
    acme.insert("ir.attachment", row)
    alpha.files("acme")["ab/" + "ab" * 20] = 500_000_000
    calls = len(alpha.calls)
    passed = run(world.reconcile(text("beta")))
    (outcome,) = passed.outcomes
    assert outcome.result is Result.FAILED
    assert "once it is suspended there is no way to fetch it" in outcome.detail
    assert "dbfilter = ^(%d|%h)$" in outcome.detail
    assert "rename" not in {call.method for call in alpha.calls[calls:]}, "it was in service all the time"


def test_a_move_that_fails_brings_it_back_into_service_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun()

    def no_room(*_: object) -> None:
        raise Failure("builtins.Exception", "Couldn't restore database")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(dumping, "_load", no_room)
        result, detail = failed(world, text("beta"))
    assert result is Result.FAILED
    assert "Couldn't restore database" in detail
    assert "it is back on alpha as it was" in detail
    assert any(row["active"] for row in world.hosts["alpha"].databases["acme"].rows("ir.cron").values())
    assert run(world.reconcile(text("beta"))).ok


def test_what_may_not_begin_now_waits_and_a_limit_for_changes_counts_moves() -> None:
    frozen = "freezes: [{from: 2026-11-01, to: 2026-12-31}]\n"
    planned = run(begun().plan(text("beta").replace("code: demo\n", f"code: demo\n{frozen}", 1)))
    assert [w.action.id for w in planned.changeset.withheld] == ["move instance/acme on beta"]
    few = text("beta").replace("code: demo\n", "code: demo\nsafety: {max_changes: 0}\n", 1)
    planned = run(begun().plan(few))
    assert [b.advice for b in planned.changeset.blocked] == ["if it is meant, run with --allow-changes"]
    for server in SERVERS:
        paused = text("beta").split("---\n")
        paused = [p + "paused: true\n" if f"code: {server}\n" in p else p for p in paused]
        planned = run(begun().plan("---\n".join(paused)))
        assert [w.why for w in planned.changeset.withheld] == [
            f"server/{server} is paused (its text says paused: true)"
        ]


def test_the_comment_of_a_pull_request_shows_it_and_nothing_else() -> None:
    world = begun()
    before, after = read(text("alpha")), read(text("beta"))
    since = compare(before, after)
    planned = run(world.plan(text("beta"), Limits(since.narrow(Selection()), since=since)))
    shown = render_plan(planned.changeset, after, Paper())
    assert "~ move instance/acme  its text names another server, alpha → beta" in shown
    assert not planned.changeset.removed
    assert not planned.changeset.blocked
