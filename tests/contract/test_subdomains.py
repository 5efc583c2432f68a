"""`POST /web/database/list`: the one question that tells whether a host serves databases by subdomain."""

from tests.contract.hosts import ContractHost
from tests.contract.wire import Reply


def _listed_for(host: ContractHost, virtual_host: str) -> Reply:
    return host.wire.post_json("/web/database/list", {}, host=virtual_host)


def test_plain_host_lists_everything_whatever_the_name_it_is_called_by(host: ContractHost) -> None:
    database = host.base.database
    reply = _listed_for(host, "anything.example.test")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert database in reply.json["result"]
    assert reply.json["result"] == _listed_for(host, f"{database}.example.test").json["result"]


def test_host_with_a_filter_lists_the_database_of_the_subdomain_alone(busy_host: ContractHost) -> None:
    database = busy_host.base.database
    assert _listed_for(busy_host, f"{database}.example.test").json["result"] == [database]
    assert _listed_for(busy_host, f"{database}.example.test:8069").json["result"] == [database]
    assert _listed_for(busy_host, f"www.{database}.example.test").json["result"] == [database]
    assert _listed_for(busy_host, "anything.example.test").json["result"] == []


def test_marked_name_is_out_of_reach_of_the_filter(busy_host: ContractHost) -> None:
    here = busy_host.clone()
    suspended = f"suspended.{here.database}"
    busy_host.wire.manage("rename", here.database, suspended)
    try:
        for asked in (f"{here.database}.example.test", f"{suspended}.example.test", "suspended.example.test"):
            assert _listed_for(busy_host, asked).json["result"] == []
    finally:
        busy_host.ground.drop(suspended)


def test_rpc_works_in_every_database_whatever_the_filter(busy_host: ContractHost) -> None:
    here = busy_host.clone(name=busy_host.fresh_name("suspended."))
    assert here.call("res.partner", "search_count", []) > 0


def test_web_session_is_refused_where_the_filter_does_not_match_on_19(busy_host: ContractHost) -> None:
    """14 opens it and drops it at the next request."""
    here = busy_host.base
    params = {"db": here.database, "login": "admin", "password": here.password}
    reply = busy_host.wire.post_json("/web/session/authenticate", params, host="anything.example.test")
    assert reply.status == 200
    if busy_host.version == "19":
        assert reply.json["error"]["data"]["name"] == "odoo.exceptions.AccessError"
        assert reply.json["error"]["data"]["message"] == "Database not found."
    else:
        assert reply.json["result"]["uid"] == 2
