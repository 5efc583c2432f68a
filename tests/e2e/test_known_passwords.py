"""On real Odoo 19 and 14: what a template's users could log in with lets nobody into a published clone."""

import asyncio
import hashlib
import xmlrpc.client
from pathlib import Path

from tests.e2e.test_production import OWNER, PRODUCTION, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

DEMONSTRATION = (("demo", "demo"), ("portal", "portal"))


@PRODUCTION
def test_a_demonstration_template_and_its_clones_take_nothing_that_was_known_before(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    n = fleet.suffix
    source, name = f"template_{n}", f"acme{n}"
    documents = [template(n, modules="[base, web]", demo="true"), instance(name, owner=OWNER, modules="[contacts]")]
    fleet.write(documents[0])
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    for user, secret in DEMONSTRATION:
        assert (
            real_host.psql(source, f"select count(*) from res_users where login = '{user}' and active").strip() == "1"
        )
        assert login(real_host, source, user, secret) is False
        assert login(real_host, source, user, "") is False

    models = xmlrpc.client.ServerProxy(f"{real_host.address.direct_url}/xmlrpc/2/object")
    admin = fleet.password("template", "base").reveal()
    uid = login(real_host, source, "admin", admin)
    helper = {"name": "Helper", "login": "helper", "password": "known to its makers"}
    models.execute_kw(source, uid, admin, "res.users", "create", [helper], {"context": {"no_reset_password": True}})
    keys = {user: hashlib.sha1(user.encode()).hexdigest() for user in ("admin", "helper", "demo")}
    for user, key in keys.items():
        real_host.give_key(source, key, user)
        assert login(real_host, source, user, key), "in the template it works"
    assert login(real_host, source, "helper", "known to its makers")

    fleet.write(*documents)
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    owner = fleet.password("instance", name, "owner.initial_password").reveal()
    assert login(real_host, name, "boss@acme.example", owner)
    assert login(real_host, name, "admin", fleet.password("instance", name).reveal())
    assert real_host.psql(name, "select count(*) from res_users_apikeys").strip() == "0"
    for user, secret in (*DEMONSTRATION, ("helper", "known to its makers"), *keys.items()):
        assert login(real_host, name, user, secret) is False
    assert login(real_host, source, "helper", "known to its makers"), "the template is left as its makers want it"
    left = "select count(*) from ir_act_server where name::text like '%odoo-fleet%'"
    assert {real_host.psql(database, left).strip() for database in (source, name)} == {"0"}
