"""`set`, `new` and `explain`: what is written is valid, is one file, and leaves every other byte as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.world import FLEET, INSTANCES, World, run

PLACES = """\
kind: server
code: prod-1
server_url: http://127.0.0.1:1
odoo_version: "19.0"
master_password: {env: MASTER_PASSWORD}
state: active
---
kind: server
code: prod-2
server_url: http://127.0.0.1:2
odoo_version: "19.0"
master_password: {env: MASTER_PASSWORD}
state: active
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, {})
    made.fleet.mkdir()
    made.write("fleet.yaml", FLEET)
    made.write("servers.yaml", PLACES)
    made.write("instances.yaml", INSTANCES.replace("company: Acme SA", "company: Acme SA   # as on the invoice"))
    return made


def texts(world: World) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted(world.fleet.rglob("*.yaml"))}


def test_set_changes_the_values_that_are_named_and_nothing_else(world: World) -> None:
    before = texts(world)
    ran = world.run("set", "acme", "company=Acme NV", "labels.region=eu", "--unset", "labels.tier")
    assert (ran.code, ran.err) == (0, f"changed {world.fleet}/instances.yaml\n")
    assert "+company: Acme NV   # as on the invoice" in ran.out.splitlines()
    old = before["instances.yaml"]
    new = old.replace("company: Acme SA ", "company: Acme NV ").replace("{tier: gold}", "{region: eu}")
    assert texts(world) == {**before, "instances.yaml": new}
    assert world.run("validate").code == 0


def test_set_tells_which_defaults_it_replaced(world: World) -> None:
    """A list that nobody wrote has modules in it all the same: who writes one of his own would not know that they are gone."""
    world.replace("fleet.yaml", "format: 1", "format: 1\ndefaults: {instance: {labels: {a: b}, modules: [crm]}}")
    template = world.run("set", "template/restaurant", "modules=[base, web, sale]", "lang=fr_BE")
    assert template.err.splitlines()[1:] == [
        "modules was not written before: by default it was [base, web, mail, portal], which no longer counts.",
        "lang was not written before: by default it was en_US, which no longer counts.",
    ]
    fleets = world.run("set", "bistro", "labels.c=d", "modules=[crm]", "company=Bistro", "state=active")
    assert fleets.err.splitlines()[1:] == [
        "labels was not written before: by default it was {a: b}, which no longer counts."
    ]
    assert world.run("set", "template/restaurant", "modules=base").err.splitlines()[1:] == [], "the lines show it"
    told = json.loads(world.run("set", "cafe", "modules=[sale]", "-o", "json").out)
    assert told["replaced_defaults"] == {"modules": ["crm"]}
    assert json.loads(world.run("new", "plan", "silver", "max_users=3", "-o", "json").out)["replaced_defaults"] == {}


def test_set_writes_nothing_where_the_fleet_would_not_be_valid(world: World) -> None:
    before = texts(world)
    for wrong, said in {
        "plan=startr": "did you mean 'starter'?",
        "colour=red": "no field 'colour'",
        "deletion_protection=perhaps": "deletion_protection",
        "code=bistro": "a second instance",
        "admin_password=hunter2hunter2": "holds the secret itself",
    }.items():
        ran = world.run("set", "instance/acme", wrong)
        assert (ran.code, said in ran.err, "Nothing is written" in ran.err, ran.out) == (1, True, True, ""), ran.err
        assert "hunter2" not in ran.err
    assert texts(world) == before


def test_a_secret_that_may_stand_in_the_text_is_not_shown(world: World) -> None:
    world.replace("fleet.yaml", "format: 1", "format: 1\nallow_literal_secrets: true")
    ran = world.run("set", "instance/acme", "admin_password=hunter2hunter2")
    assert (ran.code, "hunter2" in ran.out + ran.err) == (0, False)
    world.replace("fleet.yaml", "format: 1", "format: 1\ndefaults: {instance: {admin_password: hunter3hunter3}}")
    for words in ((), ("-o", "json")):
        ran = world.run("set", "instance/bistro", "admin_password=hunter4hunter4", *words)
        assert (ran.code, "hunter" in ran.out + ran.err) == (0, False)
        assert world.run("set", "instance/bistro", "--unset", "admin_password").code == 0
    assert "admin_password: hunter2hunter2" in texts(world)["instances.yaml"]


