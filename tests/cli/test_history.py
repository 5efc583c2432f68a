"""`events` and `history`: what happened, when, why, by which commit; and drift that came back."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.cli.events import INTERVAL, follow_store
from reconciler.cli.plan_notes import drift_notes
from reconciler.cli.since import read_since
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Changeset, Withheld
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.notices import recurrence
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.notices.telling import tell_outcomes
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.happenings import Asked, Happening
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.store.happenings import read_happenings
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store
from tests.cli.world import KEY, MASTER, World
from tests.harness.virtual_time import EPOCH, VirtualClock
from tests.harness.virtual_time import run as in_virtual_time

COMMIT = "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b"
LANG = FieldChange("lang", "de_DE", "fr_BE")
MARK = FieldChange("mark.digest", "aaaa", "bbbb")


@pytest.fixture
def kept(world: World) -> World:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    return world


@pytest.fixture
def store(kept: World) -> Iterator[Store]:
    opened = open_store(kept.store, "test")
    assert isinstance(opened, Store)
    with opened:
        yield opened


def clone(code: str = "acme", server: str = "prod-1") -> Action:
    return Action(verbs.CLONE, "instance", code, server, Reason.DECLARED, "template_restaurant", code)


def repair(code: str = "acme", *changes: FieldChange) -> Action:
    return Action(verbs.CONFIGURE, "instance", code, "prod-1", Reason.DRIFTED, code, code, changes or (LANG, MARK))


def write(
    store: Store, *ends: Outcome, at: datetime = EPOCH, command: str = "daemon", revision: str | None = COMMIT
) -> None:
    number = store.begin_pass(command, at, "1.0", "digest", revision)
    for end in ends:
        store.record_outcome(number, end, at)
    store.end_pass(number, at)


def told(store: Store, name: NoticeName, level: Level, detail: str, at: datetime = EPOCH, **about: str) -> None:
    store.record_notice(Notice(name, level, detail, **about), at)  # type: ignore[arg-type]


def a_busy_day(store: Store) -> None:
    write(store, Outcome(clone(), Result.DONE, seconds=1.24), command="apply")
    write(store, Outcome(repair(), Result.DONE, seconds=0.31), at=EPOCH + timedelta(hours=1))
    detail = "lang of instance/acme on prod-1 was repaired for the 4th time since 2026-11-20 (about every 24 h)"
    told(
        store,
        NoticeName.DRIFT_RETURNED,
        Level.WARNING,
        detail,
        EPOCH + timedelta(hours=1, seconds=1),
        kind="instance",
        code="acme",
        server="prod-1",
        revision=COMMIT,
    )
    later = EPOCH + timedelta(hours=2)
    suspend = Action(verbs.SUSPEND, "instance", "acme", "prod-1", Reason.DECLARED, "acme", "suspended.acme")
    write(store, Outcome(suspend, Result.FAILED, "the host answered: no", 2.0), at=later, revision=f"{COMMIT}-dirty")
    write(store, Outcome(clone("cafe", "prod-2"), Result.SKIPPED, "interrupted"), at=later, revision=None)


def test_what_apply_did_is_told_with_who_ran_it_on_which_machine(kept: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CI server it is whoever started the job, whatever account its runner has."""
    monkeypatch.setenv("SUDO_USER", "ann")
    assert kept.run("apply", "--yes").code == 0
    place = socket.gethostname()
    assert f"by apply (ann@{place})" in " ".join(kept.run("history", "instance/acme").out.split())
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ACTOR", "bob")
    kept.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    ran = kept.run("apply", "--yes", "--log-level", "info", "--log-format", "json")
    (entry,) = [json.loads(line) for line in ran.err.splitlines() if '"action-ended"' in line]
    assert (entry["by"], entry["fields"]) == (f"bob@{place}", ["company"])
    (newest, *_) = json.loads(kept.run("history", "instance/acme", "-o", "json").out)["history"]
    assert newest["action"]["ran_by"] == f"bob@{place}"


