"""Calls that read: asked again when it may pass, believed only in the right shape."""

import asyncio

import pytest

from reconciler.core.model.failures import (
    HostTimeout,
    HostUnreachable,
    ListingDisabled,
    NotOdoo,
    ProxyFailure,
    Redirected,
    TlsFailure,
    UnexpectedAnswer,
    Unsupported,
)
from reconciler.odoo.protocol import NoAnswer
from reconciler.odoo.versions import HostVersion, Version
from schemas.secrets import Secret
from tests.odoo.scripted import MASTER, Reply, connect, failure_of, fault, page, run, scripted, value

VERSION = {"server_version": "19.0-20260201", "server_version_info": [19, 0, 0, "final", 0, ""], "protocol_version": 1}


def test_a_read_is_repeated_until_it_passes() -> None:
    host = scripted(NoAnswer(HostUnreachable, "refused", sent=False), page("502", 502), value(["b", "a"]))
    assert run(connect(host).list_databases()) == ("a", "b")
    assert len(host.requests) == 3


def test_pauses_double_and_scatter() -> None:
    host = scripted(page("504", 504))
    assert isinstance(failure_of(connect(host).read("common", "version", attempts=7)), ProxyFailure)
    assert host.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_read_gives_up_after_four_attempts_with_the_last_failure() -> None:
    host = scripted(NoAnswer(HostUnreachable, "no connection: refused", sent=False))
    error = failure_of(connect(host).list_databases())
    assert str(error) == "eu1: db.list: no connection: refused"
    assert isinstance(error, HostUnreachable)
    assert len(host.requests) == 4


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (page("Welcome to nginx!"), NotOdoo),
        (page("Moved", 302, location="https://other.example.com/web"), Redirected),
        (NoAnswer(TlsFailure, "the certificate is not accepted", sent=False), TlsFailure),
        (fault("odoo.exceptions.AccessDenied", "Access Denied"), ListingDisabled),
        (value({"not": "a list"}), UnexpectedAnswer),
        (value(["a", 7]), UnexpectedAnswer),
        (value(None), UnexpectedAnswer),
    ],
)
def test_what_lasts_is_not_asked_again(reply: Reply, kind: type[Exception]) -> None:
    host = scripted(reply)
    assert isinstance(failure_of(connect(host).list_databases()), kind)
    assert len(host.requests) == 1


def test_a_read_may_share_a_connection() -> None:
    host = scripted(value([]))
    run(connect(host).list_databases())
    assert not host.requests[0].fresh


def test_the_version_is_read_and_then_chooses_the_door() -> None:
    host = scripted(value(VERSION), value([]))
    connection = connect(host, "")
    assert run(connection.version()) == HostVersion(Version(19, 0), "19.0-20260201")
    run(connection.list_databases())
    assert [request.url.removeprefix("https://odoo.example.com") for request in host.requests] == [
        "/xmlrpc/2/common",
        "/jsonrpc",
    ]


def test_the_series_is_asked_for_only_when_nobody_has_said_it() -> None:
    host = scripted(value(VERSION))
    assert run(connect(host, "14.0").known_series()) == Version(14)
    assert host.requests == []
    assert run(connect(host, "").known_series()) == Version(19)


@pytest.mark.parametrize("answer", ["19.0", {}, {"server_version": "new", "server_version_info": []}, None])
def test_a_version_without_a_version_is_not_believed(answer: object) -> None:
    assert isinstance(failure_of(connect(scripted(value(answer))).version()), UnexpectedAnswer)


def test_existence_is_true_or_false_and_nothing_else() -> None:
    assert run(connect(scripted(value(result=True))).database_exists("acme")) is True
    assert run(connect(scripted(value(result=False))).database_exists("acme")) is False
    assert isinstance(failure_of(connect(scripted(value(1))).database_exists("acme")), UnexpectedAnswer)


def test_a_login_gives_an_id_or_nothing() -> None:
    host = scripted(value(2))
    assert run(connect(host).login("acme", "admin", Secret("x"))) == 2
    assert host.sent() == {"service": "common", "method": "login", "args": ["acme", "admin", "x"]}
    assert run(connect(scripted(value(result=False))).login("acme", "admin", Secret("x"))) is None
    for wrong in (True, "2", None, 0):
        assert isinstance(failure_of(connect(scripted(value(wrong))).login("acme", "a", Secret("x"))), UnexpectedAnswer)


def test_the_master_password_is_proven_without_effect() -> None:
    host = scripted(value([["ad", "Andorra"]]))
    run(connect(host).check_master_password())
    assert host.sent() == {"service": "db", "method": "list_countries", "args": [MASTER.reveal()]}


def test_a_host_without_the_database_service_is_not_asked() -> None:
    host = scripted(value([]))
    error = failure_of(connect(host, "19.1").list_databases())
    assert isinstance(error, Unsupported)
    assert "19.1" in str(error)
    assert host.requests == []


def test_served_databases_are_asked_under_the_site_s_name() -> None:
    host = scripted(value(["acme"]))
    assert run(connect(host, "14.0").served_databases("acme.example.com")) == ("acme",)
    request = host.requests[0]
    assert request.url == "https://odoo.example.com/web/database/list"
    assert request.headers["host"] == "acme.example.com"


@pytest.mark.parametrize(
    "reply",
    [
        page("Not found", 404),
        page("Moved", 301, location="/"),
        page("Error", 500),
        fault("odoo.exceptions.AccessDenied"),
    ],
)
def test_served_databases_are_unknown_when_the_answer_does_not_tell(reply: Reply) -> None:
    assert run(connect(scripted(reply)).served_databases("acme.example.com")) is None


def test_served_databases_are_not_unknown_but_a_failure_when_the_host_is_away() -> None:
    host = scripted(NoAnswer(HostUnreachable, "refused", sent=False))
    assert isinstance(failure_of(connect(host).served_databases("acme.example.com")), HostUnreachable)


def test_a_host_that_never_answers_is_asked_twice_and_it_is_said_how_long_that_was_waited_for() -> None:
    host = scripted(asyncio.Event())
    error = failure_of(connect(host).read("common", "version", timeout=0.01))
    assert isinstance(error, HostTimeout)
    assert str(error) == "eu1: common.version: no whole answer within 0.01 s"
    assert len(host.requests) == 2
