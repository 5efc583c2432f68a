"""On real Odoo 19 and 14 as production has them: a customer whose job mails each minute is copied, and the copy refreshed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.policies.replacements import Replacing
from tests.e2e.test_backups import KeptFleet
from tests.e2e.test_production import PRODUCTION, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.mail_sink import MailSink, mail_sink
from tests.hosts.real_hosts import RealHost

JOB = """\
mail = env['mail.mail'].create({'subject': 'sent by ' + env.cr.dbname, 'body_html': 'x', 'email_to': 'a@example.net'})
mail.send()
env['ir.config_parameter'].set_param('a.job.ran', env.cr.dbname)
"""


class Customer:
    """What people do in a database, as its admin account."""

    def __init__(self, host: RealHost, name: str, password: str) -> None:
        self._models = xmlrpc.client.ServerProxy(f"{host.address.direct_url}/xmlrpc/2/object", allow_none=True)
        self.name, self._password, self._uid = name, password, login(host, name, "admin", password)

    def call(self, model: str, method: str, *arguments: object) -> Any:
        return self._models.execute_kw(self.name, self._uid, self._password, model, method, list(arguments))


def live_in(host: RealHost, customer: Customer, sink: MailSink) -> None:
    """A way to send and to fetch mail, a mail that waits, a job that mails and is due each minute, payments, people."""
    name, at = customer.name, {"smtp_host": "127.0.0.1", "smtp_port": sink.port, "smtp_encryption": "none"}
    server = customer.call("ir.mail_server", "create", {"name": "out", **at})
    host.psql(name, "update ir_mail_server set smtp_user = 'me', smtp_pass = 'theirs'")
    host.psql(name, "update ir_mail_server set smtp_user = null")  # a sink takes no login
    fetched = {"name": "in", "server": "imap.example.net", "user": "me", "password": "theirs", "server_type": "imap"}
    customer.call("fetchmail.server", "create", fetched)
    host.psql(name, "update fetchmail_server set state = 'done'")
    later = {"scheduled_date": "2099-01-01 00:00:00", "mail_server_id": server, "state": "outgoing"}
    waiting = {"subject": "waited", "body_html": "x", "email_to": "b@example.net", **later}
    customer.call("mail.mail", "create", waiting)
    model = customer.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
    job = {"name": "mails", "model_id": model, "state": "code", "code": JOB, "interval_number": 1}
    customer.call("ir.cron", "create", {**job, "interval_type": "minutes"})
    user = {"name": "Pilot", "login": "pilot", "password": "of-the-pilot-1"}
    host.psql(name, "create table payment_provider (id integer, state varchar)", as_role=host.address.name)
    host.psql(name, "insert into payment_provider values (1, 'enabled'), (2, 'test')")
    customer.call("res.users", "create", user)
    customer.call("res.users", "write", [2], {"email": "admin@example.net"})


@contextlib.contextmanager
def busy(host: RealHost) -> Iterator[None]:
    """Have the host look for jobs each second in all databases, as it does when its users set some off."""
    ended = threading.Event()

    def notify() -> None:
        while not ended.wait(1.0):
            host.psql("postgres", "notify cron_trigger, 'postgres'")

    thread = threading.Thread(target=notify)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rows(host: RealHost, name: str, sql: str) -> list[str]:
    return host.psql(name, sql).split()


WAITS = "select count(*) from mail_mail where state = 'outgoing'"


def require_neutral(host: RealHost, copy: str) -> None:
    """All points, as PostgreSQL has them."""
    says = "select value from ir_config_parameter where key = 'database.is_neutralized'"
    assert rows(host, copy, says) == ["true"]
    tidying = "select res_id from ir_model_data where module = 'base' and name = 'autovacuum_job'"
    assert rows(host, copy, "select id from ir_cron where active") == rows(host, copy, tidying)
    assert rows(host, copy, "select smtp_host from ir_mail_server where active") == ["invalid"]
    led = "select count(*) from ir_mail_server where smtp_host <> 'invalid' or smtp_pass is not null"
    fetched = "select count(*) from fetchmail_server where active or state = 'done' or password is not null"
    left = "select count(*) from ir_act_server where name::text like '%odoo_fleet%'"
    for point in (led, fetched, WAITS, left):
        assert rows(host, copy, point) == ["0"], point
    assert rows(host, copy, "select state from payment_provider order by id") == ["disabled", "test"]
    (url,) = rows(host, copy, "select value from ir_config_parameter where key = 'web.base.url'")
    assert f"//{copy}." in url


def wait_for_a_look(sink: MailSink) -> None:
    """Wait until the source's job has mailed: the host has looked for jobs in all its databases then. A 14 does each minute."""
    deadline = time.monotonic() + 90
    while not sink.mails:
        assert time.monotonic() < deadline, "no job ran, in the source neither"
        time.sleep(0.5)
    time.sleep(2)  # it looks into one database after the other


