"""On real Odoo 19 and 14: databases that were made by hand are taken over and kept; what does not open is told and untouched."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from reconciler.core import verbs
from tests.contract.hosts import quiesce
from tests.contract.wire import Account, Wire
from tests.e2e.test_known_passwords import add_key
from tests.e2e.test_production import PRODUCTION, active_crons, fresh, login
from tests.harness.real_fleet import RealFleet, failures, instance, template
from tests.hosts.real_hosts import RealHost

THEIRS, KEYED = "their own password", hashlib.sha1(b"a key").hexdigest()
OPENS = "{admin_password: {env: THEIRS}}"
CONTENT = (
    "select md5(string_agg(t.x, '')) from (select query_to_xml(format('select count(*), sum(hashtext(t::text)) from %I t',"
    " table_name), false, true, '')::text x from information_schema.tables where table_schema = 'public'"
    " and table_type = 'BASE TABLE' order by table_name) t"
)
MARKS = "select key from ir_config_parameter where key like 'odoo_fleet.%'"


@dataclass(frozen=True)
class Stock:
    """What somebody left on a host: databases by what is particular about each."""

    host: RealHost
    suffix: str

    def name(self, of: str) -> str:
        return f"{of}{self.suffix}"

    def make(self) -> None:
        """Make one by hand and the others from it, as Odoo's own page does: their scheduled actions are off, but the first's."""
        address = self.host.address
        wire = Wire(address.direct_url, address.master_password)
        first = Account(wire, self.name("acme"), THEIRS)
        no_demo = False
        wire.manage("create_database", first.database, no_demo, "en_US", THEIRS, "admin", "be")
        awake = quiesce(first)
        first.call("res.company", "write", [1], {"name": "Acme SA"})
        for of in ("boss", "wrong", "factor", "keyed", "template_"):
            wire.manage("duplicate_database", first.database, self.name(of))
        first.call("ir.cron", "write", awake, {"active": True})
        context = {"no_reset_password": True}
        first.renamed(self.name("boss")).call("res.users", "write", [2], {"login": "boss"}, context=context)
        first.renamed(self.name("wrong")).call("res.users", "write", [2], {"password": "another"}, context=context)
        self.host.psql(self.name("factor"), "update res_users set totp_secret = 'JBSWY3DPEHPK3PXP' where id = 2")
        add_key(self.host, self.name("keyed"), "admin", KEYED)
        self.host.psql("postgres", f'create database "{self.name("half")}" owner "{address.name}"')

    def content(self, of: str) -> str:
        return self.host.psql(self.name(of), CONTENT)


@PRODUCTION
def test_what_opens_is_taken_over_and_kept_and_what_does_not_is_told_and_untouched(
    tmp_path: Path, real_host: RealHost
) -> None:
    fleet = fresh(tmp_path, real_host)
    fleet.variables = {"THEIRS": THEIRS, "KEYED": KEYED}
    stock = Stock(real_host, fleet.suffix)
    stock.make()
    closed = ("wrong", "factor", "half")
    before = {of: stock.content(of) for of in closed}
    awake = active_crons(real_host, stock.name("acme"))
    taken_over(fleet, stock)
    assert active_crons(real_host, stock.name("acme")) == awake
    assert active_crons(real_host, stock.name("template_")) == set()
    assert {of: stock.content(of) for of in closed} == before
    for of in ("acme", "boss", "keyed"):
        name = stock.name(of)
        user = "boss" if of == "boss" else "admin"
        assert login(real_host, name, user, fleet.password("instance", name).reveal())
        assert not login(real_host, name, user, THEIRS)
    for secret in (THEIRS, KEYED, *fleet.environ.values()):
        assert secret not in real_host.log_text()


def taken_over(fleet: RealFleet, stock: Stock) -> None:
    """Adopt all of them by hand-written documents."""
    names = {of: stock.name(of) for of in ("acme", "boss", "keyed", "wrong", "factor", "half")}
    lines = {of: {"adopt": OPENS} for of in names}
    lines["boss"]["admin_login"] = "boss"
    lines["keyed"]["adopt"] = "{admin_password: {env: KEYED}}"
    documents = [
        template(fleet.suffix, modules="[base, web]", adopt=OPENS, country_code="BE"),
        *(instance(name, **lines[of]) for of, name in names.items()),
    ]
    fleet.write(*documents)
    planned = asyncio.run(fleet.plan()).changeset
    opened = [f"instance/{names[of]}" for of in ("acme", "boss", "keyed")]
    assert [(a.verb, a.address) for a in planned.actions] == [
        (verbs.ADOPT, address) for address in (*sorted(opened), "template/base")
    ], planned
    told = {b.code: b.why for b in planned.blocked}
    assert told.keys() == {names["wrong"], names["factor"], names["half"]}
    passed = asyncio.run(fleet.apply())
    assert [o.detail for o in passed.outcomes] == [""] * 4, failures(passed)
    fleet.memory.__init__()  # type: ignore[misc]
    after = asyncio.run(fleet.plan()).changeset
    assert after.actions == ()
    assert {b.code for b in after.blocked} == told.keys()
