"""On real Odoo 19 and 14 as production has them: a customer with a job due each minute and mail that waits is copied."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
            time.sleep(5)

        assert rows(real_host, copy, "select value from ir_config_parameter where key = 'database.is_neutralized'") == [
            "true"
        ]
        tidying = "select res_id from ir_model_data where module = 'base' and name = 'autovacuum_job'"
        assert rows(real_host, copy, "select id from ir_cron where active") == rows(real_host, copy, tidying)
        assert rows(real_host, copy, "select smtp_host from ir_mail_server where active") == ["invalid"]
        led = "select count(*) from ir_mail_server where smtp_host <> 'invalid' or smtp_pass is not null"
        fetched = "select count(*) from fetchmail_server where active or state = 'done' or password is not null"
        waits = "select count(*) from mail_mail where state = 'outgoing'"
        left = "select count(*) from ir_act_server where name::text like '%odoo_fleet%'"
        for point in (led, fetched, waits, left):
            assert rows(real_host, copy, point) == ["0"], point
        assert rows(real_host, copy, "select state from payment_provider order by id") == ["disabled", "test"]
        assert rows(real_host, copy, users) == before[0], "the people of the source have their passwords"
        url = "select value from ir_config_parameter where key = 'web.base.url'"
        assert copy in rows(real_host, copy, url)[0]

        assert rows(real_host, name, source) == before[1]
        waiting = "select count(*) from mail_mail where state = 'outgoing' and scheduled_date is not null"
        assert rows(real_host, name, waiting) == ["1"]
        mine = Customer(real_host, copy, fleet.password("instance", copy).reveal())
        tried = {"subject": f"sent by hand from {copy}", "body_html": "x", "email_to": "c@example.net"}
        mail = mine.call("mail.mail", "create", tried)
        with contextlib.suppress(xmlrpc.client.Fault):  # 14 has no None to answer with
            mine.call("mail.mail", "send", [mail])
        assert rows(real_host, copy, f"select state from mail_mail where id = {mail}") == ["exception"]
        strangers = [each for each in sink.mails if f"sent by {name}\n" not in each]
        assert strangers == [], "only the source's own job mailed"
        assert not asyncio.run(fleet.plan()).changeset.actions
