"""Server actions: made, run and refused, which is what setting the workers' numbers rests on."""

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.server_actions import MODEL, make_action, setting_numbers
from tests.contract.wire import ACCESS_ERROR, ANY_ERROR, USER_ERROR, Account, Refusal


def test_action_is_made_found_read_run_and_removed(host: ContractHost) -> None:
    here = host.clone()
    action = make_action(here, setting_numbers(7))
    assert here.call(MODEL, "search", [["name", "=", "ours"]]) == [action]
    row = here.read_one(MODEL, action, "name", "model_name", "state", "code")
    assert (row["name"], row["model_name"], row["state"]) == ("ours", "ir.config_parameter", "code")
    assert row["code"].startswith("number = 7\n")
    assert here.call(MODEL, "unlink", [action]) is True
    assert here.call(MODEL, "search", [["name", "=", "ours"]]) == []


def test_run_answers_false_by_both_doors(host: ContractHost) -> None:
    here = host.clone()
    for number in (1000, 2000):
        action = make_action(here, setting_numbers(number))
        words = [here.database, 2, here.password, MODEL, "run", [[action]]]
        context = {"active_model": "ir.config_parameter", "active_id": 1}
        if number == 1000:
            assert here.call(MODEL, "run", [action], context=context) is False
        else:
            assert host.wire.json_call("object", "execute_kw", *words).json["result"] is False


def test_code_that_fails_is_a_value_error_that_repeats_it(host: ContractHost) -> None:
    here = host.clone()
    action = make_action(here, "env['ir.config_parameter'].no_such_method()")
    with pytest.raises(Refusal, match="while evaluating") as refusal:
        here.call(MODEL, "run", [action])
    assert refusal.value.code == ANY_ERROR
    assert refusal.value.name == "ValueError"


def test_garbled_code_or_a_missing_field_is_refused_at_once(host: ContractHost) -> None:
    here = host.clone()
    with pytest.raises(Refusal, match="SyntaxError : invalid syntax at line 1") as refusal:
        make_action(here, "number = ")
    assert refusal.value.code == USER_ERROR
    for values in ({"state": "code", "model_id": 1}, {"state": "code", "name": "ours"}):
        with pytest.raises(Refusal, match="mandatory field is not set") as refusal:
            here.call(MODEL, "create", values)
        assert refusal.value.code == USER_ERROR
    with pytest.raises(Refusal, match="does not exist") as refusal:
        here.call(MODEL, "run", [999999])
    assert refusal.value.code == USER_ERROR


def test_plain_user_does_not_see_it_but_may_run_it_on_19(host: ContractHost) -> None:
    """On 14 who may write to the action's model may run it; 19 looks at that as the superuser."""
    here = host.clone()
    action = make_action(here, setting_numbers(7))
    values = {"name": "Ada", "login": "ada", "password": "hers"}
    uid = here.call("res.users", "create", values, context={"no_reset_password": True})
    ada = Account(host.wire, here.database, "hers", uid, "ada")
    with pytest.raises(Refusal) as refusal:
        ada.call(MODEL, "search", [])
    assert refusal.value.code == ACCESS_ERROR
    if host.version == "19":
        assert ada.call(MODEL, "run", [action]) is False
    else:
        with pytest.raises(Refusal) as refusal:
            ada.call(MODEL, "run", [action])
        assert refusal.value.code == ACCESS_ERROR
