"""Calls to a database's models: what is sent for them, and what is believed of the answers."""

import pytest

from reconciler.core.model.failures import UnexpectedAnswer
from tests.odoo.scripted import PASSWORD, failure_of, run, scripted, session, value

ENGLISH = {"lang": "en_US"}


def _args(model: str, method: str, args: list[object], /, **named: object) -> list[object]:
    return ["acme", 2, PASSWORD.reveal(), model, method, args, {**named, "context": named.get("context", ENGLISH)}]


def test_search_asks_in_a_stable_order() -> None:
    host = scripted(value([3, 1]))
    assert run(session(host).search("res.users", [["id", ">", 0]], limit=5)) == [3, 1]
    assert host.sent()["args"] == _args("res.users", "search", [[["id", ">", 0]]], order="id", limit=5)


def test_search_read_returns_the_records() -> None:
    host = scripted(value([{"id": 1, "login": "admin"}]))
    assert run(session(host).search_read("res.users", [], ["login"])) == [{"id": 1, "login": "admin"}]
    assert host.sent()["args"] == _args("res.users", "search_read", [[], ["login"]], order="id")


def test_read_create_and_write_send_what_they_are_given() -> None:
    host = scripted(value([{"id": 1, "name": "x"}]), value(7), value(result=True))
    acme = session(host)
    assert run(acme.read("res.partner", (1,), ("name",))) == [{"id": 1, "name": "x"}]
    assert run(acme.create("res.partner", {"name": "y"})) == 7
    run(acme.write("res.partner", [7], {"name": "z"}))
    assert [host.sent(n)["args"] for n in range(3)] == [
        _args("res.partner", "read", [[1], ["name"]]),
        _args("res.partner", "create", [{"name": "y"}]),
        _args("res.partner", "write", [[7], {"name": "z"}]),
    ]
    assert [request.fresh for request in host.requests] == [False, True, True]


def test_a_context_adds_to_the_session_s_which_speaks_english() -> None:
    """Odoo translates its errors to the user's language, and they are told apart by their words."""
    host = scripted(value([]))
    run(session(host, active_test=False).search("ir.cron", [], context={"bin_size": True}))
    assert host.sent()["args"][6]["context"] == {"lang": "en_US", "active_test": False, "bin_size": True}


def test_a_context_can_ask_for_another_language() -> None:
    host = scripted(value([]))
    run(session(host).search("ir.cron", [], context={"lang": "fr_FR"}))
    assert host.sent()["args"][6]["context"] == {"lang": "fr_FR"}


def test_any_method_can_be_called_with_arguments_of_any_name() -> None:
    host = scripted(value({"type": "x"}))
    assert run(session(host).change_call("ir.module.module", "button", [1], model="m", method="n")) == {"type": "x"}
    assert host.sent()["args"] == _args("ir.module.module", "button", [[1]], model="m", method="n")


def test_external_ids_are_looked_up_together() -> None:
    rows = [
        {"id": 1, "module": "base", "name": "user_admin", "model": "res.users", "res_id": 2},
        {"id": 2, "module": "mail", "name": "user_admin", "model": "res.users", "res_id": 9},
    ]
    host = scripted(value(rows))
    found = run(session(host).xmlids(["base.user_admin", "mail.channel_all", "mail.nothing"]))
    assert found == {"base.user_admin": ("res.users", 2)}
    assert host.sent()["args"][5][0] == [
        ["module", "in", ["base", "mail"]],
        ["name", "in", ["channel_all", "nothing", "user_admin"]],
    ]
    assert len(host.requests) == 1


def test_an_external_id_that_does_not_exist_is_not_among_them() -> None:
    assert run(session(scripted(value([]))).xmlids(["base.nothing"])) == {}


@pytest.mark.parametrize("answer", [None, {}, [None], [True], ["1"], [0], [[1]]])
def test_ids_that_are_none_are_not_believed(answer: object) -> None:
    error = failure_of(session(scripted(value(answer))).search("res.users", []))
    assert isinstance(error, UnexpectedAnswer)
    assert (error.server, error.database) == ("eu1", "acme")
    assert "res.users.search: expected" in error.what


@pytest.mark.parametrize("answer", [None, [1], [{}], [{"id": False}], {"id": 1}])
def test_records_without_an_id_are_not_believed(answer: object) -> None:
    acme = session(scripted(value(answer)))
    assert isinstance(failure_of(acme.read("res.users", [1], [])), UnexpectedAnswer)
    assert isinstance(failure_of(acme.search_read("res.users", [], [])), UnexpectedAnswer)
    assert isinstance(failure_of(acme.xmlids(["base.x"])), UnexpectedAnswer)


def test_an_external_id_with_an_unusable_target_is_not_believed() -> None:
    row = {"id": 1, "module": "base", "name": "x", "model": "res.users", "res_id": False}
    assert isinstance(failure_of(session(scripted(value([row]))).xmlids(["base.x"])), UnexpectedAnswer)