HISTORY = """\
2026-11-24 12:00:00Z ✓ clone on prod-1: new, template_restaurant → acme
                       done in 1.2 s by apply at 1a2b3c4d
2026-11-24 13:00:00Z ✓ configure on prod-1: it drifted from its text
                       lang: "de_DE" → "fr_BE"
                       done in 0.3 s by daemon at 1a2b3c4d
2026-11-24 13:00:01Z ! drift-returned: lang of instance/acme on prod-1 was
                       repaired for the 4th time since 2026-11-20 (about every
                       24 h) (at 1a2b3c4d)
2026-11-24 14:00:00Z ✗ suspend on prod-1: declared suspended, acme →
                       suspended.acme
                       failed in 2.0 s by daemon at 1a2b3c4d-dirty: the host
                       answered: no
"""

EVENTS = """\
2026-11-24 12:00:00Z ✓ clone instance/acme on prod-1: new, template_restaurant →
                       acme; done in 1.2 s by apply at 1a2b3c4d
2026-11-24 13:00:00Z ✓ configure instance/acme on prod-1: it drifted from its
                       text (lang); done in 0.3 s by daemon at 1a2b3c4d
2026-11-24 13:00:01Z ! drift-returned: lang of instance/acme on prod-1 was
                       repaired for the 4th time since 2026-11-20 (about every
                       24 h) (at 1a2b3c4d)
2026-11-24 14:00:00Z ✗ suspend instance/acme on prod-1: declared suspended, acme
                       → suspended.acme; failed in 2.0 s by daemon at
                       1a2b3c4d-dirty: the host answered: no
2026-11-24 14:00:00Z - clone instance/cafe on prod-2: new, template_restaurant →
                       cafe; skipped by daemon: interrupted
"""


def test_the_history_of_an_instance_is_told_from_its_beginning(kept: World, store: Store) -> None:
    a_busy_day(store)
    ran = kept.run("history", "instance/acme")
    assert (ran.code, ran.out, ran.err) == (0, HISTORY, "")
    assert max(map(len, ran.out.splitlines())) <= 80
    assert not any(host.calls for host in kept.hosts.values())


def test_the_history_of_a_server_is_what_happened_on_it(kept: World, store: Store) -> None:
    a_busy_day(store)
    assert "instance/cafe" in kept.run("history", "server/prod-2").out
    assert "instance/acme" not in kept.run("history", "server/prod-2").out


def test_the_history_of_the_fleet_is_all(kept: World, store: Store) -> None:
    a_busy_day(store)
    document = json.loads(kept.run("history", "fleet/test", "-o", "json").out)
    assert len(document["history"]) == 5


def test_a_document_that_the_text_no_longer_has_keeps_its_history(kept: World, store: Store) -> None:
    write(store, Outcome(clone("gone"), Result.DONE))
    assert "clone on prod-1" in kept.run("history", "instance/gone").out
    never = kept.run("history", "instance/bistor")
    assert never.code == 64
    assert "the fleet has no 'instance/bistor' (did you mean 'instance/bistro'?)" in never.err


def test_an_empty_history_says_where_it_looked_and_how_far_back(kept: World, store: Store) -> None:
    assert "knows of no run at all" in " ".join(kept.run("history", "instance/bistro").out.split())
    write(store, Outcome(clone(), Result.DONE))
    ran = kept.run("history", "instance/bistro")
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert said == (
        f"Nothing is known of instance/bistro: the store {kept.root}/state.sqlite goes back to 2026-11-24 12:00:00Z."
    )
    assert "since 2026-11-24 12:30:00Z" in kept.run("history", "instance/acme", "--since", "2026-11-24T12:30").out


def test_json_tells_all_with_the_newest_first(kept: World, store: Store) -> None:
    a_busy_day(store)
    document = json.loads(kept.run("history", "instance/acme", "-o", "json").out)
    assert {name: document[name] for name in ("format", "fleet", "of", "since")} == {
        "format": 1,
        "fleet": "test",
        "of": "instance/acme",
        "since": None,
    }
    newest, notice, drift, first = document["history"]
    assert newest["revision"] == f"{COMMIT}-dirty"
    assert (notice["name"], notice["action"]) == ("drift-returned", None)
    assert drift["action"]["changes"][0] == {"field": "lang", "observed": "de_DE", "desired": "fr_BE"}
    assert (first["at"], first["action"]["becomes"]) == ("2026-11-24T12:00:00.000+00:00", "acme")