def test_set_mends_a_fleet_that_is_not_valid(world: World) -> None:
    world.replace("instances.yaml", "state: suspended", "state: asleep")
    world.replace("fleet.yaml", "max_users: 5", "max_users: many")
    assert world.run("set", "cafe", "state=active").code == 0
    assert world.run("validate").code == 1
    assert world.run("set", "plan/starter", "max_users=7").code == 0
    assert world.run("validate").code == 0


def test_set_keeps_the_mode_of_a_file_and_the_link_that_leads_to_it(world: World) -> None:
    real = world.root / "elsewhere.yaml"
    link = world.fleet / "instances.yaml"
    real.write_text(link.read_text())
    real.chmod(0o640)
    link.unlink()
    link.symlink_to(real)
    assert world.run("set", "bistro", "state=suspended").code == 0
    assert (link.is_symlink(), real.stat().st_mode & 0o777) == (True, 0o640)
    assert "code: bistro\ntemplate: restaurant\nplan: starter\nstate: suspended\n---" in real.read_text()


def test_set_says_when_there_is_nothing_to_do_and_what_cannot_be_done(world: World) -> None:
    before = texts(world)
    assert world.run("set", "acme", "company=Acme SA").err == "instance/acme says so already.\n"
    told = json.loads(world.run("set", "acme", "company=Acme SA", "-o", "json").out)
    assert (told["changed"], told["file"]) == (False, "instances.yaml")
    for words, code in {
        ("nobody", "a=b"): 64,
        ("acme",): 64,
        ("acme", "state"): 64,
        ("plan/nobody", "a=b"): 64,
    }.items():
        assert world.run("set", *words).code == code
    assert texts(world) == before


def test_new_writes_a_file_of_its_own_beside_the_others(world: World) -> None:
    ran = world.run("new", "instance", "company=Zoé & Söhne", "template=restaurant", "plan=starter", "labels.a=1")
    assert (ran.code, ran.err) == (0, f"wrote {world.fleet}/zoe-and-sohne.yaml\n")
    assert (world.fleet / "zoe-and-sohne.yaml").read_text() == (
        'kind: instance\ncode: zoe-and-sohne\nname: "Zoé & Söhne"\ncompany: "Zoé & Söhne"\n'
        'template: restaurant\nplan: starter\nlabels: {a: "1"}\n'
    )
    assert world.run("new", "plan", "gold", "max_users=50").code == 0
    assert world.run("validate").code == 0
    assert json.loads(world.run("new", "plan", "silver", "-o", "json").out)["file"] == "silver.yaml"


def test_new_never_writes_over_anything_nor_what_is_not_valid(world: World) -> None:
    (world.fleet / "gold.yaml").mkdir()
    (world.fleet / "plan-gold.yaml").symlink_to("/nowhere")
    before = {p.name for p in world.fleet.iterdir()}
    for words, said in {
        ("instance", "acme", "template=restaurant", "plan=starter"): "has instance/acme already",
        ("instance", "zoe"): "'plan' is missing",
        ("instance", "../zoe", "template=restaurant", "plan=starter"): "code",
        ("instance", "plan=starter"): "neither a code nor anything",
        ("plan", "gold"): "there already",
    }.items():
        ran = world.run("new", *words)
        assert (ran.code, said in ran.err) == (1, True), (words, ran.err)
    assert {p.name for p in world.fleet.iterdir()} == before
    assert [p for p in world.root.iterdir() if p != world.fleet] == []
    assert world.run("new", "customer", "a").code == 64


def test_explain_says_what_the_schemas_say() -> None:
    said = run("explain", "instance.owner.login").out
    assert said.startswith("instance.owner.login\n  Login, usually an e-mail address")
    assert "example: manager@acme.example" in said
    assert "  owner: The customer's first user" in run("explain", "instances").out
    assert json.loads(run("explain", "server.max_instances", "-o", "json").out)["default"] == 100
    ran = run("explain", "instance.ownr")
    assert (ran.code, "did you mean 'owner'?" in ran.err) == (64, True)
    assert run("explain", "nothing").code == 64