def refresh(host: RealHost, fleet: KeptFleet, customer: Customer, copy: str, mail: int) -> None:
    """Have the copy made anew on a busy host: the former one, in which a mail was tried, is in the trash then, asleep."""
    customer.call("res.partner", "create", {"name": "came later"})
    anew = Limits(depth=Depth(refresh=True), replacing=Replacing(copy, backup_first=False))
    with busy(host):
        passed = asyncio.run(fleet.apply(anew))
        assert passed.ok, failures(passed)
    require_neutral(host, copy)
    assert rows(host, copy, "select count(*) from res_partner where name = 'came later'") == ["1"]
    (trash,) = [each for each in host.databases() if each.startswith("trash-")]
    assert rows(host, trash, f"select state from mail_mail where id = {mail}") == ["exception"]
    assert rows(host, trash, "select count(*) from ir_cron where active") == ["0"]


OF_CALENDAR = "ir_cron where id in (select res_id from ir_model_data where module = 'calendar' and model = 'ir.cron')"


def modules_come_later(host: RealHost, fleet: KeptFleet, name: str, copy: str, base: str) -> None:
    """Have the copy get a module on a busy host, which brings a scheduled action that is due at once: it never runs."""
    host.psql(copy, "update mail_mail set state = 'outgoing' where state = 'cancel'")
    more = f"kind: instance\ncode: {copy}\nclone_of: {name}\nplan: starter\nmodules: [calendar]\n"
    fleet.write(base, instance(name), more)
    with busy(host):
        passed = asyncio.run(fleet.apply())
        assert passed.ok, failures(passed)
        time.sleep(3)
    require_neutral(host, copy)
    assert rows(host, copy, f"select count(*) > 0, count(lastcall) from {OF_CALENDAR}") == ["t|0"]
    assert rows(host, copy, "select count(*) from pg_trigger where tgname = 'odoo_fleet_asleep'") == ["0"]
    assert not asyncio.run(fleet.plan()).changeset.actions


@PRODUCTION
def test_a_copy_of_a_busy_customer_mails_nobody_and_is_proven_neutralized(tmp_path: Path, real_host: RealHost) -> None:
    with mail_sink() as sink:
        real_host.send_mails_to(sink.port)
        made = fresh(tmp_path, real_host)
        fleet = KeptFleet(made.directory, real_host)
        n = fleet.suffix
        name, copy = f"acme{n}", f"acme{n}-staging"
        is_14 = real_host.address.version == "14"
        base = template(n, modules="[base, web, mail, fetchmail]" if is_14 else "[base, web, mail]")
        fleet.write(base, instance(name))
        passed = asyncio.run(fleet.apply())
        assert passed.ok, failures(passed)
        customer = Customer(real_host, name, fleet.password("instance", name).reveal())
        live_in(real_host, customer, sink)
        users = "select login, password from res_users where id <> 2 order by id"
        source = "select active, smtp_host, smtp_pass from ir_mail_server order by id"
        before = [rows(real_host, name, each) for each in (users, source)]

        fleet.write(base, instance(name), f"kind: instance\ncode: {copy}\nclone_of: {name}\nplan: starter\n")
        with busy(real_host):
            passed = asyncio.run(fleet.apply())
            assert passed.ok, failures(passed)
            time.sleep(3)
        require_neutral(real_host, copy)
        assert rows(real_host, copy, users) == before[0], "the people of the source have their passwords"
        assert rows(real_host, name, source) == before[1]
        assert rows(real_host, name, f"{WAITS} and scheduled_date is not null") == ["1"]

        mine = Customer(real_host, copy, fleet.password("instance", copy).reveal())
        tried = {"subject": f"sent by hand from {copy}", "body_html": "x", "email_to": "c@example.net"}
        mail = mine.call("mail.mail", "create", tried)
        with contextlib.suppress(xmlrpc.client.Fault):  # 14 has no None to answer with
            mine.call("mail.mail", "send", [mail])
        assert rows(real_host, copy, f"select state from mail_mail where id = {mail}") == ["exception"]
        assert not asyncio.run(fleet.plan()).changeset.actions

        modules_come_later(real_host, fleet, name, copy, base)
        assert rows(real_host, copy, f"select state from mail_mail where id = {mail}") == ["exception"]
        if is_14:  # the quicker of the two, and the one that neutralizes nothing by itself
            refresh(real_host, fleet, customer, copy, mail)
        wait_for_a_look(sink)
        strangers = [each for each in sink.mails if f"sent by {name}\n" not in each]
        assert strangers == [], "only the source's own job mailed"
