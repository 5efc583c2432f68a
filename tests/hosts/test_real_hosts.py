"""The real hosts are what the fixtures promise: as production has them, killable, and empty when told so."""

import time

import pytest

from tests.contract.wire import Wire
from tests.hosts.proxy import READ_TIMEOUT_SECONDS
from tests.hosts.real_hosts import RealHost, answers


def _create(host: RealHost, name: str, url: str) -> int:
    words = [host.address.master_password, name, "", "en_US", "wanted", "admin"]
    return Wire(url, host.address.master_password).json_call("db", "create_database", *words).status


def test_host_tells_its_version_through_every_door(real_host: RealHost) -> None:
    address = real_host.address
    for url in {address.url, address.direct_url}:
        version = Wire(url, address.master_password).call("common", "version")
        assert version["server_serie"] == f"{address.version}.0"


def test_killed_host_is_gone_and_comes_back_when_started(real_host: RealHost) -> None:
    real_host.kill()
    assert not real_host.is_running
    assert not answers(real_host.address.direct_url)
    real_host.start()
    assert answers(real_host.address.url)


def test_proxy_stays_when_its_host_is_stopped_and_says_bad_gateway(real_19_production: RealHost) -> None:
    address = real_19_production.address
    real_19_production.stop()
    assert Wire(address.url, address.master_password).json_call("common", "version").status == 502
    real_19_production.start()


def test_proxy_gives_up_on_a_create_that_the_host_carries_to_its_end(real_19_production: RealHost) -> None:
    address = real_19_production.address
    begun = time.monotonic()
    assert _create(real_19_production, "slow", address.url) == 504
    assert time.monotonic() - begun == pytest.approx(READ_TIMEOUT_SECONDS, abs=2)
    wire = Wire(address.direct_url, address.master_password)
    deadline = time.monotonic() + 60
    while "slow" not in real_19_production.databases() or not _logs_in(wire):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    real_19_production.drop_all()


def test_emptied_it_answers_and_has_no_database_and_no_file(real_host: RealHost) -> None:
    name = real_host.address.name
    real_host.psql("postgres", f'create database "one" owner "{name}"')
    real_host.make_foreign_database("theirs")
    real_host.make_stale_filestore("one")
    assert "one" in real_host.databases()
    real_host.empty()
    assert answers(real_host.address.url)
    assert real_host.databases() == []
    assert not real_host.filestore_path("one").exists()
    assert real_host.psql("postgres", "select count(*) from pg_database where datname = 'theirs'") == "1"
    real_host.drop("theirs")


def _logs_in(wire: Wire) -> bool:
    """Whether the create has reached its end; before, the database answers with all kinds of errors."""
    return bool(wire.json_call("common", "login", "slow", "admin", "wanted").json.get("result"))