def test_explain_reaches_into_lists_and_set_does_not(world: World) -> None:
    assert run("explain", "fleet.windows.days").out.startswith("fleet.windows.days\n  The days on which they begin.\n")
    assert "  days: The days on which they begin" in run("explain", "fleet.windows").out
    assert run("explain", "fleet.rollout.waves.percent").code == 0
    ran = run("explain", "fleet.windows.day")
    assert (ran.code, "did you mean 'days'?" in ran.err) == (64, True)
    before = texts(world)
    assert world.run("set", "fleet/test", "windows.days=mon").code == 1
    assert texts(world) == before


def test_fmt_makes_the_layout_regular_and_says_which_files(world: World) -> None:
    world.write("odd.yaml", "kind:   plan\ncode:  gold   # ours\nlabels: { tier: gold,eu: 'x' }  \n\n\n")
    before = texts(world)
    checked = world.run("fmt", "--check")
    assert (checked.code, checked.out, texts(world)) == (1, f"{world.fleet}/odd.yaml\n", before)
    shown = world.run("fmt", "--diff")
    assert (shown.code, texts(world)) == (0, before)
    assert {"-kind:   plan", "+kind: plan"} <= {*shown.out.splitlines()}
    ran = world.run("fmt")
    assert (ran.code, ran.out) == (0, f"{world.fleet}/odd.yaml\n")
    regular = "kind: plan\ncode: gold   # ours\nlabels: {tier: gold, eu: 'x'}\n"
    assert texts(world) == {**before, "odd.yaml": regular}
    assert world.run("fmt", "--check").code == 0


def test_fmt_shows_no_secret_that_stands_in_the_text(world: World) -> None:
    text = "kind: instance\ncode:   x\nadmin_password:   hunter2hunter2   \nowner:\n"
    world.write("odd.yaml", f"{text}   initial_password: >-\n      hunter2hunter2\n")
    ran = world.run("fmt", "--check", "--diff")
    assert (ran.code, "hunter2" in ran.out + ran.err) == (1, False)
    assert ran.out.splitlines()[3:] == [
        " kind: instance",
        "-code:   x",
        "-admin_password:   ••••••••••••••",
        "+code: x",
        "+admin_password: ••••••••••••••",
        " owner:",
        "-   initial_password: ••",
        "-      ••••••••••••••",
        "+  initial_password: ••",
        "+     ••••••••••••••",
    ]
    world.write("odd.yaml", "kind: instance\ncode: x\nadmin_password: hunter2hunter2  \n")
    assert world.run("fmt", "--diff").out.splitlines()[5:] == [
        "-admin_password: ••••••••••••••",
        "+admin_password: ••••••••••••••",
    ], "what differs beside the secret is told"


@pytest.mark.parametrize(
    "value",
    [
        '"hunter2\n    hunter2"',
        "hunter2\n    hunter2",
        " # until it is rotated\n    hunter2hunter2",
        "&first |\n    hunter2hunter2",
    ],
)
def test_fmt_shows_no_part_of_a_secret_that_goes_on_below(world: World, value: str) -> None:
    world.write("odd.yaml", f"kind: instance\ncode:   x\nadmin_password: {value}\nowner:   {{name: Ann}}\n")
    ran = world.run("fmt", "--check", "--diff")
    assert (ran.code, "hunter2" in ran.out + ran.err, "{name: Ann}" in ran.out) == (1, False, True)


def test_fmt_leaves_what_it_cannot_read_alone_and_names_it(world: World) -> None:
    world.write("broken.yaml", "kind:  [\n")
    world.write("odd.yaml", "kind:   plan\ncode: gold\n")
    ran = world.run("fmt", str(world.fleet / "broken.yaml"), str(world.fleet / "odd.yaml"), "-o", "json")
    assert json.loads(ran.out) == {
        "format": 1,
        "changed": [f"{world.fleet}/odd.yaml"],
        "refused": [f"{world.fleet}/broken.yaml"],
    }
    assert (ran.code, "broken.yaml is left as it is" in ran.err) == (1, True)
    assert texts(world)["broken.yaml"] == "kind:  [\n"