def test_events_are_a_log_of_notices_and_actions(kept: World, store: Store) -> None:
    a_busy_day(store)
    ran = kept.run("events")
    assert (ran.code, ran.out, ran.err) == (0, EVENTS, "")
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--level", "error"], ["action-failed"]),
        (["--level", "warning"], ["drift-returned", "action-failed", "action-skipped"]),
        (["--name", "drift-returned"], ["drift-returned"]),
        (["--name", "action-done", "--name", "action-skipped"], ["action-done", "action-done", "action-skipped"]),
        (["--server", "prod-2"], ["action-skipped"]),
        (["--since", "2026-11-24T13:30"], ["action-failed", "action-skipped"]),
        (["--limit", "2"], ["action-failed", "action-skipped"]),
    ],
)
def test_events_can_be_limited(kept: World, store: Store, words: list[str], names: list[str]) -> None:
    a_busy_day(store)
    ran = kept.run("events", *words, "-o", "json")
    assert [json.loads(line)["name"] for line in ran.out.splitlines()] == names


def test_older_ones_that_are_not_shown_are_mentioned(kept: World, store: Store) -> None:
    a_busy_day(store)
    assert kept.run("events", "--limit", "4").err == "(the last 4; for older ones: --limit)\n"
    assert kept.run("events", "--limit", "5").err == ""
    assert kept.run("history", "instance/acme", "--limit", "3").err.startswith("(the last 3;")


def test_rare_events_are_found_behind_many_others(kept: World, store: Store) -> None:
    told(store, NoticeName.HOST_FROZEN, Level.ERROR, "the rare one", server="prod-1")
    for number in range(300):
        told(store, NoticeName.HOST_ONLINE, Level.INFO, "again", EPOCH + timedelta(seconds=number + 1))
    assert "the rare one" in kept.run("events", "--level", "error", "--limit", "1").out


def test_what_failed_is_said_once_though_it_was_also_told_in_a_notice(kept: World, store: Store) -> None:
    """However long after: it is the same words. Another failure of the same customer in the same minute is another."""
    about = {"kind": "instance", "code": "acme", "server": "prod-1"}
    failed, unknown = Outcome(clone(), Result.FAILED, "no"), Outcome(clone("cafe"), Result.UNKNOWN, "silence")
    write(store, failed, unknown, Outcome(repair("bistro"), Result.DONE))
    for late in (timedelta(seconds=2), timedelta(hours=1)):
        for notice in (*tell_outcomes((failed, unknown), COMMIT), *mended(store)):
            store.record_notice(notice, EPOCH + late)
    told(store, NoticeName.ACTION_FAILED, Level.ERROR, "another failure", EPOCH + timedelta(seconds=3), **about)
    shown = [json.loads(line) for line in kept.run("events", "-o", "json").out.splitlines()]
    assert [(e["name"], e["detail"]) for e in shown] == [
        ("action-failed", "no"),
        ("action-unknown", "silence"),
        ("action-done", ""),
        ("action-failed", "another failure"),
    ]


def mended(store: Store) -> Iterator[Notice]:
    return (recurrence.told(repair, (), COMMIT) for repair in recurrence.repairs(store.outcomes()))


