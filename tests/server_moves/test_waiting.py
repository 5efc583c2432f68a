"""While a move waits, its customer is where he was: in status, in the proxy's map, and for his backups."""

from __future__ import annotations

from reconciler.core.deciding import Planned
from reconciler.core.model.changesets import Left
from reconciler.core.policies.backups import BackupSubject
from reconciler.core.policies.due_backups import appointments, subject_of
from reconciler.engine.reconcile import Passed
from reconciler.fleet.desired import Desired
from reconciler.reports.proxy_maps import routes
from reconciler.reports.status import status
from tests.harness.universe import read
from tests.harness.virtual_time import run
from tests.server_moves.stage import begun, text

WAITING = "windows: [{verbs: [move], from: '02:00', to: '03:00'}]\n"
KEPT = "backup_targets: {main: {url: file:///srv/backups}}\n"


def waiting() -> tuple[Desired, Planned, Passed]:
    """Edit the server of a customer outside of the window for that; it is noon."""
    written = text("beta", backup="true").replace("kind: fleet\n", f"kind: fleet\n{WAITING}{KEPT}", 1)
    world = begun()
    passed = run(world.reconcile(written))
    assert world.hosts["alpha"].listed() == ["acme", "shop", "template_base"]
    return read(written), run(world.plan(written)), passed


def test_status_and_the_map_of_names_have_it_where_it_is() -> None:
    desired, seen, _ = waiting()
    found = status(desired, seen.observed, seen.inventory, seen.changeset, begun().clock.now())
    (row,) = found.instances
    assert (row.server, row.observed, row.in_sync) == ("alpha", "active", "no")
    assert "would move" in row.detail
    (route,) = routes(desired, seen.inventory)[0]
    assert (route.server, route.state) == ("alpha", "active")


def test_it_is_no_orphan() -> None:
    _, seen, passed = waiting()
    for planned in (seen, passed.planned):
        assert [(each.what, each.kind) for each in planned.changeset.left_alone if each.database == "acme"] in (
            [],
            [("what instance/acme is until it is moved to beta", Left.KEPT)],
        )


def test_its_backups_go_on() -> None:
    desired, seen, _ = waiting()
    (due,) = appointments(desired, seen.observed, {}, seen.inventory, begun().clock.now())
    subject = subject_of(desired, due, seen.observed)
    assert isinstance(subject, BackupSubject)
    assert (subject.server, subject.database) == ("alpha", "acme")


def test_one_that_is_blocked_is_no_orphan_either() -> None:
    world = begun(before=text("alpha", modules="[contacts]"))
    template = world.hosts["beta"].databases["template_base"]
    (row,) = template.matching("ir.module.module", name="contacts")
    template.delete("ir.module.module", row["id"])
    passed = run(world.reconcile(text("beta", modules="[contacts]")))
    assert [b.code for b in passed.planned.changeset.blocked] == ["acme"]
    told = [(each.what, each.kind) for each in passed.planned.changeset.left_alone if each.database == "acme"]
    assert told == [("what instance/acme is until it is moved to beta", Left.KEPT)]
