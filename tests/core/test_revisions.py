"""Two texts of a fleet compared: what an edit concerns, which databases are worth a look for it, and what loses its document."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.core.asking import NOTHING_SEEN, servers_to_ask
from reconciler.core.deciding import Limits, decide
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import ANYWHERE, Comparison, Gone, compare
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, observed, offline, online
from tests.harness.universe import fleet, instance, read

SERVERS = {"one": "19.0", "two": "19.0"}
OTHER = "kind: template\ncode: other\nservers: [two]\n"
BIGGER = "kind: plan\ncode: bigger\nmodules: [crm]\n"
ACME = instance("acme", server="one", partner="Acme SA")
BISTRO = instance("bistro", server="two")
CAFE = instance("cafe")
BEFORE = fleet(ACME, BISTRO, CAFE, OTHER, BIGGER, servers=SERVERS)


def edited(*edits: tuple[str, str], text: str = BEFORE) -> Desired:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return read(text)


def since(*edits: tuple[str, str]) -> Comparison:
    return compare(read(BEFORE), edited(*edits))


def test_the_same_text_concerns_nobody() -> None:
    assert compare(read(BEFORE), read(BEFORE)) == Comparison("", "", (), (), ())


def test_an_edit_concerns_the_document_and_its_database() -> None:
    found = since(("code: acme\n", "code: acme\ncompany: Acme NV\n"))
    assert (found.concerned, found.looks, found.gone) == (("instance/acme",), (("instance/acme", ANYWHERE),), ())


@pytest.mark.parametrize(
    "line", ["labels: {tier: gold}", "description: the first", "subscription: {start: 2026-01-01}"]
)
def test_what_is_only_recorded_concerns_the_document_and_no_database(line: str) -> None:
    found = since(("code: acme\n", f"code: acme\n{line}\n"))
    assert (found.concerned, found.looks) == (("instance/acme",), ())


@pytest.mark.parametrize("line", ["state: suspended", "admin_password: {derived: {generation: 2}}", "paused: true"])
def test_what_is_not_in_a_database_but_acts_on_it_is_worth_a_look(line: str) -> None:
    assert since(("code: acme\n", f"code: acme\n{line}\n")).looks == (("instance/acme", ANYWHERE),)


def test_an_edited_template_counts_for_the_instances_that_it_changes() -> None:
    found = since(("modules: [base, web, mail]", "modules: [base, web, mail, crm]"))
    assert found.concerned == ("instance/acme", "instance/bistro", "instance/cafe", "template/base")
    assert found.looks == tuple((address, ANYWHERE) for address in found.concerned)


def test_what_an_instance_says_itself_is_not_changed_by_its_template() -> None:
    told = ("modules: [base, web, mail]", 'parameters: {a.b: "1"}\nmodules: [base, web, mail]')
    assert "instance/acme" in since(told).concerned
    own = ("code: acme\n", 'code: acme\nparameters: {a.b: "2"}\n')
    assert "instance/acme" not in compare(edited(own), edited(own, told)).concerned


@pytest.mark.parametrize("line", ["lang: fr_BE", "country_code: BE"])
def test_what_a_template_only_gives_at_the_build_concerns_no_instance(line: str) -> None:
    found = since(("modules: [base, web, mail]", f"{line}\nmodules: [base, web, mail]"))
    assert found.concerned == ("template/base",)


def test_an_edited_plan_counts_only_where_it_brings_modules() -> None:
    bigger = ("plan: starter\nserver: one", "plan: bigger\nserver: one")
    before, after = edited(bigger), edited(bigger, ("modules: [crm]", "modules: [crm, sale]"))
    assert compare(before, after).concerned == ("instance/acme",)
    assert compare(before, edited(bigger, ("code: bigger\n", "code: bigger\nmax_users: 9\n"))).concerned == ()


def test_a_default_counts_for_those_that_leave_it_out() -> None:
    before = edited(("code: acme\n", "code: acme\ntimezone: Europe/Paris\n"))
    text = "secret_key: {env: KEY}\ndefaults: {instance: {timezone: Europe/Brussels}}\n"
    after = edited(("code: acme\n", "code: acme\ntimezone: Europe/Paris\n"), ("secret_key: {env: KEY}\n", text))
    assert compare(before, after).concerned == ("instance/bistro", "instance/cafe")


@pytest.mark.parametrize("now", ["domain: example.org", "domain: example.com\npublic_port: 8443"])
def test_a_public_address_counts_for_what_is_or_may_be_on_its_server(now: str) -> None:
    found = since(("domain: example.com", now))  # of the first server
    assert found.concerned == ("instance/acme", "instance/cafe", "server/one", "template/base")
    assert found.looks == (("instance/acme", "one"), ("instance/cafe", "one"))


def test_an_address_of_a_server_concerns_what_is_there_by_names_alone() -> None:
    found = since(("http://one.invalid", "http://one-b.invalid"))
    assert found.concerned == ("instance/acme", "instance/cafe", "server/one", "template/base")
    assert found.looks == ()


def test_a_label_of_a_server_concerns_the_server() -> None:
    assert since(("code: one\n", "code: one\nlabels: {region: eu}\n")).concerned == ("server/one",)


def test_the_end_of_a_pause_concerns_what_was_held_back() -> None:
    before = edited(("code: one\n", "code: one\npaused: true\n"))
    found = compare(before, read(BEFORE))
    assert set(found.looks) == {("instance/acme", "one"), ("instance/cafe", "one"), ("template/base", "one")}
    whole = compare(edited(("code: demo\n", "code: demo\npaused: true\n")), read(BEFORE))
    assert whole.concerned == (
        "instance/acme",
        "instance/bistro",
        "instance/cafe",
        "server/one",
        "server/two",
        "template/base",
        "template/other",
    )


def test_a_new_key_concerns_every_database_whose_password_comes_from_it() -> None:
    found = since(("secret_key: {env: KEY}\n", "secret_key: {env: NEW}\nformer_secret_keys: [{env: KEY}]\n"))
    assert found.concerned == ("instance/acme", "instance/bistro", "instance/cafe", "template/base", "template/other")


def test_a_template_on_one_server_more_is_looked_at_there_alone() -> None:
    found = since(("servers: [two]", "servers: [two, one]"))
    assert (found.concerned, found.looks) == (("template/other",), (("template/other", "one"),))


def gone(*edits: tuple[str, str], selection: Selection | None = None) -> list[tuple[str, str, tuple[str, ...]]]:
    found = compare(read(BEFORE), edited(*edits), selection=selection or Selection()).gone
    return [(each.kind, each.code, each.servers) for each in found]


def test_a_removed_instance_is_gone_and_nobody_is_concerned() -> None:
    found = since((f"---\n{ACME}", ""))
    assert found.concerned == ()
    assert found.gone == (Gone("instance", "acme", "Acme SA", ("acme",), ("one",)),)


def test_what_is_gone_is_limited_by_targets_too() -> None:
    edit = ((f"---\n{ACME}", ""), (f"---\n{CAFE}", ""))
    assert gone(*edit, selection=Selection(frozenset({"instance/cafe"}))) == [("instance", "cafe", ())]


def test_a_renamed_document_is_not_gone() -> None:
    renamed = instance("acme-2", server="one", renamed_from="acme")
    found = since((ACME, renamed))
    assert (found.gone, found.concerned) == ((), ("instance/acme-2",))


def test_a_rename_that_is_reverted_in_the_text_alone_is_told_what_to_write() -> None:
    renamed = edited((ACME, instance("acme-2", server="one", renamed_from="acme")))
    found = compare(renamed, read(BEFORE))
    assert [(g.code, g.returning) for g in found.gone] == [("acme-2", "acme")]
    limits = Limits(found.narrow(Selection()), since=found)
    (only,) = decide(
        read(BEFORE), observed(online("one", lists=("acme-2",))), NOTHING_REMEMBERED, NOW, limits
    ).changeset.removed
    assert only.advice == (
        "instance/acme has its former name: write `renamed_from: acme-2` there, or it gets a new, empty database"
    )
    right = edited((ACME, instance("acme", server="one", renamed_from="acme-2")))
    assert compare(renamed, right).gone == ()


def test_another_code_for_the_same_database_is_not_gone() -> None:
    assert gone((ACME, instance("acme-2", server="one", database_name="acme"))) == []


def test_the_same_name_on_another_server_is_another_database() -> None:
    assert gone((ACME, instance("acme-2", server="two", database_name="acme"))) == [("instance", "acme", ("one",))]


def test_an_instance_sent_to_another_server_keeps_its_database() -> None:
    assert gone(("plan: starter\nserver: one", "plan: starter\nserver: two")) == []


def test_a_document_that_names_another_database_leaves_one_behind() -> None:
    found = since(("code: acme\n", "code: acme\ndatabase_name: acme-new\n")).gone
    assert found == (Gone("instance", "acme", "Acme SA", ("acme",), ("one",), still_declared=True),)


def test_a_template_that_leaves_a_server_leaves_its_database_there() -> None:
    bistro = instance("bistro", server="one")
    before, after = edited((BISTRO, bistro)), edited((BISTRO, bistro), ("servers: [one, two]", "servers: [one]"))
    assert [(g.code, g.servers, g.still_declared) for g in compare(before, after).gone] == [("base", ("two",), True)]


def test_a_removed_server_is_gone_with_what_the_text_kept_there() -> None:
    lines = BEFORE.split("---\n")
    kept = [each for each in lines if "code: two" not in each and each not in (BISTRO, OTHER)]
    after = read("---\n".join(kept).replace("servers: [one, two]", "servers: [one]"))
    found = compare(read(BEFORE), after)
    assert [(g.kind, g.code) for g in found.gone] == [
        ("instance", "bistro"),
        ("server", "two"),
        ("template", "base"),
        ("template", "other"),
    ]
    assert found.gone[1].targets == ("bistro", "template_base", "template_other")
    assert "instance/cafe" in found.concerned, "it names no server, so it may have been on the one that is gone"


# Whom it asks


def asked(
    found: Comparison, after: Desired, seen: Observed = NOTHING_SEEN, inventory: Inventory = NOTHING_REMEMBERED
) -> set[str]:
    return set(servers_to_ask(after, seen, inventory, found.narrow(Selection()), found))


def on(code: str, server: str) -> Inventory:
    entry = Entry("instance", code, server, code, "", NOW)
    return Inventory({("instance", code, server): entry})


def test_a_server_that_nothing_concerns_is_not_asked() -> None:
    after = edited(("code: acme\n", "code: acme\ncompany: Acme NV\n"))
    assert asked(compare(read(BEFORE), after), after) == {"one"}


def test_an_instance_without_a_server_is_looked_for_where_it_was_last() -> None:
    after = edited(("code: cafe\n", "code: cafe\ncompany: Café\n"))
    found = compare(read(BEFORE), after)
    assert asked(found, after) == {"one", "two"}
    assert asked(found, after, inventory=on("cafe", "two")) == {"two"}
    there = observed(online("two", lists=("cafe",)))
    assert asked(found, after, there, on("cafe", "two")) == {"two"}
    missing = observed(online("two"))
    assert asked(found, after, missing, on("cafe", "two")) == {"one", "two"}


def test_what_would_be_cloned_is_looked_for_everywhere_first() -> None:
    after = edited((ACME, ACME + "---\n" + instance("dodo", server="one")))
    found = compare(read(BEFORE), after)
    assert asked(found, after) == {"one"}
    assert asked(found, after, observed(online("one"))) == {"one", "two"}
    assert asked(found, after, observed(online("one", lists=("suspended.dodo",)))) == {"one"}
    assert asked(found, after, observed(offline("one"))) == {"one"}, "nothing is cloned while its host is away"


def test_the_host_of_a_removed_document_is_asked() -> None:
    after = edited((f"---\n{BISTRO}", ""))
    assert asked(compare(read(BEFORE), after), after) == {"two"}


def test_the_share_that_may_go_out_of_service_is_of_the_whole_fleet_though_few_hosts_are_asked() -> None:
    """12 on the host that is asked and 28 elsewhere: 5 of these 12 are above 30 %, of 40 they are not."""
    codes = [f"c{number:02}" for number in range(40)]
    place = {code: "one" if number < 12 else "two" for number, code in enumerate(codes)}
    text = fleet(*(instance(code, server=place[code]) for code in codes), servers=SERVERS)
    after_text = text
    for code in codes[:5]:
        after_text = after_text.replace(f"code: {code}\n", f"code: {code}\nstate: suspended\n")
    after, found = read(after_text), compare(read(text), read(after_text))
    inventory = Inventory(
        {
            ("instance", code, "one"): Entry("instance", code, "one", code, "", NOW - timedelta(days=2))
            for code in codes[:12]
        }
    )
    seen = observed(online("one", lists=("template_base", *codes[:12])))
    planned = decide(after, seen, inventory, NOW, Limits(found.narrow(Selection()), since=found))
    assert len(planned.changeset.actions) == 5
    whole = after.having("instance", {code: after.instances[code] for code in codes[:12]})
    assert (
        len(decide(whole, seen, inventory, NOW, Limits(found.narrow(Selection()), since=found)).changeset.blocked) == 5
    )
