"""What the tool runs inside a database: once, by administrators alone, gone afterwards, all of it or nothing."""

import base64
from typing import Any

import pytest

from reconciler.core.model.failures import AccessRefused, HostError
from reconciler.odoo.apply import insides, server_actions, signals
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.observe import databases as observe
from tests.contract.hosts import ContractHost
from tests.contract.product import inside
from tests.contract.server_actions import MODEL
from tests.contract.wire import ACCESS_ERROR, Account, Refusal

NUMBER = 70_000


def add_user(here: Account, login: str, password: str, group: str = "base.group_user") -> Account:
    module, _, name = group.partition(".")
    rows = here.call("ir.model.data", "search_read", [["module", "=", module], ["name", "=", name]], ["res_id"])
    fields = here.call("res.users", "fields_get", [], ["type"])
    groups = "group_ids" if "group_ids" in fields else "groups_id"
    values = {"name": login, "login": login, "password": password, groups: [[6, 0, [rows[0]["res_id"]]]]}
    uid = here.call("res.users", "create", values, context={"no_reset_password": True})
    return Account(here.wire, here.database, password, uid, login)


class Died(Exception):
    """The process is gone."""


def make_and_die(host: ContractHost, here: Account) -> list[int]:
    """Make an action as the tool does, and die before it is run; gives what is left."""

    class Dying(DatabaseSession):
        async def change_call(self, model: str, method: str, /, *args: object, **kwargs: Any) -> Any:
            if method == "run":
                raise Died
            return await super().change_call(model, method, *args, **kwargs)

    async def work(session: DatabaseSession) -> None:
        dying = Dying(session.connection, session.database, session.uid, session._password)
        await signals.set_apart(dying, NUMBER)

    with pytest.raises(Died):
        inside(host, here, work)
    left: list[int] = here.call(MODEL, "search", [["name", "=like", "odoo-fleet:%"]])
    return left


def test_it_is_gone_afterwards(host: ContractHost) -> None:
    here = host.clone()
    before = here.call(MODEL, "search", [])
    inside(host, here, lambda session: signals.set_apart(session, NUMBER))
    inside(host, here, lambda session: signals.set_apart(session, NUMBER + 500))
    assert here.call(MODEL, "search", []) == before


@pytest.mark.parametrize("group", ["base.group_user", "base.group_portal"])
def test_nobody_but_an_administrator_can_run_it(host: ContractHost, group: str) -> None:
    here = host.clone()
    other = add_user(here, "ada", "hers", group)
    (action,) = make_and_die(host, here)
    with pytest.raises(Refusal, match="enough access rights") as refusal:
        other.call(MODEL, "run", [action])
    assert refusal.value.code == ACCESS_ERROR
    assert here.call(MODEL, "search", [["id", "=", action]]) == [action]


def test_one_that_a_crash_left_is_seen_and_removed(host: ContractHost) -> None:
    here = host.clone()
    assert inside(host, here, observe.count_server_actions) == 0
    (left,) = make_and_die(host, here)
    assert inside(host, here, observe.count_server_actions) == 1
    inside(host, here, server_actions.remove_left)
    assert inside(host, here, observe.count_server_actions) == 0
    assert here.call(MODEL, "search", [["id", "=", left]]) == []


def test_one_that_a_crash_left_goes_with_the_next_of_its_name(host: ContractHost) -> None:
    here = host.clone()
    make_and_die(host, here)
    inside(host, here, lambda session: signals.set_apart(session, NUMBER))
    assert inside(host, here, observe.count_server_actions) == 0


def test_code_that_fails_changes_nothing_and_leaves_itself_to_be_found(host: ContractHost) -> None:
    here = host.clone()

    async def fail(session: DatabaseSession) -> None:
        await server_actions.run_once(session, "fail", "answer.update(number=env['res.users'].no_such_method())")

    with pytest.raises(HostError):
        inside(host, here, fail)
    assert inside(host, here, observe.count_server_actions) == 1


def test_without_rights_nothing_is_made(host: ContractHost) -> None:
    here = host.clone()
    ada = add_user(here, "ada", "hers")
    with pytest.raises(AccessRefused):
        inside(host, ada, lambda session: signals.set_apart(session, NUMBER))
    assert inside(host, here, observe.count_server_actions) == 0


def test_who_works_in_it_and_how_large_it_is_is_measured_in_one_run_that_leaves_nothing(host: ContractHost) -> None:
    here = host.clone()
    before = inside(host, here, insides.look)
    for login in ("anna", "ben", "gone"):
        add_user(here, login, "their own password")
    add_user(here, "customer", "their own password", "base.group_portal")
    (gone,) = here.call("res.users", "search", [["login", "=", "gone"]])
    here.call("res.users", "write", [gone], {"active": False})
    size = 8_000_000  # more than PostgreSQL tidies away or adds meanwhile
    content = base64.b64encode(bytes(range(250)) * (size // 250)).decode()
    for name in ("one", "the same"):
        here.call("ir.attachment", "create", {"name": name, "datas": content})
    after = inside(host, here, insides.look)
    working = here.call("res.users", "search_count", [["share", "=", False], ["id", "!=", 2]])
    assert (after.users, after.users - before.users) == (working, 2)
    assert after.bytes - before.bytes == pytest.approx(size, rel=0.25)
    assert not here.call(MODEL, "search", [["name", "=like", "odoo-fleet: %"]])
