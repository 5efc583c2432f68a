"""The operator's way into a database for a while: nobody knows a password before one is chosen by its token, and then it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.diffs import support
from reconciler.core.diffs.support import Visit
from reconciler.core.model.failures import LastingError
from reconciler.core.model.observed import SUPPORT, Access, DatabaseLook
from reconciler.odoo.apply import insides
from reconciler.odoo.apply.support import end_support, open_support
from reconciler.odoo.observe import databases as observe
from schemas.secrets import Secret
from tests.contract.choosing import CHOSEN, entered
from tests.contract.hosts import ContractHost
from tests.contract.installing import install, quiesce_patiently
from tests.contract.product import inside
from tests.contract.wire import Account, Refusal


def opened(host: ContractHost, here: Account, nonce: str) -> tuple[Visit, Secret]:
    visit = support.visit(datetime.now(UTC) + timedelta(minutes=30), nonce)
    return visit, inside(host, here, lambda session: open_support(session, visit, 1800))


def looked_at(host: ContractHost, here: Account) -> DatabaseLook:
    return inside(host, here, lambda session: observe.look(session, "admin", Access.CURRENT))


def ended(host: ContractHost, here: Account, *accounts: str) -> None:
    inside(host, here, lambda session: end_support(session, accounts))


def test_a_database_without_signup_lets_nobody_in(host: ContractHost) -> None:
    here = host.clone()
    with pytest.raises(LastingError, match="no module auth_signup"):
        opened(host, here, "aaaaa")
    assert looked_at(host, here).support == ()
    assert here.call("res.users", "search_count", [["login", "like", "odoo-fleet-support"]]) == 0


def test_whoever_has_the_token_chooses_the_password_once_and_is_out_when_it_ends(host: ContractHost) -> None:
    here = host.clone()
    install(here, "mail")
    quiesce_patiently(here)
    users = inside(host, here, insides.look).users
    first, token = opened(host, here, "aaaaa")
    assert inside(host, here, insides.look).users == users, "a customer's plan does not pay for it"
    second, _ = opened(host, here, "bbbbb")
    accounts = looked_at(host, here).support
    assert [each.partition(":")[2] for each in accounts] == sorted([first.login, second.login])
    assert [support.until_of(each) for each in accounts] == [first.until, second.until]
    (row,) = here.call("res.users", "search_read", [["login", "=", first.login]], ["name", "active", "email"])
    assert (row["name"], row["active"], bool(row["email"])) == (first.name, True, False)
    for guess in ("", first.login, token.reveal()):
        assert host.wire.login(here.database, first.login, guess) is False

    with entered(host, here, first.login, token) as still_in:
        assert host.wire.login(here.database, first.login, CHOSEN) == row["id"]
        with pytest.raises(Refusal):
            here.call("res.users", "signup", {"password": "another"}, token.reveal())
        there = Account(host.wire, here.database, CHOSEN, row["id"], first.login)
        assert there.call("ir.config_parameter", "search_count", []) > 0, "it has the rights of the admin account"
        # Whoever is in may rename the account; it ends all the same.
        here.call("res.users", "write", [row["id"]], {"login": "somebody"})
        gone, stays = accounts if first.login in accounts[0] else reversed(accounts)
        ended(host, here, gone)
        assert still_in() is False

    assert host.wire.login(here.database, "somebody", CHOSEN) is False
    left = {"context": {"active_test": False}}
    (row,) = here.call("res.users", "search_read", [["login", "=", "somebody"]], ["name", "active"], **left)
    assert (row["name"], row["active"]) == (first.name, False), "what was done by it says so afterwards"
    assert looked_at(host, here).support == (stays,)
    ended(host, here, gone, stays)
    assert SUPPORT not in inside(host, here, observe.read_parameters)
