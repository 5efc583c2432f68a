"""`backup due`: what is due by schedule, for timers and CI."""

from __future__ import annotations

import json

from tests.cli.saving import applied
from tests.cli.test_backup import keeping
from tests.cli.world import World

__all__ = ["applied", "keeping"]


def test_what_is_due_is_made_and_proven_and_after_that_nothing_is(keeping: World) -> None:
    first = keeping.run("backup", "due")
    assert first.code == 0, first.err
    assert first.out.count(" rows; ") == 3
    assert first.out.count(" proven in ") == 3, "what was never proven is proven at once"
    second = keeping.run("backup", "due")
    assert second.code == 0
    assert second.out.startswith("Nothing is due. Next is the ")
    assert len(json.loads(keeping.run("backup", "list", "-o", "json").out)["backups"]) == 3


def test_what_was_made_by_command_is_not_made_again(keeping: World) -> None:
    assert keeping.run("backup", "now").code == 0
    assert keeping.run("backup", "verify").code == 0
    assert keeping.run("backup", "due").out.startswith("Nothing is due.")


def test_without_a_store_the_catalogue_says_what_was_made(keeping: World) -> None:
    assert keeping.run("backup", "due").code == 0
    ran = keeping.run("backup", "due", "--store", "none", "-o", "json")
    assert (ran.code, json.loads(ran.out)) == (0, {"backups": [], "failed": {}})


def test_one_that_fails_is_told_and_left_alone_for_a_while(keeping: World) -> None:
    target = keeping.root / "target"
    target.rename(keeping.root / "away")
    ran = keeping.run("backup", "due")
    assert ran.code == 1
    assert "instance/acme" in ran.err
    (keeping.root / "away").rename(target)
    again = keeping.run("backup", "due")
    assert again.code == 1
    assert "it is due again at" in again.err
    assert keeping.run("backup", "now", "acme").code == 0, "whoever asks for it is not kept waiting"
    after = keeping.run("backup", "due", "--target", "acme")
    assert after.code == 0, after.err
    assert "proven in" in after.out
    assert " rows; " not in after.out


def test_one_that_was_asked_for_and_failed_keeps_nothing_that_is_due_waiting(keeping: World) -> None:
    target = keeping.root / "target"
    target.rename(keeping.root / "away")
    assert keeping.run("backup", "now", "acme").code == 1
    (keeping.root / "away").rename(target)
    ran = keeping.run("backup", "due", "--target", "acme")
    assert ran.code == 0, ran.err
    assert " rows; " in ran.out


def test_a_pause_withholds_proofs_and_no_backups(keeping: World) -> None:
    assert keeping.run("pause", "acme", "--reason", "audit").code == 0
    ran = keeping.run("backup", "due", "--target", "acme")
    assert ran.code == 0
    assert " rows; " in ran.out
    assert "proven in" not in ran.out
    assert "proof of instance/acme: instance/acme is paused" in ran.err
    assert "nothing is restored there" in ran.err


def test_status_says_when_the_next_one_is_due_and_what_is_overdue_or_fails(keeping: World) -> None:
    def rows() -> dict[str, dict[str, object]]:
        document = json.loads(keeping.run("status", "backups", "-o", "json").out)
        return {row["document"]: row for row in document["backups"]}

    assert {row["is_due"] for row in rows().values()} == {True}
    assert keeping.run("backup", "now", "acme").code == 0
    assert not rows()["instance/acme"]["is_due"]
    assert str(rows()["instance/acme"]["due_at"]).endswith("T02:30:00+00:00")
    text = keeping.run("status", "backups").out
    assert "due now" in text
    assert " 02:30" in text
    assert max(map(len, text.splitlines())) <= 80
    keeping.hosts["prod-1"].faults.add("page.web/database/backup:503")
    keeping.hosts["prod-1"].faults.add("db.dump:error=interrupted")
    assert keeping.run("backup", "due", "--target", "bistro").code == 1
    assert rows()["instance/bistro"]["problem"]
    assert "fails" in keeping.run("status", "backups").out
