"""Each action as it is carried out: what it calls, tells and remembers, and how it fails; on a host in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.model import module_operations, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.checks import Check, CheckResult
from reconciler.core.model.failures import (
    BuildLost,
    DatabaseExists,
    HalfMadeDatabase,
    HostError,
    HostUnreachable,
    LastingError,
    PasswordRefused,
    ProofFailed,
    Refused,
    UnknownOutcome,
)
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.model.verbs import Verb
from reconciler.core.policies.openers import spec_of
from reconciler.engine.carrying_out.performer import Performer
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from tests.core.scenes import EXPIRED, desired, instance, mark_for, seen_as, spec
from tests.engine.memory_host import WORKS, Counting, MemoryDatabase, MemoryHost, Passwords
from tests.harness.universe import DictMemory
from tests.harness.virtual_time import VirtualClock, run

FULL = instance(
    "acme",
    lang="fr_BE",
    company="Acme",
    country_code="BE",
    timezone="Europe/Brussels",
    parameters='{a.b: "1"}',
    admin_login="ops",
)
TEXT = desired(FULL)
ACME = spec(TEXT, "instance/acme")
BASE = spec(TEXT, "template/base")
ENTRY = ("instance", "acme", "one")


class Stand:
    """One performer on hosts in memory; `told` is what it said that it is at."""

    def __init__(self, text: Desired = TEXT, *former: str, hosts: tuple[str, ...] = ("one",)) -> None:
        self.hosts = {code: MemoryHost(code) for code in hosts}
        self.host, self.memory, self.text = self.hosts["one"], DictMemory(), text
        self.told: list[str] = []
        ports = {code: host.port for code, host in self.hosts.items()}
        world = World(ports, Passwords(*former), VirtualClock(), Counting(), self.memory, lambda _event: None)
        self.performer = Performer(text, world, lambda action, what: self.told.append(f"{action.code}: {what}"))

    def spec(self, address: str) -> DatabaseSpec:
        return spec(self.text, address)

    def perform(self, *actions: Action) -> None:
        async def scenario() -> None:
            for action in actions:
                await self.tell(action)

        run(scenario())

    async def tell(self, action: Action) -> str:
        """Perform it as planned by this text; return what is to be known beside what it shows."""
        return await self.performer.perform(replace(action, planned=spec_of(self.text, action)))

    def fails(self, action: Action) -> tuple[type[HostError], str, str, str]:
        """Return kind, reason, advice and database of the failure, which names its server."""
        with pytest.raises(HostError) as caught:
            self.perform(action)
        failure = caught.value
        assert failure.server == "one"
        return type(failure), failure.what, failure.advice, failure.database


def act(verb: Verb, database: str = "acme", becomes: str = "", address: str = "instance/acme") -> Action:
    kind, _, code = address.partition("/")
    return Action(verb, kind, code, "one", Reason.DECLARED, database, becomes or database)


# Servers


def test_a_server_is_in_use_once_nothing_speaks_against_it() -> None:
    stand = Stand()
    stand.host.answers["check"] = (
        Check("version", CheckResult.PASSED, "19.0"),
        Check("listing", CheckResult.FAILED, "none"),
        Check("password", CheckResult.FAILED, "refused", "set it"),
        Check("worker", CheckResult.FAILED, "none", "start it"),
    )
    activate = act(verbs.ACTIVATE, address="server/one")
    why = "listing: none; password: refused; worker: none"
    assert stand.fails(activate) == (LastingError, why, "set it", "")
    assert stand.memory.states == {}
    stand.host.answers["check"] = (Check("listing", CheckResult.FAILED, "none"),)
    assert stand.fails(activate)[2] == ""
    del stand.host.answers["check"]
    stand.perform(activate)
    assert stand.memory.states == {"one": "active"}


# Builds


def test_clones_of_one_pass_share_one_look_at_their_template_unless_it_failed() -> None:
    stand = Stand(desired(instance("acme"), instance("beta")))
    stand.host.hold(stand.spec("template/base"))
    acme = act(verbs.CLONE, "template_base", "acme")
    beta = act(verbs.CLONE, "template_base", "beta", "instance/beta")
    stand.host.answers["look"] = [HostUnreachable("down", server="one")]
    assert stand.fails(acme)[0] is HostUnreachable
    stand.host.asked.clear()
    stand.perform(acme, beta)
    assert [call[1] for call in stand.host.done("look")].count("template_base") == 1
    assert set(stand.host.databases) == {"template_base", "acme", "beta"}
    assert {key[1] for key in stand.memory.entries} == {"acme", "beta"}
    assert stand.told[0] == "acme: cloning"


def test_nothing_is_cloned_beside_the_database_that_bears_the_former_name() -> None:
    stand = Stand(desired(instance("acme", renamed_from="old-acme")))
    stand.host.hold(stand.spec("template/base"))
    stand.host.hold(stand.spec("instance/acme"), "suspended.old-acme")
    clone = act(verbs.CLONE, "template_base", "acme")
    assert stand.fails(clone)[0::3] == (DatabaseExists, "suspended.old-acme")


def on_three_hosts(*documents: str) -> Stand:
    """Take a text of three hosts, the last of which does not have the template."""
    text = desired(*documents, servers=("one", "two", "three"))
    base = text.templates["base"].model_copy(update={"servers": ("one", "two")})
    stand = Stand(text.having("template", {"base": base}), hosts=("one", "two", "three"))
    stand.host.hold(stand.spec("template/base"))
    return stand


CLONE_ACME = act(verbs.CLONE, "template_base", "acme")


@pytest.mark.parametrize("other", ["two", "three"])
@pytest.mark.parametrize("name", ["suspended.acme", "old-acme", "aside-26112411000000001.acme"])
def test_a_build_goes_into_service_only_if_no_host_of_the_text_lists_one(other: str, name: str) -> None:
    stand = on_three_hosts(instance("acme", renamed_from="old-acme"))
    stand.hosts[other].hold(stand.spec("instance/acme"), name)
    why = f"{name} is on {other}; it was never in service and is kept as trash"
    assert stand.fails(CLONE_ACME) == (BuildLost, why, "", "switching.acme")


@pytest.mark.parametrize(("other", "is_asked"), [("two", True), ("three", False)])
def test_a_host_on_which_it_could_be_made_is_asked_for_what_it_does_not_list_too(other: str, *, is_asked: bool) -> None:
    stand = on_three_hosts(instance("acme"))
    stand.hosts[other].hold(stand.spec("instance/acme"))
    stand.hosts[other].answers["listed"] = [set(), set()]
    if is_asked:
        assert stand.fails(CLONE_ACME)[0] is BuildLost
    else:
        stand.perform(CLONE_ACME)
        assert "acme" in stand.host.databases


def test_another_instance_of_its_name_on_another_host_holds_nothing_back() -> None:
    beta = instance("beta", server="two", database_name="acme")
    stand = on_three_hosts(instance("acme", server="one"), beta)
    stand.hosts["two"].hold(stand.spec("instance/acme"))
    stand.perform(CLONE_ACME)
    assert "acme" in stand.host.databases
    assert stand.hosts["two"].asked == [("listed", "hurry")]  # once, for whether it is this very host


@pytest.mark.parametrize("fields", [{"state": "draft"}, {"active": False}])
def test_a_host_out_of_use_is_not_asked(fields: dict[str, object]) -> None:
    text = desired(instance("acme"), servers=("one", "two", "three"))
    two = text.servers["two"].model_copy(update=fields)
    stand = Stand(text.having("server", {**text.servers, "two": two}), hosts=("one", "two", "three"))
    stand.host.hold(stand.spec("template/base"))
    stand.perform(CLONE_ACME)
    assert stand.hosts["two"].asked == []
    assert [call[0] for call in stand.hosts["three"].asked] == ["listed", "listed", "taken"]


def test_a_build_that_is_brought_on_by_a_later_pass_yields_to_the_one_on_another_host_too() -> None:
    stand = Stand(desired(instance("acme"), servers=("one", "two")), hosts=("one", "two"))
    stand.host.hold(stand.spec("instance/acme"), "switching.acme", in_service=False)
    stand.hosts["two"].hold(stand.spec("instance/acme"))
    why = "acme is on two; it was never in service and is kept as trash"
    assert stand.fails(act(verbs.RESUME, "switching.acme", "acme")) == (BuildLost, why, "", "switching.acme")


def test_a_build_that_is_brought_on_by_a_later_pass_yields_to_the_one_of_the_former_name() -> None:
    stand = Stand(desired(instance("acme", renamed_from="old-acme")))
    stand.host.hold(stand.spec("instance/acme"), "switching.acme", in_service=False)
    stand.host.hold(stand.spec("instance/acme"), "suspended.old-acme")
    failure = stand.fails(act(verbs.RESUME, "switching.acme", "acme"))
    assert failure[0::3] == (BuildLost, "switching.acme")
    assert "suspended.old-acme" in failure[1]


def test_a_template_is_created_and_remembered() -> None:
    stand = Stand()
    stand.perform(act(verbs.CREATE, "", "template_base", "template/base"))
    assert stand.memory.entries["template", "base", "one"].digest == BASE.digest()
    assert stand.told[0] == "base: creating"


# Names


def test_out_of_service_and_back_is_told_step_by_step() -> None:
    stand = Stand()
    stand.host.hold(ACME)
    stand.memory.verified(*ENTRY, "acme", ACME.digest(), None)
    stand.perform(act(verbs.SUSPEND, "acme", "suspended.acme"))
    assert stand.told == ["acme: taking out of reach", *["acme: holding scheduled actions back"] * 2]
    assert [call[1] for call in stand.host.done("quiesce")] == ["switching.acme", "suspended.acme"]
    assert stand.memory.entries[ENTRY].digest == ""
    stand.told.clear()
    stand.perform(act(verbs.RESUME, "suspended.acme", "acme"))
    assert stand.told == ["acme: on its way back", *["acme: waking scheduled actions"] * 2]
    assert [call[1] for call in stand.host.done("wake")] == ["switching.acme", "acme"]


def test_a_neutralized_instance_and_a_template_come_back_asleep() -> None:
    stand = Stand(desired(instance("acme", neutralize="true")))
    stand.host.hold(stand.spec("instance/acme"), "suspended.acme")
    stand.host.hold(stand.spec("template/base"), "switching.template_base")
    back = act(verbs.RESUME, "switching.template_base", "template_base", "template/base")
    stand.perform(act(verbs.RESUME, "suspended.acme", "acme"), back)
    assert stand.host.done("wake") == []
    assert set(stand.host.databases) == {"acme", "template_base"}


def test_a_renamed_database_is_opened_with_its_former_password_and_remembered_for_its_former_code() -> None:
    stand = Stand(desired(instance("acme", renamed_from="old-acme")))
    kept = stand.host.hold(stand.spec("instance/acme"), "old-acme")
    kept.password = "admin_password of instance/old-acme"
    stand.perform(act(verbs.RENAME, "old-acme", "acme"))
    entry = stand.memory.entries["instance", "old-acme", "one"]
    assert (entry.target, entry.digest) == ("acme", "")
    assert list(stand.host.databases) == ["acme"]
    stand.perform(act(verbs.CONFIGURE))
    assert stand.memory.entries[ENTRY].digest == stand.spec("instance/acme").digest()


def test_what_a_reverted_rename_left_is_opened_as_the_code_of_the_name_that_it_bears() -> None:
    stand = Stand(desired(instance("acme", database_name="acme-db")))
    kept = stand.host.hold(stand.spec("instance/acme"), "switching.shop")
    kept.password = "admin_password of instance/shop"
    stand.perform(act(verbs.RENAME, "switching.shop", "switching.acme-db"))
    assert ("instance", "shop", "one") in stand.memory.entries
    own = stand.host.hold(stand.spec("instance/acme"), "switching.acme")
    stand.host.databases = {"switching.acme": own}
    stand.memory.entries.clear()
    stand.perform(act(verbs.RENAME, "switching.acme", "switching.acme-db"))
    assert stand.memory.entries == {}, "what is remembered of its own code is not overwritten"


# Passwords


def test_a_rotation_ends_when_only_the_declared_password_is_taken() -> None:
    stand = Stand(TEXT, "the former one")
    kept = stand.host.hold(ACME)
    kept.password = "the former one"
    stand.perform(act(verbs.ROTATE))
    assert kept.password == "admin_password of instance/acme"
    assert [call[2] for call in stand.host.done("accepts")] == ["ops", "admin", "ops"]
    assert len(stand.host.done("clear_digest", "require_nobody_at_work")) == 2
    stand.host.asked.clear()
    stand.perform(act(verbs.ROTATE))
    assert stand.host.done("set_credentials", "clear_digest") == [], "it has the declared one already"


@pytest.mark.parametrize(
    ("accepts", "why"),
    [([True], "a former password is still taken"), ([False, False, False], "the declared password is not taken")],
)
def test_a_rotation_that_the_host_does_not_prove_has_failed(accepts: list[bool], why: str) -> None:
    stand = Stand(TEXT, "the former one")
    stand.host.hold(ACME).password = "the former one"
    stand.host.answers["accepts"] = accepts
    assert stand.fails(act(verbs.ROTATE)) == (ProofFailed, why, "", "acme")


def test_a_database_that_takes_no_password_of_ours_is_not_rotated() -> None:
    stand = Stand()
    stand.host.hold(ACME).password = "nobody's"
    why = "it refuses the declared password and all former ones"
    assert stand.fails(act(verbs.ROTATE)) == (LastingError, why, "", "acme")


# What differs

CHANGES = ("apply_settings", "install", "set_credentials", "remove_server_actions", "quiesce", "wake")
SETTINGS = (["apply_settings"], ["acme: settings"])


@pytest.mark.parametrize(
    ("seen", "calls", "told"),
    [
        ({}, [], []),
        ({"languages": frozenset()}, *SETTINGS),
        ({"lang": "en_US"}, *SETTINGS),
        ({"company": "Other"}, *SETTINGS),
        ({"country_code": "FR"}, *SETTINGS),
        ({"timezone": "UTC"}, *SETTINGS),
        ({"parameters": {}}, *SETTINGS),
        ({"modules": {"base": "installed"}}, ["install", "apply_settings"], ["acme: modules"]),
        ({"server_actions": 1}, ["remove_server_actions"], []),
    ],
)
def test_only_what_differs_is_written(seen: dict[str, Any], calls: list[str], told: list[str]) -> None:
    stand = Stand()
    kept = stand.host.hold(ACME)
    kept.seen = dict(seen)
    stand.perform(act(verbs.CONFIGURE))
    assert [call[0] for call in stand.host.done(*CHANGES)] == calls
    assert stand.told == told
    assert kept.mark == mark_for(ACME, kept.uuid)
    assert len(stand.host.done("clear_digest")) == 1, "once round"
    assert stand.memory.entries[ENTRY].digest == ACME.digest()


@pytest.mark.parametrize(
    ("mark", "cleared"),
    [
        ({"digest": "of an earlier text"}, 1),
        ({"digest": ""}, 0),
        ({"modules": None}, 1),
        ({"owner": "m@acme.example"}, 1),
    ],
)
def test_where_the_note_alone_differs_it_alone_is_written_after_one_look(mark: dict[str, Any], cleared: int) -> None:
    """One that is cleared already is not cleared once more: a change that was cut short is gone on with."""
    stand = Stand()
    kept = stand.host.hold(ACME, **mark)
    stand.perform(act(verbs.CONFIGURE))
    assert len(stand.host.done("look")) == 1
    assert len(stand.host.done("clear_digest")) == cleared
    assert [call[0] for call in stand.host.done(*CHANGES)] == []
    assert kept.mark == replace(mark_for(ACME, kept.uuid), owner=mark.get("owner", ""))
    assert stand.memory.entries[ENTRY].digest == ACME.digest()


SHOWN = replace(
    act(verbs.CONFIGURE), changes=(FieldChange("company", "Other", "Acme"), FieldChange("mark.digest", "", "new"))
)


@pytest.mark.parametrize(
    ("seen", "more"),
    [
        ({"company": "Other"}, ""),
        ({"company": "Other", "timezone": "UTC"}, "timezone"),
        ({"company": "A third"}, "company"),
        ({"company": "Other", "timezone": "UTC", "lang": "en_US"}, "lang, timezone"),
        ({}, ""),
    ],
)
@pytest.mark.parametrize("digest", ["", "of an earlier text"])
def test_what_differs_otherwise_than_was_shown_is_told_or_exactly_nothing_is_done(
    seen: dict[str, Any], more: str, digest: str
) -> None:
    stand = Stand()
    stand.host.hold(ACME, digest=digest).seen = dict(seen)
    told = f"{more} had come to differ otherwise than was shown, and is as declared too" if more else ""
    assert run(stand.tell(SHOWN)) == told
    assert stand.memory.entries[ENTRY].digest == ACME.digest()

    exact = Stand()
    exact.performer.exactly = True
    kept = exact.host.hold(ACME, digest=digest)
    kept.seen, before = dict(seen), kept.mark
    if not more:
        assert run(exact.tell(SHOWN)) == ""
        return
    why = f"by now {more} differs otherwise than was saved"
    assert exact.fails(SHOWN) == (Refused, why, "save a new plan", "acme")
    assert exact.host.done("clear_digest", "write_mark", *CHANGES) == []
    assert kept.mark == before


def test_what_is_carried_out_is_what_was_planned_whatever_the_text_says_by_then() -> None:
    planned = Stand()
    later = Stand(desired(instance("acme", company="Edited since")))
    for stand in (planned, later):
        stand.host.hold(ACME, digest="of an earlier text").seen = {"company": "Other"}
        run(stand.performer.perform(replace(SHOWN, planned=ACME)))
    assert later.memory.entries[ENTRY].digest == planned.memory.entries[ENTRY].digest == ACME.digest()
    assert later.host.done(*CHANGES) == planned.host.done(*CHANGES) != []


def test_an_action_without_a_database_has_no_spec() -> None:
    with pytest.raises(LookupError, match="sweep"):
        _ = sweep(Stand()).spec


def test_a_database_in_which_somebody_is_at_work_now_is_left_as_it_is() -> None:
    stand = Stand()
    kept = stand.host.hold(ACME, digest="of an earlier text")
    kept.seen = {"modules": {"base": "to upgrade"}, "company": "Other"}
    before = kept.mark
    why = "somebody is at work in it: modules base are 'to upgrade'; it is looked at again later"
    assert stand.fails(act(verbs.CONFIGURE)) == (Refused, why, module_operations.ADVICE, "acme")
    assert stand.host.done("clear_digest", "write_mark", *CHANGES) == []
    assert kept.mark == before


def test_what_is_not_declared_is_the_customers_to_change() -> None:
    """What a database is given at its build alone is not asked of it afterwards."""
    stand = Stand(desired(instance("acme")))
    kept = stand.host.hold(stand.spec("instance/acme"))
    kept.seen = {"company": "The customer's own", "lang": "fr_FR", "server_actions": 1}
    stand.perform(act(verbs.CONFIGURE))
    assert stand.host.done("apply_settings") == []
    assert stand.memory.entries[ENTRY].digest == stand.spec("instance/acme").digest()


def test_another_login_is_set_with_the_declared_password() -> None:
    stand = Stand()
    kept = stand.host.hold(ACME)
    kept.login = "admin"
    stand.perform(act(verbs.CONFIGURE))
    assert kept.login == "ops"
    assert [call[0] for call in stand.host.done(*CHANGES)] == ["set_credentials"]


@pytest.mark.parametrize(
    ("address", "name", "quiet", "seen", "calls"),
    [
        ("instance/acme", "acme", True, {}, ["wake"]),
        ("instance/acme", "acme", False, {"modules": {}}, ["install", "apply_settings"]),
        ("instance/acme", "suspended.acme", False, {}, ["quiesce"]),
        ("instance/acme", "suspended.acme", True, {"company": "Other"}, ["apply_settings"]),
        ("instance/acme", "suspended.acme", True, {"modules": {}}, ["install", "apply_settings", "quiesce"]),
        ("template/base", "template_base", False, {}, ["quiesce"]),
        ("template/base", "template_base", True, {"lang": "nl_BE"}, ["apply_settings"]),
        ("template/base", "template_base", True, {"modules": {}}, ["install", "apply_settings", "quiesce"]),
        ("instance/acme", "switching.acme", True, {"company": "Other"}, ["apply_settings"]),
    ],
)
def test_scheduled_actions_are_as_its_place_asks_after_modules_too(
    address: str, name: str, seen: dict[str, Any], calls: list[str], *, quiet: bool
) -> None:
    stand = Stand()
    kept = stand.host.hold(stand.spec(address), name)
    kept.quiet, kept.seen = quiet, dict(seen)
    stand.perform(act(verbs.CONFIGURE, name, address=address))
    assert [call[0] for call in stand.host.done(*CHANGES)] == calls
    assert len(stand.host.done("look")) == 2, "at once: no look later"


def test_files_that_a_move_left_behind_are_brought_along_first() -> None:
    stand = Stand()
    kept = stand.host.hold(ACME, moving_from="suspended.acme")
    stand.perform(act(verbs.CONFIGURE))
    assert stand.told == ["acme: bringing its files along"]
    assert kept.mark == mark_for(ACME, kept.uuid)


def test_what_does_not_stay_written_is_tried_three_times_and_then_said() -> None:
    stand = Stand()
    kept = stand.host.hold(ACME)
    looks = [seen_as(_look(stand), company="Other") for _ in range(6)]
    stand.host.answers["look"] = looks
    why = "after it was configured, company is 'Other', not 'Acme'"
    assert stand.fails(act(verbs.CONFIGURE)) == (ProofFailed, why, "", "acme")
    assert len(stand.host.done("apply_settings")) == 3
    assert kept.mark == mark_for(ACME, kept.uuid)
    assert ENTRY not in stand.memory.entries


def test_a_run_whose_mark_another_run_has_cleared_by_then_says_so() -> None:
    stand = Stand()
    kept = stand.host.hold(ACME)
    stand.host.answers["identity"] = [(kept.uuid, replace(mark_for(ACME, kept.uuid), digest=""))]
    why = "its mark is not the one that was written just now: another run changes this database"
    assert stand.fails(act(verbs.CONFIGURE)) == (ProofFailed, why, "let that one end, then run this one again", "acme")


def _look(stand: Stand) -> Any:
    return run(MemoryDatabase(stand.host, "acme").look())


@pytest.mark.parametrize(
    ("adopt", "made_for", "kept_for"),
    [
        ("", "a@b.example", "a@b.example"),
        ("", None, "m@acme.example"),
        ("", "", "m@acme.example"),
        ("adopt", "a@b.example", "m@acme.example"),
    ],
)
def test_the_owner_that_a_database_was_made_for_is_replaced_only_where_it_is_adopted(
    adopt: str, made_for: str | None, kept_for: str
) -> None:
    fields = {"owner": "{name: M, login: m@acme.example}", **({"adopt": "{}"} if adopt else {})}
    stand = Stand(desired(instance("acme", **fields)))
    kept = stand.host.hold(stand.spec("instance/acme"), owner=made_for)
    kept.seen = {"modules": {}}
    stand.perform(act(verbs.CONFIGURE))
    assert kept.mark is not None
    assert kept.mark.owner == kept_for


# Unfinished builds


def sweep(stand: Stand) -> Action:
    return Action(verbs.SWEEP, "server", "one", "one", Reason.ABANDONED_BUILD, EXPIRED)


def test_an_abandoned_build_that_opens_is_dropped_by_its_own_look_and_a_half_made_one_without() -> None:
    stand = Stand()
    stand.host.hold(ACME, EXPIRED)
    stand.host.answers["is_half_made"] = True
    stand.perform(sweep(stand))
    assert stand.host.done("drop_expired", "drop_half_made") == [("drop_expired", EXPIRED, timedelta(hours=2))]
    stand.host.hold(ACME, EXPIRED)
    stand.host.answers["open"] = HalfMadeDatabase("KeyError")
    stand.perform(sweep(stand))
    assert stand.host.databases == {}
    stand.host.asked.clear()
    stand.perform(sweep(stand))
    assert stand.host.done("open", "drop_half_made") == [], "what is not there any more is not asked for"


def test_an_abandoned_build_that_nobody_can_open_is_kept_and_said() -> None:
    stand = Stand()
    stand.host.hold(ACME, EXPIRED).password = "nobody's"
    assert stand.fails(sweep(stand)) == (
        PasswordRefused,
        "whether it was ever in service cannot be told: it takes no password of this fleet",
        "look inside, and drop it by hand if nobody needs it",
        EXPIRED,
    )


def test_a_drop_is_believed_when_the_list_shows_it() -> None:
    stand = Stand()
    stand.host.hold(ACME, EXPIRED)
    stand.host.answers["drop_expired"] = UnknownOutcome("no answer")
    assert stand.fails(sweep(stand)) == (UnknownOutcome, "the host still lists it", "", EXPIRED)
    stand.host.answers["listed"] = [WORKS, set()]
    stand.perform(sweep(stand))
