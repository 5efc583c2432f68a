"""An owner chooses a first password by a link: once, until its end, and never in the place of one that he may have chosen."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import LastingError
from reconciler.odoo.apply.first_passwords import link_to_first_password
from reconciler.odoo.apply.neutralizing import neutralize
from schemas.secrets import Secret
from tests.contract.choosing import CHOSEN, entered
from tests.contract.hosts import ContractHost
from tests.contract.installing import install, quiesce_patiently
from tests.contract.product import inside
from tests.contract.wire import Account, Refusal

FIRST = Secret("the first password of the text")
FORMER = Secret("what an earlier generation of it was")
_NONCES = (f"n{number}" for number in itertools.count())


def mailing(host: ContractHost) -> Account:
    """A database in which passwords can be chosen by links."""
    here = host.clone()
    install(here, "mail")
    quiesce_patiently(here)
    return here


def made(here: Account, login: str, **more: object) -> int:
    values = {"name": login, "login": login, "password": FIRST.reveal(), **more}
    user: int = here.call("res.users", "create", values, context={"no_reset_password": True})
    return user


def linked(host: ContractHost, here: Account, login: str, seconds: float = 1800.0) -> Secret:
    visit = Visit(login, login, datetime.now(UTC) + timedelta(seconds=seconds))
    nonce, passwords = next(_NONCES), (FORMER, FIRST)
    return inside(host, here, lambda session: link_to_first_password(session, visit, passwords, seconds, nonce))


def choose(here: Account, token: Secret) -> None:
    here.call("res.users", "signup", {"password": CHOSEN}, token.reveal())


def test_the_owner_chooses_his_password_once_on_odoos_own_page(host: ContractHost) -> None:
    here = mailing(host)
    user = made(here, "zoe@example.com", email="zoe@example.com")
    mails = here.call("mail.mail", "search_count", [])
    token = linked(host, here, "zoe@example.com")
    assert here.call("mail.mail", "search_count", []) == mails, "a link sends nothing"
    for guess in ("", CHOSEN, token.reveal()):
        assert host.wire.login(here.database, "zoe@example.com", guess) is False
    with entered(host, here, "zoe@example.com", token):
        assert host.wire.login(here.database, "zoe@example.com", CHOSEN) == user
        assert host.wire.login(here.database, "zoe@example.com", FIRST.reveal()) is False
        with pytest.raises(Refusal):
            choose(here, token)
    with pytest.raises(LastingError, match=r"has logged in already.*'Reset password'"):
        linked(host, here, "zoe@example.com")


def test_a_link_is_void_by_the_next_one_by_its_use_and_by_its_end(host: ContractHost) -> None:
    here = mailing(host)
    made(here, "zoe")
    made(here, "max")
    former, newest = linked(host, here, "zoe"), linked(host, here, "zoe")
    short = linked(host, here, "max", seconds=2.0)
    with pytest.raises(Refusal):
        choose(here, former)
    choose(here, newest)
    with pytest.raises(LastingError, match="not the first one of the text"):
        linked(host, here, "zoe")  # chosen, and nobody has logged in
    for used in (former, newest):
        with pytest.raises(Refusal):
            choose(here, used)
    time.sleep(3.1)
    with pytest.raises(Refusal):
        choose(here, short)
    choose(here, linked(host, here, "max"))


def test_nobody_is_given_over_who_may_have_a_password_of_his_own(host: ContractHost) -> None:
    here = host.clone()
    made(here, "zoe")
    with pytest.raises(LastingError, match="no module auth_signup"):
        linked(host, here, "zoe")
    install(here, "mail")
    quiesce_patiently(here)
    with pytest.raises(LastingError, match="no user has the login 'nobody'"):
        linked(host, here, "nobody")
    with pytest.raises(LastingError, match="an account of Odoo's own"):
        linked(host, here, "admin")
    here.call("res.users", "write", [made(here, "max")], {"active": False})
    with pytest.raises(LastingError, match="'max' is archived"):
        linked(host, here, "max")
    here.call("res.users", "write", [made(here, "ann")], {"password": CHOSEN})
    with pytest.raises(LastingError, match="not the first one of the text"):
        linked(host, here, "ann")
    contact = here.read_one("res.users", made(here, "a-twin"), "partner_id")["partner_id"][0]
    made(here, "twin", partner_id=contact)
    with pytest.raises(LastingError, match="has other users too"):
        linked(host, here, "a-twin")

    before = linked(host, here, "zoe")
    assert host.wire.login(here.database, "zoe", FIRST.reveal())
    with pytest.raises(LastingError, match="has logged in already"):
        linked(host, here, "zoe")
    if host.version == "19":
        with pytest.raises(Refusal):
            choose(here, before)
    else:  # the limit: 14 does not ask whether anybody has logged in
        choose(here, before)


def test_a_link_opens_no_copy_of_its_database(host: ContractHost) -> None:
    here = mailing(host)
    made(here, "zoe")
    token = linked(host, here, "zoe")
    there = host.clone(here)
    inside(host, there, neutralize)
    with pytest.raises(Refusal):
        choose(there, token)
    choose(here, token)
