"""Whose backups have appointments, and in which order what is due is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from reconciler.core.model.names import parse
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.pauses import Pause
from reconciler.core.model.selection import Selection
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.due_backups import Appointment, appointments, in_turn, next_backup, withheld
from tests.harness.universe import fleet, instance, read

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
GOOD = BackupRecord("instance", "acme", "one", Work.BACKUP, NOW - timedelta(hours=1))


def text(*documents: str, backup: str = "true") -> str:
    targets = "backup_targets: {main: {url: 'file:///srv/backups'}}\nsecret_key:"
    whole = fleet(*documents, servers={"one": "19.0", "two": "19.0"}).replace("secret_key:", targets, 1)
    return whole.replace("code: starter\n", f"code: starter\nbackup: {backup}\n", 1)


def seen(*names: str, online: bool = True) -> Observed:
    listed = ObservedHost("one", online=online, databases=tuple(map(parse, names)))
    return Observed({"one": listed, "two": ObservedHost("two", online=True)})


def found(
    written: str, observed: Observed, *records: BackupRecord, inventory: Inventory = NOTHING_REMEMBERED, **more: Any
) -> list[tuple[str, str, str]]:
    known = {record.key: record for record in records}
    each = appointments(read(written), observed, known, inventory, NOW, **more)
    return [(a.record.address, a.record.server, a.record.work.value) for a in each]


BACKUP = ("instance/acme", "one", "backup")
PROOF = ("instance/acme", "one", "proof")


@pytest.mark.parametrize("listed", ["acme", "suspended.acme", "switching.acme"])
def test_what_is_in_service_is_kept_under_whatever_name(listed: str) -> None:
    assert found(text(instance("acme")), seen(listed)) == [BACKUP]


@pytest.mark.parametrize("listed", ["trash-2611011200.acme", "building-2611241233024caz8.acme", "other"])
def test_what_is_not_there_has_no_appointment(listed: str) -> None:
    assert found(text(instance("acme")), seen(listed)) == []


def test_one_that_names_no_server_is_kept_where_it_was_left_though_its_template_is_there_no_more() -> None:
    written = text(instance("acme")).replace("servers: [one, two]", "servers: [two]")
    known = Inventory({("instance", "acme", "one"): Entry("instance", "acme", "one", "acme", "", NOW)})
    assert found(written, seen("acme"), inventory=known) == [BACKUP]
    assert found(written, seen("acme")) == [], "without memory it is where it is made"
    namesake = Observed({**seen("acme").hosts, "two": ObservedHost("two", online=True, databases=(parse("acme"),))})
    assert found(written, namesake, inventory=known) == [BACKUP], "memory tells which of two it is"


def test_on_a_host_whose_list_is_not_believed_what_was_kept_there_is_not_gone() -> None:
    assert found(text(instance("acme")), seen(), GOOD, doubted={"one"}) == [BACKUP, PROOF]
    assert found(text(instance("acme")), seen(), doubted={"one"}) == []
    assert found(text(instance("acme")), seen("acme"), doubted={"one"}) == [BACKUP]


def test_what_is_declared_absent_or_has_expired_or_has_no_policy_has_none() -> None:
    there = seen("acme")
    assert found(text(instance("acme", state="absent")), there) == []
    assert found(text(instance("acme", expires="2026-11-29")), there) == []
    assert found(text(instance("acme"), backup="false"), there) == []
    assert found(text(instance("acme", backup="false")), there) == []


def test_a_template_is_kept_on_each_server_that_has_it_where_it_says_so() -> None:
    written = text(instance("acme")).replace("template_db:", "backup: true\ntemplate_db:", 1)
    assert found(written, seen("template_base")) == [("template/base", "one", "backup")]


def test_a_proof_has_an_appointment_once_there_is_something_to_prove_unless_none_is_wanted() -> None:
    assert found(text(instance("acme")), seen("acme"), GOOD) == [BACKUP, PROOF]
    assert found(text(instance("acme"), backup="{verify: false}"), seen("acme"), GOOD) == [BACKUP]


def test_on_a_host_that_is_away_what_was_kept_there_is_still_missed() -> None:
    away = seen(online=False)
    assert found(text(instance("acme")), away, GOOD) == [BACKUP, PROOF]
    assert found(text(instance("acme")), away) == []


def test_what_is_to_be_adopted_is_left_to_its_owner_until_it_was_seen_to_be_the_fleets() -> None:
    written = text(instance("acme", adopt="{admin_password: {env: THEIRS}}", server="one"))
    ours = Inventory({("instance", "acme", "one"): Entry("instance", "acme", "one", "acme", "d", NOW)})
    assert found(written, seen("acme")) == []
    assert found(written, seen("acme"), inventory=ours) == [BACKUP]


def test_a_run_that_is_limited_keeps_what_it_is_limited_to() -> None:
    written = text(instance("acme"), instance("beta"))
    chosen = Selection(frozenset({"instance/acme"}))
    assert found(written, seen("acme", "beta"), selection=chosen) == [BACKUP]


def test_backups_come_before_proofs_what_failed_comes_last_and_the_longest_overdue_first() -> None:
    desired = read(text(instance("acme")))
    document, policy = desired.instances["acme"], desired.plans["starter"].backup
    assert policy is not None

    def due(code: str, hours: int | None, tries: int = 0, work: Work = Work.BACKUP) -> Appointment:
        record = BackupRecord("instance", code, "one", work, tries=tries)
        return Appointment(document, policy, "main", record, None if hours is None else NOW - timedelta(hours=hours))

    waiting = [due("d", 9, 3), due("e", 99, work=Work.PROOF), due("c", 1), due("b", 5), due("a", None)]
    assert [each.record.code for each in in_turn(waiting)] == ["a", "b", "c", "d", "e"]


def test_a_pause_of_whatever_concerns_it_and_a_freeze_withhold_a_proof_alone() -> None:
    desired = read(text(instance("acme")))
    known = {GOOD.key: GOOD}
    backup, proof = appointments(desired, seen("acme"), known, NOTHING_REMEMBERED, NOW)
    for key in (("fleet", "demo"), ("server", "one"), ("instance", "acme")):
        paused = {key: Pause(*key)}
        assert "is paused" in withheld(proof.record, (), paused, "demo")
        assert withheld(backup.record, ("one",), paused, "demo") == ""
    assert "frozen" in withheld(proof.record, ("one",), {}, "demo")
    assert withheld(proof.record, ("two",), {("server", "two"): Pause("server", "two")}, "demo") == ""


def test_the_next_one_is_told_by_the_server_that_waits_longest() -> None:
    desired = read(text(instance("acme")))
    acme = desired.instances["acme"]
    night = datetime(2026, 11, 30, 2, 30, tzinfo=UTC)
    assert next_backup(desired, acme, {}, NOW) == NOW
    assert next_backup(desired, acme, {"one": NOW}, NOW) == night
    assert next_backup(desired, acme, {"one": NOW, "two": NOW - timedelta(days=2)}, NOW) == night - timedelta(days=2)
    gone = read(text(instance("acme", state="absent")))
    assert next_backup(gone, gone.instances["acme"], {}, NOW) is None
