"""Upgrades in the diff: whose turn it is, what waits for its template, and what is said of one that newer code has broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.module_versions import Behind, UpgradeNote
from reconciler.core.model.selection import Selection
from reconciler.core.policies import upgrades
from reconciler.core.policies.upgrades import ModulesState
from tests.core.one_instance import refusal
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec
from tests.harness.universe import fleet as fleet_text
from tests.harness.universe import read

MAIL = Behind("mail", "19.0.1.0", "19.0.1.1")
ACME = instance("acme")
TARGETS = {"backup_targets": "{main: {url: file:///srv/odoo-backups}}"}
IN_LAST_WAVE = {"rollout": "{waves: [{selector: {ring: canary}}, {percent: 100}], max_failures: 2}"}
HOLDS = "what is declared is `upgrade: hold`; with `upgrade: follow` it is upgraded"
BACK = "or bring back the code that it was made for"


def plan(
    upgrade: str,
    template: dict[str, Any] | None = None,
    document: str = ACME,
    fleet: dict[str, str] | None = None,
    target: str = "",
    **seen: Any,
) -> Changeset:
    """Plan for one instance and its template on a host with newer code; `template` and `seen` say how these stand."""
    text = desired(document, upgrade=upgrade, **fleet or {})
    base, acme = as_declared(spec(text, "template/base")), as_declared(spec(text, "instance/acme"))
    looks = replace(base, **template or {}), replace(acme, **seen)
    limits = Limits(Selection(frozenset([target]))) if target else Limits()
    return decide(text, observed(online("one", *looks)), NOTHING_REMEMBERED, NOW, limits).changeset


def failed() -> UpgradeNote:
    return UpgradeNote(NOW, "", {"mail": MAIL.code}, why="its script is broken", undone=True)


def upgraded(changes: Changeset) -> list[str]:
    return [a.address for a in changes.actions if a.verb is verbs.UPGRADE]


def withheld(changes: Changeset) -> dict[str, str]:
    return {held.action.address: held.why for held in changes.withheld}


def test_the_template_comes_first_and_its_instances_in_the_same_run() -> None:
    changes = plan("follow", {"behind": (MAIL,)}, behind=(MAIL,))
    assert upgraded(changes) == ["template/base", "instance/acme"]
    assert changes.actions[0].id in changes.actions[1].after


def test_an_instance_waits_for_a_template_whose_upgrade_failed_and_is_told_of_what() -> None:
    changes = plan("follow", {"behind": (MAIL,), "upgrading": failed()}, behind=(MAIL,))
    assert upgraded(changes) == []
    told = withheld(changes)
    assert told["instance/acme"] == "template/base comes first, whose upgrade failed: its script is broken"
    assert "`odoo-fleet apply --target template/base` tries again" in told["template/base"]


def test_an_instance_waits_for_a_template_that_waits_itself_and_nothing_more_is_said() -> None:
    text = desired(instance("acme"), upgrade="follow")
    base = replace(as_declared(spec(text, "template/base")), behind=(MAIL,))
    acme = replace(as_declared(spec(text, "instance/acme")), behind=(MAIL,))
    frozen = replace(base, modules={"base": "to upgrade"})
    changes = decide(text, observed(online("one", frozen, acme)), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert withheld(changes)["instance/acme"] == "template/base comes first"


def test_nobody_waits_for_a_template_that_its_text_has_there_no_more() -> None:
    whole = fleet_text(ACME, servers={"one": "19.0", "two": "19.0"}).replace(
        "code: demo\n", "code: demo\nupgrade: follow\n", 1
    )
    text = read(whole.replace("servers: [one, two]", "servers: [two]"))
    acme = replace(as_declared(spec(text, "instance/acme")), behind=(MAIL,))
    row = upgrades.row_of(("template", "base", "one"))
    left = Inventory(server_states={row: upgrades.text_of(ModulesState((MAIL,)), NOW)})
    hosts = (
        online("one", acme, lists=("acme", "template_base")),
        online("two", as_declared(spec(text, "template/base", "two"))),
    )
    changes = decide(text, observed(*hosts), left, NOW, Limits()).changeset
    assert (upgraded(changes), withheld(changes)) == (["instance/acme"], {})


def test_who_is_broken_and_holds_is_told_with_what_is_behind_if_that_is_known() -> None:
    broken = "acme: newer code of its host has broken it, nobody can work in it: column x does not exist"
    advice = f"write `upgrade: follow` and it is upgraded, {BACK}"
    assert refusal(plan("hold", broken="column x does not exist")) == ("one", broken, advice)
    both = plan("hold", broken="column x does not exist", behind=(MAIL,))
    assert refusal(both) == ("one", f"{broken} (mail 19.0.1.0 → 19.0.1.1)", advice)


def test_a_template_that_is_broken_and_whose_upgrade_failed_says_what_to_mend() -> None:
    changes = plan("follow", {"broken": "column x does not exist", "behind": (MAIL,), "upgrading": failed()})
    (found,) = [b for b in changes.blocked if b.kind == "template"]
    assert found.why.startswith("template_base: newer code of its host has broken it, nobody can work in it: column x")
    assert found.advice == f"mend what its upgrade failed of, {BACK}"


def the_upgrade(changes: Changeset) -> Action:
    (action,) = [a for a in changes.actions if a.verb is verbs.UPGRADE and a.code == "acme"]
    return action


def shown(action: Action) -> dict[str, tuple[str, str]]:
    return {c.field: (c.observed, c.desired) for c in action.changes}


def test_in_a_wave_it_shows_which_and_after_how_many_failures_none_is_begun() -> None:
    action = the_upgrade(plan("follow", fleet=IN_LAST_WAVE, behind=(MAIL,)))
    assert shown(action) == {
        "modules.mail": ("19.0.1.0", "19.0.1.1"),
        "rollout": ("wave 2 of 2", "ends with failure 3"),
    }
    assert (action.reason, action.may_fail) == (Reason.NEWER_CODE, 2)


def test_by_hand_no_wave_counts() -> None:
    action = the_upgrade(plan("follow", fleet=IN_LAST_WAVE, target="instance/acme", behind=(MAIL,)))
    assert (list(shown(action)), action.may_fail) == (["modules.mail"], None)
    (held,) = plan("hold", fleet=IN_LAST_WAVE, target="instance/acme", behind=(MAIL,)).withheld
    assert list(shown(held.action)) == ["modules.mail"]


def test_one_in_no_wave_waits_to_be_named() -> None:
    alone = {"rollout": "{waves: [{selector: {ring: canary}}]}"}
    assert "it is in no wave" in withheld(plan("follow", fleet=alone, behind=(MAIL,)))["instance/acme"]
    assert the_upgrade(plan("follow", fleet=alone, target="instance/acme", behind=(MAIL,))).may_fail is None


def test_it_is_backed_up_before_where_the_text_asks_for_that_and_blocked_where_there_is_nowhere_to_keep_it() -> None:
    document = instance("acme", backup="{}")
    kept = the_upgrade(plan("follow", document=document, fleet=TARGETS, behind=(MAIL,)))
    assert shown(kept)["backup"] == ("none", "one in main, made first")
    assert "backup" not in shown(the_upgrade(plan("follow", behind=(MAIL,))))
    _, why, _ = refusal(plan("follow", document=document, behind=(MAIL,)))
    assert why == "its text asks for backups, and there is no one target for that which is made before it ends"


def test_one_that_was_cut_short_goes_on_at_once_without_another_backup() -> None:
    begun = UpgradeNote(NOW, "", {"mail": MAIL.code})
    alone = {"rollout": "{waves: [{selector: {ring: canary}}]}", **TARGETS}
    document = instance("acme", backup="{}")
    action = the_upgrade(plan("hold", document=document, fleet=alone, behind=(MAIL,), upgrading=begun))
    assert (action.reason, list(shown(action))) == (Reason.INTERRUPTED, ["modules.mail"])
    proven = the_upgrade(plan("hold", upgrading=begun))
    assert shown(proven) == {"modules": ("an upgrade that did not end", "proven")}


def test_what_no_version_tells_is_upgraded_whole() -> None:
    action = the_upgrade(plan("follow", broken="column x does not exist"))
    assert shown(action)["modules"] == ("older than the code, in no version that tells which", "all upgraded")


def test_what_its_text_says_beside_comes_first_and_it_is_upgraded_under_its_name_of_then() -> None:
    suspended = plan("follow", document=instance("acme", state="suspended"), behind=(MAIL,))
    action = the_upgrade(suspended)
    assert (action.database, action.becomes) == ("suspended.acme", "suspended.acme")
    assert [a.id for a in suspended.actions if a.verb is verbs.SUSPEND] == [*action.after][-1:]
    ended = plan("follow", document=instance("acme", state="absent"), behind=(MAIL,))
    assert upgraded(ended) == []
    assert ended.withheld == ()


def test_of_one_that_holds_and_is_behind_something_is_said_only_where_it_is_named() -> None:
    assert plan("hold", behind=(MAIL,)).withheld == ()
    told = withheld(plan("hold", target="instance/acme", behind=(MAIL,)))
    assert told == {"instance/acme": HOLDS}
    assert plan("hold", target="instance/acme").withheld == ()


def test_one_that_was_cut_short_goes_on_where_no_backup_can_be_made() -> None:
    begun = UpgradeNote(NOW, "", {"mail": MAIL.code})
    changes = plan("follow", document=instance("acme", backup="{}"), behind=(MAIL,), upgrading=begun)
    assert (the_upgrade(changes).reason, changes.blocked) == (Reason.INTERRUPTED, ())


def test_one_that_an_earlier_text_ended_and_that_is_in_service_is_backed_up_before_all_the_same() -> None:
    document = instance("acme", backup="{}")
    made = as_declared(spec(desired(document, **TARGETS), "instance/acme")).mark
    assert made is not None
    noted = replace(made, ended=names.trash("acme", NOW))
    changes = plan("follow", document=document, fleet=TARGETS, behind=(MAIL,), mark=noted)
    assert "backup" in shown(the_upgrade(changes))


def remembered_behind(*lists: str) -> Changeset:
    """Plan for an instance that nobody has looked into since it was seen to be behind."""
    text = desired(ACME, upgrade="follow")
    row = upgrades.row_of(("instance", "acme", "one"))
    memory = Inventory(server_states={"one": "active", row: upgrades.text_of(ModulesState((MAIL,)), NOW)})
    host = online("one", as_declared(spec(text, "template/base")), lists=lists)
    return decide(text, observed(host), memory, NOW, Limits()).changeset


def test_one_that_is_only_remembered_to_be_behind_is_looked_into_first() -> None:
    changes = remembered_behind("acme")
    assert (upgraded(changes), withheld(changes)) == ([], {"instance/acme": "it is looked into first"})


def test_one_that_is_made_anew_or_is_on_its_way_is_not_upgraded() -> None:
    for changes in (remembered_behind(), remembered_behind("switching.acme")):
        assert (upgraded(changes), withheld(changes)) == ([], {})
    assert [a.verb for a in remembered_behind().actions if a.code == "acme"] == [verbs.CLONE]


def test_of_a_template_that_holds_and_is_behind_something_is_said_only_where_it_is_named() -> None:
    behind = {"behind": (MAIL,)}
    assert plan("hold", behind).withheld == ()
    assert withheld(plan("hold", behind, target="template/base")) == {"template/base": HOLDS}
    assert plan("hold", target="template/base").withheld == ()


def test_one_that_is_current_keeps_no_other_from_its_upgrade() -> None:
    text = desired(instance("acme"), instance("beta"), upgrade="follow")
    base, acme, beta = (as_declared(spec(text, each)) for each in ("template/base", "instance/acme", "instance/beta"))
    host = online("one", base, acme, replace(beta, behind=(MAIL,)))
    changes = decide(text, observed(host), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert upgraded(changes) == ["instance/beta"]


def test_a_template_is_upgraded_once_though_an_instance_has_its_code() -> None:
    text = desired(instance("base"), upgrade="follow")
    template, own = as_declared(spec(text, "template/base")), as_declared(spec(text, "instance/base"))
    host = online("one", replace(template, behind=(MAIL,)), own)
    changes = decide(text, observed(host), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert upgraded(changes) == ["template/base"]


def test_a_template_that_is_only_remembered_to_be_behind_is_not_upgraded_unseen_and_cloned_as_it_is() -> None:
    text = desired(ACME, upgrade="follow")
    row = upgrades.row_of(("template", "base", "one"))
    memory = Inventory(server_states={"one": "active", row: upgrades.text_of(ModulesState((MAIL,)), NOW)})
    changes = decide(text, observed(online("one", lists=["template_base"])), memory, NOW, Limits()).changeset
    assert [(a.verb, a.code, a.after) for a in changes.actions] == [(verbs.CLONE, "acme", ())]
    assert (changes.withheld, changes.blocked) == ((), ())
