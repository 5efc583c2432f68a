"""Waves: who may be upgraded now, and what the others wait for, as a function of text, standings and time."""

from __future__ import annotations

import random
from datetime import timedelta

from reconciler.core.model.module_versions import Behind, UpgradeNote, behind, note_text, read_note
from reconciler.core.policies.rollouts import course
from reconciler.core.policies.upgrades import CURRENT, Key, ModulesState
from reconciler.fleet.desired import Desired
from tests.harness.universe import fleet, instance, read
from tests.harness.virtual_time import EPOCH

_OLD = ModulesState(behind=(Behind("sale", "19.0.1.0", "19.0.1.1"),))
_MINUTE = timedelta(minutes=1)


def _text(count: int, rollout: str) -> Desired:
    documents = [instance(f"c{n}", labels=f"{{ring: r{n % 10}}}") for n in range(count)]
    return read(fleet(*documents).replace("secret_key:", f"upgrade: follow\nrollout: {rollout}\nsecret_key:", 1))


def _standings(desired: Desired, standing: ModulesState = _OLD) -> dict[Key, ModulesState]:
    return {("instance", code, "one"): standing for code in desired.instances}


def test_versions_are_compared_number_by_number() -> None:
    rows = [
        ("a", "19.0.1.9", "19.0.1.10"),
        ("b", "19.0.1.10", "19.0.1.9"),
        ("c", "19.0.1.0", "19.0.1.0"),
        ("d", "", "19.0.1.0"),
    ]
    assert behind(rows) == (Behind("a", "19.0.1.9", "19.0.1.10"),)
    assert behind([("a", "14.0.1.0rc1", "14.0.1.0")]) == ()
    assert behind([("a", "14.0.1.0", "14.0.1.0.1")])


def test_a_note_is_read_back_in_its_own_database_alone() -> None:
    note = UpgradeNote(EPOCH, "u-1", {"sale": "19.0.1.1"}, 2, "it broke")
    assert read_note(note_text(note), "u-1") == note
    assert read_note(note_text(note), "u-2") is None
    for text in ("", "{}", "[]", "null", '{"at": 1}', note_text(note)[:-3]):
        assert read_note(text, "u-1") is None


def test_shares_are_of_all_and_labels_come_out_of_them() -> None:
    desired = _text(
        100, "{waves: [{selector: {ring: r3}}, {percent: 20}, {selector: {ring: r4}, percent: 50}, {percent: 100}]}"
    )
    waves = course(desired, {}, EPOCH).waves
    assert [len(wave) for wave in waves[:2]] == [10, 10]
    assert {desired.instances[code].labels["ring"] for code in waves[0]} == {"r3"}
    assert sorted(code for wave in waves for code in wave) == sorted(desired.instances)
    assert course(desired, _standings(desired), EPOCH).waves == waves


def test_what_is_in_no_wave_is_left_to_hands() -> None:
    desired = _text(10, "{waves: [{percent: 20}]}")
    found = course(desired, _standings(desired), EPOCH)
    assert len(found.waiting) == 8
    assert all("in no wave" in why for why in found.waiting.values())


def test_a_wave_begins_when_the_soak_since_the_last_of_those_before_is_over() -> None:
    desired = _text(10, "{waves: [{percent: 20}, {percent: 100}], soak_minutes: 30}")
    first, second = course(desired, {}, EPOCH).waves
    standings = _standings(desired)
    assert course(desired, standings, EPOCH).waiting.keys() == set(second)
    for number, code in enumerate(first):
        standings["instance", code, "one"] = ModulesState(upgraded=EPOCH + number * 10 * _MINUTE)
    assert course(desired, standings, EPOCH + 39 * _MINUTE).waiting.keys() == set(second)
    assert not course(desired, standings, EPOCH + 40 * _MINUTE).waiting


def test_who_is_current_without_having_been_upgraded_holds_nobody_up() -> None:
    desired = _text(10, "{waves: [{percent: 20}, {percent: 100}]}")
    first, _ = course(desired, {}, EPOCH).waves
    standings = {key: standing for key, standing in _standings(desired).items() if key[1] not in first}
    assert not course(desired, standings, EPOCH).waiting


def test_failures_within_the_limit_hold_up_themselves_and_beyond_it_all() -> None:
    desired = _text(10, "{waves: [{percent: 50}, {percent: 100}], soak_minutes: 0, max_failures: 1}")
    first, second = course(desired, {}, EPOCH).waves
    failed = ModulesState(behind=_OLD.behind, failed="the script is broken")
    standings = {**_standings(desired), **{("instance", code, "one"): CURRENT for code in first}}
    standings["instance", first[0], "one"] = failed
    found = course(desired, standings, EPOCH)
    assert found.waiting.keys() == {first[0]}
    assert found.failures_left == 0
    standings["instance", second[0], "one"] = failed
    found = course(desired, standings, EPOCH)
    assert found.waiting.keys() == {first[0], *second}
    assert "the rollout has stopped" in found.waiting[second[1]]


def test_five_hundred_customers_of_whom_five_in_a_hundred_fail_stop_where_the_limit_says() -> None:
    for seed in range(10):
        chance = random.Random(seed)
        limit = chance.choice([0, 3, 10, 100])
        desired = _text(
            500, f"{{waves: [{{selector: {{ring: r1}}}}, {{percent: 30}}, {{percent: 100}}], max_failures: {limit}}}"
        )
        doomed = {code for code in desired.instances if chance.random() < 0.05}
        standings, now, done = _standings(desired), EPOCH, 0
        waves = course(desired, standings, now).waves
        for _ in range(400):
            found = course(desired, standings, now)
            left = [c for wave in found.waves for c in wave if not standings["instance", c, "one"].is_current]
            ready = [c for c in left if c not in found.waiting]
            numbers = {found.wave_of(code) for code in ready}
            assert len(numbers) <= 1, "two waves are never under way at once"
            for code in ready[:20]:
                if code in doomed:
                    standings["instance", code, "one"] = ModulesState(behind=_OLD.behind, failed="the script is broken")
                else:
                    standings["instance", code, "one"], done = ModulesState(upgraded=now), done + 1
                if sum(bool(s.failed) for s in standings.values()) > limit:
                    break
            now += 5 * _MINUTE
        failed = sum(bool(standing.failed) for standing in standings.values())
        assert failed == min(limit + 1, len(doomed))
        if failed <= limit:
            assert done == 500 - len(doomed)
        else:
            reached = [any(standings["instance", c, "one"] != _OLD for c in wave) for wave in waves]
            assert reached == sorted(reached, reverse=True)