def test_the_history_of_a_renamed_customer_goes_back_to_its_former_codes(kept: World) -> None:
    """And only as far as it bore them: who has the former code now is another customer."""
    assert kept.run("apply", "--yes").code == 0
    for former, new in (("acme", "acme-sa"), ("acme-sa", "acme-nv")):
        kept.replace("instances.yaml", f"code: {former}\n", f"code: {new}\nrenamed_from: {former}\n")
        assert "clone instance/acme on prod-1" in kept.run("history", new).out  # declared, and not done yet
        assert kept.run("apply", "--yes").code == 0
        kept.replace("instances.yaml", f"renamed_from: {former}\n", "")
    another = "---\nkind: instance\ncode: acme\ntemplate: restaurant\nplan: starter\nserver: prod-1\n"
    kept.write("another.yaml", another)
    ran = kept.run("apply", "--yes")
    assert ran.code == 0, ran.out
    shown = kept.run("history", "instance/acme-nv").out
    assert shown.count("clone instance/acme on prod-1") == 1
    assert "rename instance/acme-sa on prod-1" in shown
    assert "rename on prod-1" in shown
    assert [e["action"]["verb"] for e in json.loads(kept.run("history", "acme-nv", "-o", "json").out)["history"]][
        -1
    ] == "clone"
    assert "rename" not in kept.run("history", "instance/acme").out
    assert len(kept.run("history", "acme-nv", "--limit", "2").out.split("Z ✓")) == 3


def test_what_a_newer_version_wrote_is_shown_as_it_is(kept: World, store: Store) -> None:
    strange = Notice("moon-phase", "cosmic", "full", "instance", "acme")  # type: ignore[arg-type]
    store.record_notice(strange, EPOCH)
    assert "? moon-phase: full" in kept.run("events", "--level", "error").out


def test_following_shows_what_comes_and_nothing_twice(store: Store) -> None:
    shown: list[str] = []
    clock = VirtualClock()
    asked = Asked(limit=1)
    write(store, Outcome(clone("old"), Result.DONE), at=EPOCH - timedelta(seconds=5))
    write(store, Outcome(clone("first"), Result.DONE), at=EPOCH - timedelta(seconds=4))

    def show(happening: Happening) -> None:
        shown.append(happening.code)
        if happening.code == "third":
            raise KeyboardInterrupt

    async def main() -> None:
        found = read_happenings(store, asked)
        await follow_store(store, asked, found, _Ticking(clock, store), show)

    with pytest.raises(KeyboardInterrupt):
        in_virtual_time(main())
    assert shown == ["second", "late", "third"]


class _Ticking:
    """A clock during whose sleeps things are written down; one of them comes later than its moment."""

    def __init__(self, clock: VirtualClock, store: Store) -> None:
        self._clock, self._store, self._ticks = clock, store, 0

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        assert seconds == INTERVAL
        await self._clock.sleep(seconds)
        self._ticks += 1
        codes = {1: ("second", 2), 3: ("late", -2), 5: ("third", 0)}
        if self._ticks in codes:
            code, behind = codes[self._ticks]
            write(self._store, Outcome(clone(code), Result.DONE), at=self.now() + timedelta(seconds=behind))


def test_following_ends_with_130(kept: World, store: Store) -> None:
    a_busy_day(store)
    words = ["events", "--follow", "-o", "json", "--fleet", str(kept.fleet), "--store", kept.store]
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    told(store, NoticeName.PAUSED, Level.INFO, "just now", datetime.now(UTC))
    assert json.loads(process.stdout.readline())["detail"] == "just now"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_text_that_is_not_valid_keeps_nobody_from_its_history(kept: World, store: Store) -> None:
    a_busy_day(store)
    kept.replace("instances.yaml", "template: restaurant", "template: restaurent")
    ran = kept.run("history", "instance/acme")
    assert (ran.code, ran.out) == (0, HISTORY)
    assert "not valid now" in ran.err
    kept.replace("fleet.yaml", "code: test", "code: [")
    ran = kept.run("history", "instance/acme")
    assert (ran.code, ran.out) == (1, "")
    assert "The fleet is not valid" in ran.err


