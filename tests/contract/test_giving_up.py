"""What becomes of work whose client, or whose host, is gone before it is done."""

import time
from collections.abc import Callable

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import Refusal

_PATIENCE_SECONDS = 60.0


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come to pass"
        time.sleep(0.02)


def _is_listed(host: ContractHost, name: str) -> Callable[[], bool]:
    return lambda: name in host.names()


def test_clone_whose_client_hangs_up_is_made_to_the_end(host: ContractHost) -> None:
    name = host.fresh_name()
    here = host.base.renamed(name)
    host.wire.abandon("db", "duplicate_database", host.wire.master_password, host.base.database, name)
    _wait_until(_is_listed(host, name))
    _wait_until(lambda: bool(here.parameter("database.uuid") != host.base.parameter("database.uuid")))


def test_rename_whose_client_hangs_up_is_done_all_the_same(host: ContractHost) -> None:
    here = host.clone()
    name = host.fresh_name()
    host.wire.abandon("db", "rename", host.wire.master_password, here.database, name)
    _wait_until(_is_listed(host, name))
    assert here.database not in host.names()


def test_drop_whose_client_hangs_up_is_done_all_the_same(host: ContractHost) -> None:
    here = host.clone()
    host.wire.abandon("db", "drop", host.wire.master_password, here.database)
    _wait_until(lambda: here.database not in host.names())


def test_host_killed_in_a_create_leaves_a_listed_database_that_only_looks_like_one(host: ContractHost) -> None:
    """It is no proof of anything, it stands in the way of a new create, and it can be dropped."""
    name = host.fresh_name("half")
    words = [name, "", "en_US", "wanted", "admin"]
    host.wire.abandon("db", "create_database", host.wire.master_password, *words)
    _wait_until(_is_listed(host, name))
    host.ground.kill()
    host.ground.start()
    assert name in host.names()
    with pytest.raises(Refusal) as refusal:
        host.create(name, "wanted")
    assert refusal.value.name == "odoo.service.db.DatabaseExists"
    if host.version == "19":
        with pytest.raises(Refusal, match=r"KeyError: 'res\.users'"):
            host.wire.login(name, "admin", "wanted")
    assert host.wire.manage("drop", name) is True
    assert name not in host.names()
