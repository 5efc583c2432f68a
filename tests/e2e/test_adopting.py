"""On real Odoo 19 and 14: databases that were made by hand are imported, taken over and kept; what does not open is untouched."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.core.model import verbs
from tests.cli.world import run
from tests.contract.hosts import quiesce
from tests.contract.wire import Account, Wire
from tests.e2e.test_production import PRODUCTION, active_crons, fresh, login
from tests.harness.real_fleet import RealFleet, failures, instance
from tests.hosts.real_hosts import RealHost

THEIRS, KEYED = "their own password", hashlib.sha1(b"a key").hexdigest()
OPENED, CLOSED = ("acme", "boss", *(f"shop{number}" for number in range(1, 10))), ("wrong", "factor", "half")
"""With the template twelve are taken over; the others are told and left."""
CONTENT = (
    "select md5(string_agg(t.x, '')) from (select query_to_xml(format('select count(*), sum(hashtext(t::text)) from %I t',"
    " table_name), false, true, '')::text x from information_schema.tables where table_schema = 'public'"
    " and table_type = 'BASE TABLE' {} order by table_name) t"
)


@dataclass(frozen=True)
class Stock:
    """What somebody left on a host: databases by what is particular about each."""

    host: RealHost
    suffix: str

    def name(self, of: str) -> str:
        return f"{of}{self.suffix}"

    def make(self) -> None:
        """Make one by hand and the others from it, as Odoo's own page does: their scheduled actions are off, but the first's."""
        address, no_demo, quietly = self.host.address, False, {"no_reset_password": True}
        wire = Wire(address.direct_url, address.master_password)
        first = Account(wire, self.name("acme"), THEIRS)
        wire.manage("create_database", first.database, no_demo, "en_US", THEIRS, "admin", "be")
        awake = quiesce(first)
        first.call("res.company", "write", [1], {"name": "Acme SA"})
        wire.manage("duplicate_database", first.database, self.name("template_"))
        first.call("res.users", "create", {"name": "Ann", "login": "ann@acme.example"}, context=quietly)
        for of in (*OPENED[1:], "wrong", "factor"):
            wire.manage("duplicate_database", first.database, self.name(of))
        first.call("ir.cron", "write", awake, {"active": True})
        for of in OPENED:
            first.renamed(self.name(of)).set_parameter("web.base.url", f"https://{self.name(of)}.example.test")
        first.renamed(self.name("boss")).call("res.users", "write", [2], {"login": "boss"}, context=quietly)
        self.host.give_key(self.name("boss"), KEYED, "boss")
        first.renamed(self.name("wrong")).call("res.users", "write", [2], {"password": "another"}, context=quietly)
        self.host.give_second_factor(self.name("factor"))
        self.host.psql("postgres", f'create database "{self.name("half")}" owner "{address.name}"')
        self.host.psql("postgres", f'create database "{self.name("Upper")}" owner "{address.name}"')

    def content(self, of: str) -> str:
        """Say what is in it; in what has nothing at all 19 makes its signalling tables when anybody tries to log in."""
        return self.host.psql(
            self.name(of), CONTENT.format("and table_name not like 'orm_signaling%'" if of == "half" else "")
        )


@PRODUCTION
def test_what_opens_is_taken_over_and_kept_and_what_does_not_is_told_and_untouched(
    tmp_path: Path, real_host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = fresh(tmp_path, real_host)
    fleet.variables = {"THEIRS": THEIRS, "KEYED": KEYED}
    for name, value in fleet.environ.items():
        monkeypatch.setenv(name, value)
    stock = Stock(real_host, fleet.suffix)
    stock.make()
    before, awake = {of: stock.content(of) for of in CLOSED}, active_crons(real_host, stock.name("acme"))
    imported(fleet, stock)
    taken_over(fleet, stock)
    assert active_crons(real_host, stock.name("acme")) == awake
    assert active_crons(real_host, stock.name("template_")) == set()
    told(fleet, stock)
    assert {of: stock.content(of) for of in CLOSED} == before
    for of in OPENED:
        name, user = stock.name(of), "boss" if of == "boss" else "admin"
        assert login(real_host, name, user, fleet.password("instance", name).reveal())
        assert not login(real_host, name, user, THEIRS)
    for secret in fleet.environ.values():
        assert secret not in real_host.log_text()


def imported(fleet: RealFleet, stock: Stock) -> None:
    """Write documents for all that is there: those that open count, the others are comments."""
    fleet.write()
    accounts = fleet.directory.parent / "accounts.yaml"
    accounts.write_text(f"{stock.name('boss')}: {{admin_login: boss, admin_password: {{env: KEYED}}}}\n")
    words = ("--fleet", str(fleet.directory), "--store", "none", "--credentials", str(accounts))
    ran = run("import", "real", "--admin-password", "env:THEIRS", *words)
    assert ran.code == 0, ran.err
    assert sorted(fleet.desired.instances) == sorted(map(stock.name, OPENED)), ran.out
    texts = {path.stem: path.read_text() for path in (fleet.directory / "instances").iterdir()}
    for of in CLOSED:
        assert texts[stock.name(of)].startswith("# Not adopted: "), texts[stock.name(of)]
    boss = fleet.desired.instances[stock.name("boss")]
    assert (boss.admin_login, boss.company, boss.country_code) == ("boss", "Acme SA", "BE")
    assert boss.owner is not None
    assert boss.owner.login == "ann@acme.example"
    assert stock.name("Upper") in (fleet.directory / "not-imported-real.yaml").read_text()


def taken_over(fleet: RealFleet, stock: Stock) -> None:
    """Adopt what was imported: the plan shows that and nothing else, and afterwards nothing."""
    planned = asyncio.run(fleet.plan()).changeset
    assert {(a.verb, a.kind) for a in planned.actions} == {(verbs.ADOPT, "instance"), (verbs.ADOPT, "template")}
    assert sorted(a.database for a in planned.actions) == sorted(map(stock.name, (*OPENED, "template_"))), planned
    assert {c.field for a in planned.actions for c in a.changes} == {
        "admin_password",
        "owner",
        "parameters.web.base.url.freeze",
    }, planned
    assert (planned.blocked, planned.withheld) == ((), ())
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    fleet.memory.__init__()  # type: ignore[misc]
    assert asyncio.run(fleet.plan()).changeset.is_converged, "all of them are looked into, and none differs"


def told(fleet: RealFleet, stock: Stock) -> None:
    """Declare what does not open: it is blocked, with what to do."""
    template = next(iter(fleet.desired.templates))
    opens = {"factor": "{admin_password: {env: THEIRS}}", "half": "{admin_password: {env: THEIRS}}"}
    documents = [instance(stock.name(of), adopt=opens.get(of, "{}")) for of in CLOSED]
    fleet.write(*(text.replace("template: base", f"template: '{template}'") for text in documents))
    planned = asyncio.run(fleet.plan()).changeset
    assert planned.actions == ()
    said = {b.code: b for b in planned.blocked}
    assert said.keys() == set(map(stock.name, CLOSED))
    assert "second factor" in said[stock.name("factor")].advice
    assert "it opens neither to what `adopt` says" in said[stock.name("wrong")].why
    assert "its initialisation never ended" in said[stock.name("half")].why
