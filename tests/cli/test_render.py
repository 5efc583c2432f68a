"""`render`: the proxy's map of host names, the same for the same fleet, from text and store alone."""

from __future__ import annotations

import re

from tests.cli.world import World

OWN = 'domains: [erp.acme.example, "shop.acme.example"]\nprimary_domain: erp.acme.example'


def customers(world: World) -> None:
    """`acme` with two domains beside its subdomain; `bistro` suspended, on the server where it was placed."""
    text = (world.fleet / "instances.yaml").read_text()
    text = text.replace("code: acme\n", f"code: acme\n{OWN}\n")
    world.write("instances.yaml", text.replace("code: bistro\n", "code: bistro\nstate: suspended\n"))


def test_each_name_leads_to_the_one_that_odoo_knows_to_its_server_and_state(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    customers(world)
    left_out = "instance/bistro is left out: its text names no server, and the store does not know where it is.\n"
    assert world.run("render", "nginx").err == left_out
    applied = world.run("apply", "--yes")
    assert applied.code == 0, applied
    for host in world.hosts.values():
        host.kill()
    ran = world.run("render", "nginx")
    assert (ran.code, ran.err) == (0, "")
    maps = {part.split()[1]: part for part in ran.out.split("map ")[1:]}
    own = "erp.acme.example", "shop.acme.example", "acme.example.com"
    assert all(f"    {name} acme.example.com;" in maps["$odoo_host"] for name in own)
    assert all(f"    {name} prod-1;" in maps["$odoo_server"] for name in own)
    assert all(f"    {name} active;" in maps["$odoo_state"] for name in own)
    assert "    bistro.example.com suspended;" in maps["$odoo_state"]
    assert "\terp.acme.example acme.example.com prod-1 active\n" in world.run("render", "caddy").out


def test_nginx_has_room_for_the_longest_name(world: World) -> None:
    (size,) = re.findall(r"^map_hash_bucket_size (\d+);$", world.run("render", "nginx").out, re.MULTILINE)
    assert int(size) >= 253 + 2 + 3 * 8, "a name, its length and end, and nginx's pointers"


def test_a_file_is_written_whole_and_says_whether_it_changed(world: World) -> None:
    customers(world)
    out = world.root / "names.conf"
    words = ("render", "nginx", "--out", str(out), "--detailed-exitcode")
    assert world.run(*words).code == 2
    text = out.read_text()
    assert text == world.run("render", "nginx").out
    assert world.run(*words).code == 0
    world.replace("instances.yaml", ', "shop.acme.example"', "")
    assert world.run(*words).code == 2
    assert "shop.acme.example" not in out.read_text()
    assert [each.name for each in world.root.iterdir() if each.name.startswith(".names")] == []


def test_a_file_that_cannot_be_written_is_said(world: World) -> None:
    customers(world)
    (world.root / "other.conf").write_bytes(b"\xff")
    assert world.run("render", "nginx", "--out", str(world.root / "other.conf")).code == 0
    assert "cannot be written: Is a directory" in world.run("render", "nginx", "--out", "").err
    ran = world.run("render", "nginx", "--out", str(world.root / "none" / "names.conf"))
    assert (ran.code, "cannot be written: No such file or directory" in ran.err) == (1, True), ran.err


def test_the_primary_domain_is_what_the_database_says_of_itself(world: World) -> None:
    customers(world)
    world.run("apply", "--yes")
    database = world.hosts["prod-1"].databases["acme"]
    assert database.parameter("web.base.url") == "https://erp.acme.example"
    assert "https://erp.acme.example" in world.run("status", "instances", "-o", "json").out


def test_a_name_that_two_have_is_refused_with_where_the_other_is(world: World) -> None:
    customers(world)
    world.replace("instances.yaml", "code: bistro\n", "code: bistro\ndomains: [erp.acme.example, acme.example.com]\n")
    ran = world.run("validate")
    assert ran.code != 0
    assert "host name 'erp.acme.example' is already that of instance 'acme'" in ran.out
    assert "host name 'acme.example.com' is already that of instance 'acme'" in ran.out
    world.replace("instances.yaml", "domains: [erp.acme.example, acme.example.com]", "primary_domain: a.example")
    assert "the primary domain 'a.example' is none of its domains" in world.run("validate").out
