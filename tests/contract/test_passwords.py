"""Who gets in: `common.login` is the honest test of a password, and 14 counts the wrong ones."""

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import ACCESS_DENIED, Refusal


@pytest.mark.parametrize("password", ["wrong", "", "admin"])
def test_login_with_a_wrong_password_is_false(password: str, host: ContractHost) -> None:
    assert host.wire.login(host.base.database, "admin", password) is False


def test_login_of_nobody_is_false(host: ContractHost) -> None:
    assert host.wire.login(host.base.database, "nobody", host.base.password) is False


def test_authenticate_answers_as_login_does(host: ContractHost) -> None:
    def words(password: str) -> list[object]:
        return [host.base.database, "admin", password, {}]

    assert host.wire.call("common", "authenticate", *words(host.base.password)) == 2
    assert host.wire.call("common", "authenticate", *words("wrong")) is False


def test_administrator_changes_the_own_password_by_a_plain_write(host: ContractHost) -> None:
    here = host.clone()
    assert here.call("res.users", "write", [2], {"password": "another"}) is True
    assert host.wire.login(here.database, "admin", here.password) is False
    assert host.wire.login(here.database, "admin", "another") == 2


def test_one_process_refuses_the_former_password_at_once(host: ContractHost) -> None:
    here = host.clone()
    here.call("res.partner", "search_count", [])
    here.call("res.users", "write", [2], {"password": "another"})
    with pytest.raises(Refusal) as refusal:
        here.call("res.partner", "search_count", [])
    assert refusal.value.code == ACCESS_DENIED
    assert here.with_password("another").call("res.partner", "search_count", []) > 0


def test_password_is_never_read_back(host: ContractHost) -> None:
    assert not host.base.read_one("res.users", 2, "password")["password"]


def test_ten_wrong_logins_shut_out_the_right_one_on_14_only(host: ContractHost) -> None:
    here = host.clone()
    for _ in range(10):
        assert host.wire.login(here.database, "admin", "wrong") is False
    locked_out = host.version == "14"
    assert host.wire.login(here.database, "admin", here.password) == (False if locked_out else 2)


def test_right_login_clears_the_count_of_wrong_ones(host: ContractHost) -> None:
    here = host.clone()
    here.set_parameter("base.login_cooldown_after", "3")
    for _ in range(2):
        for _ in range(2):
            host.wire.login(here.database, "admin", "wrong")
        assert host.wire.login(here.database, "admin", here.password) == 2


def test_cooldown_can_be_switched_off_by_parameter(host: ContractHost) -> None:
    here = host.clone()
    here.set_parameter("base.login_cooldown_after", "0")
    for _ in range(11):
        host.wire.login(here.database, "admin", "wrong")
    assert host.wire.login(here.database, "admin", here.password) == 2