@pytest.mark.parametrize("words", [["history", "instance/acme"], ["events"], ["pause"], ["resume"]])
def test_a_store_that_cannot_be_read_is_one_line(kept: World, words: list[str]) -> None:
    (kept.root / "state.sqlite").write_bytes(b"no store at all, and long enough to be a header of something else" * 9)
    ran = kept.run(*words)
    assert (ran.code, ran.out) == (1, "")
    assert re.fullmatch(r"Error: store \S+/state\.sqlite: [^\n]*\n", ran.err)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["events", "--since", "yesterday"], "'yesterday' is no time: write 24h, 7d, 2026-01-01"),
        (["events", "--name", "drift-retuned"], "did you mean 'drift-returned'?"),
        (["events", "--limit", "0"], "0 is not in the range 1<=x<=1000000"),
        (["history"], "Missing argument 'DOCUMENT'"),
        (["history", "acmee"], "did you mean 'acme'?"),
        (["history", "plan/starter"], "a plan has no databases of its own"),
    ],
)
def test_wrong_usage_exits_with_64_and_a_hint(kept: World, words: list[str], says: str) -> None:
    ran = kept.run(*words)
    assert (ran.code, ran.out) == (64, "")
    assert says in ran.err


@pytest.mark.parametrize("words", [["events"], ["history", "instance/acme"]])
def test_without_a_store_there_is_nothing_to_read(world: World, words: list[str]) -> None:
    ran = world.run(*words)
    assert (ran.code, ran.out) == (64, "")
    assert "--store none: there is nothing to read" in ran.err


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", EPOCH - timedelta(seconds=90)),
        ("30m", EPOCH - timedelta(minutes=30)),
        ("24h", EPOCH - timedelta(hours=24)),
        ("7d", EPOCH - timedelta(days=7)),
        ("2w", EPOCH - timedelta(days=14)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T10:00+02:00", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("999999w", None),
        ("1e3d", None),
        ("", None),
        ("tomorrow", None),
    ],
)
def test_how_far_back_can_be_said_in_several_ways(text: str, moment: datetime | None) -> None:
    assert read_since(text, EPOCH) == moment


def test_a_real_life_is_told_without_secrets(kept: World) -> None:
    assert kept.run("apply", "--yes").code == 0
    kept.replace("instances.yaml", "company: Acme SA", "company: Acme NV\nadmin_password: {derived: {generation: 2}}")
    assert kept.run("apply", "--yes").code == 0
    ran = kept.run("history", "instance/acme")
    assert 'company: "Acme SA" → "Acme NV"' in ran.out
    assert "admin_password" in ran.out
    whole = ran.out + kept.run("history", "instance/acme", "-o", "json").out + kept.run("events", "-o", "json").out
    password = kept.run("secret", "show", "instance/acme", "admin_password").out.strip()
    assert not [secret for secret in (KEY, MASTER, password) if secret in whole]


@pytest.fixture
def desired(kept: World) -> Desired:
    found = load_fleet(kept.fleet).desired
    assert found is not None
    return found


def test_a_plan_says_which_drift_came_back(desired: Desired, store: Store) -> None:
    for days in (1, 2, 3, 9):
        write(store, Outcome(repair(), Result.DONE), at=EPOCH - timedelta(days=days))
    write(store, Outcome(repair("cafe"), Result.FAILED), at=EPOCH - timedelta(days=1))
    changeset = Changeset((repair(), repair("cafe")), withheld=(Withheld(repair("bistro"), "a pause"),))
    notes = drift_notes(store, changeset, EPOCH)
    assert notes == {"configure instance/acme on prod-1": "drifted again (4th time in 7 days)"}
    text = render_plan(changeset, desired, Paper(), notes=notes)
    assert "  ~ configure instance/acme  drifted again (4th time in 7 days)\n" in text
    assert "  ~ configure instance/cafe  it drifted from its text\n" in text
    page = render_changeset_markdown(changeset, desired, notes=notes)
    assert "| `lang`: `de_DE` → `fr_BE` | drifted again (4th time in 7 days) |" in page


def test_a_plan_notes_on_what_a_pause_holds_back_as_well(desired: Desired, store: Store) -> None:
    write(store, Outcome(repair(), Result.DONE), at=EPOCH - timedelta(days=1))
    changeset = Changeset(withheld=(Withheld(repair(), "instance/acme is paused"),))
    text = render_plan(changeset, desired, Paper(), notes=drift_notes(store, changeset, EPOCH))
    assert "would configure instance/acme on prod-1: drifted again (2nd time in 7 days)" in " ".join(text.split())
