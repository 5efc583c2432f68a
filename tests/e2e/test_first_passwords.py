"""From an order to its owner's own password on real Odoo 19 and 14, as production has them: command, link, Odoo's page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cli.world import run
from tests.contract.choosing import CHOSEN, csrf
from tests.e2e.test_production import OWNER, PRODUCTION, fresh, login
from tests.harness.real_fleet import failures, instance, template
from tests.hosts.real_hosts import RealHost

BOSS = "boss@acme.example"


@PRODUCTION
def test_an_owner_chooses_his_password_by_the_link_of_the_command_and_then_there_is_no_other(
    tmp_path: Path, real_host: RealHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = fresh(tmp_path, real_host)
    name = f"acme{fleet.suffix}"
    fleet.write(template(fleet.suffix), instance(name, owner=OWNER))
    passed = asyncio.run(fleet.apply())
    assert passed.ok, failures(passed)
    for key, value in fleet.environ.items():
        monkeypatch.setenv(key, value)
    mails = "select count(*) from mail_mail"
    before = real_host.psql(name, mails)
    words = "first-password", name, "--fleet", str(fleet.directory), "--store", f"sqlite:///{tmp_path}/state.sqlite"
    former, ran = run(*words), run(*words)
    assert (former.code, ran.code) == (0, 0), ran.err
    assert real_host.psql(name, mails) == before, "a link sends nothing"
    first = fleet.password("instance", name, "owner.initial_password").reveal()

    link = urlsplit(ran.out.strip())
    assert (link.netloc, link.path) == (f"{name}.example.test", "/web/reset_password")
    page = f"{link.path}?{link.query}"
    with httpx.Client(
        base_url=real_host.address.url, headers={"Host": link.netloc}, trust_env=False, timeout=60
    ) as browser:
        void = urlsplit(former.out.strip()).query
        assert 'name="password"' not in browser.get(f"{link.path}?{void}").text, "the newest link alone is good"
        form = browser.get(page)
        assert 'name="password"' in form.text
        sent = {"password": CHOSEN, "confirm_password": CHOSEN, "csrf_token": csrf(form.text), "login": BOSS}
        token = link.query.partition("token=")[2]
        browser.post(page, data={**sent, "token": token})
        assert login(real_host, name, BOSS, CHOSEN)
        again = {**sent, "password": "taken over", "confirm_password": "taken over", "token": token}
        browser.post(page, data={**again, "csrf_token": csrf(browser.get(page).text)})
    assert login(real_host, name, BOSS, "taken over") is False
    assert login(real_host, name, BOSS, first) is False
    assert login(real_host, name, BOSS, CHOSEN)

    refused = run(*words)
    assert (refused.code, refused.out) == (1, "")
    assert f"'{BOSS}' has logged in already" in " ".join(refused.err.split())
    assert asyncio.run(fleet.plan()).changeset.is_converged
