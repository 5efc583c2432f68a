"""The life of a database as the `db` service tells it: made, listed, named anew, dropped."""

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import Refusal


def test_created_database_is_listed_and_takes_the_wanted_password_only(host: ContractHost) -> None:
    created = host.created
    assert created.database in host.names()
    assert host.wire.login(created.database, "admin", created.password) == 2
    assert host.wire.login(created.database, "admin", "admin") is False


def test_create_answers_true_even_when_it_failed_half_way(host: ContractHost) -> None:
    """The admin's password is set last, so a login with it is the only proof of a create."""
    name = host.fresh_name()
    assert host.create(name, "wanted", "ZZ") is True
    assert name in host.names()
    assert host.wire.login(name, "admin", "wanted") is False
    assert host.wire.login(name, "admin", "admin") == 2


def test_create_sets_country_phone_and_the_currency_of_the_country(host: ContractHost) -> None:
    company = host.created.read_one("res.company", 1, "country_id", "currency_id", "phone")
    assert company["country_id"][1] == "Belgium"
    assert company["currency_id"][1] == "EUR"
    assert company["phone"] == "+32 1"


def test_existence_is_told_to_anybody(host: ContractHost) -> None:
    assert host.wire.call("db", "db_exist", host.base.database) is True
    assert host.wire.call("db", "db_exist", "missing") is False


def test_clone_is_listed_beside_its_source(host: ContractHost) -> None:
    here = host.clone()
    assert {here.database, host.base.database} <= set(host.names())


def test_rename_takes_the_name_and_everything_in_the_database_with_it(host: ContractHost) -> None:
    here = host.clone()
    uuid = here.parameter("database.uuid")
    name = host.fresh_name()
    assert host.wire.manage("rename", here.database, name) is True
    assert name in host.names()
    assert here.database not in host.names()
    assert here.renamed(name).parameter("database.uuid") == uuid


def test_former_name_answers_at_once_that_it_does_not_exist(host: ContractHost) -> None:
    here = host.clone()
    here.call("res.partner", "search_count", [])
    host.wire.manage("rename", here.database, host.fresh_name())
    with pytest.raises(Refusal, match="does not exist"):
        here.call("res.partner", "search_count", [])


def test_rename_there_and_back_leaves_the_database_as_it_was(host: ContractHost) -> None:
    here = host.clone()
    name = host.fresh_name()
    host.wire.manage("rename", here.database, name)
    host.wire.manage("rename", name, here.database)
    assert here.call("res.partner", "search_count", []) > 0


def test_any_name_is_taken_even_those_that_no_page_would_serve(host: ContractHost) -> None:
    name = host.fresh_name("Bad Name! ")
    host.clone(name=name)
    assert name in host.names()


def test_dropped_database_is_gone(host: ContractHost) -> None:
    here = host.clone()
    assert host.wire.manage("drop", here.database) is True
    assert here.database not in host.names()
    assert host.wire.call("db", "db_exist", here.database) is False


def test_drop_of_a_missing_database_answers_false(host: ContractHost) -> None:
    assert host.wire.manage("drop", "missing") is False


def test_another_roles_database_is_not_listed_yet_exists_and_cannot_be_dropped(host: ContractHost) -> None:
    name = host.fresh_name("foreign")
    host.ground.make_foreign_database(name)
    assert name not in host.names()
    assert host.wire.call("db", "db_exist", name) is True
    assert host.wire.manage("drop", name) is False
    with pytest.raises(Refusal, match="already exists"):
        host.create(name, "secret")
    with pytest.raises(Refusal, match="already exists"):
        host.wire.manage("duplicate_database", host.base.database, name)
    with pytest.raises(Refusal, match="must be owner"):
        host.wire.manage("rename", name, host.fresh_name())
