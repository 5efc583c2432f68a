"""Statuses, shapes and pages of each version."""

import json
import xmlrpc.client
from typing import Any

import pytest

from reconciler.simulator import HttpRequest
from tests.simulator.client import Client, a_host, play, result_of


async def _pair(version: str, **options: Any) -> Client:
    client = Client(a_host(version, **options))
    await client.create("acme")
    await client.create("other")
    return client


def test_failures_of_the_json_door_are_pages_on_14_unless_one_database_is_listed() -> None:
    async def scenario() -> None:
        client = await _pair("14.0")
        answer = await client.json("common", "login", "missing", "admin", "x")
        assert (answer.status, b"Internal Server Error" in answer.body) == (500, True)
        await client.manage("drop", "other")
        answer = await client.json("common", "login", "missing", "admin", "x")
        assert answer.status == 200
        assert json.loads(answer.body)["error"]["data"]["name"] == "psycopg2.OperationalError"

    play(scenario)


def test_failures_of_the_json_door_are_named_on_19() -> None:
    async def scenario() -> None:
        client = await _pair("19.0")
        answer = await client.json("db", "drop", "wrong", "acme")
        error = json.loads(answer.body)["error"]
        assert answer.status == 200
        assert set(error["data"]) == {"name", "message", "arguments", "debug", "context"}
        assert (error["data"]["name"], error["data"]["message"]) == ("odoo.exceptions.AccessDenied", "Access Denied")
        assert "wrong" not in answer.body.decode()

    play(scenario)


@pytest.mark.parametrize("version", ["14.0", "19.0"])
def test_faults_have_the_codes_of_their_kind_on_both_versions(version: str) -> None:
    async def scenario() -> None:
        client = await _pair(version)

        async def fault(service: str, method: str, *args: Any) -> xmlrpc.client.Fault:
            body = xmlrpc.client.dumps(args, method).encode()
            answer = await client.host.respond(HttpRequest("POST", f"/xmlrpc/2/{service}", {}, body))
            assert answer.status == 200
            with pytest.raises(xmlrpc.client.Fault) as caught:
                xmlrpc.client.loads(answer.body.decode())
            return caught.value

        login = ("acme", 2, "wanted")
        assert (await fault("db", "drop", "wrong", "acme")).faultCode == 3
        assert (await fault("object", "execute_kw", *login, "res.users", "_x", [])).faultCode == 4
        assert (await fault("object", "execute_kw", *login, "no.model", "read", [[1]])).faultCode == 2
        missing = await fault("common", "login", "missing", "admin", "x")
        assert missing.faultCode == 1
        assert missing.faultString.strip().splitlines()[-1].startswith("psycopg2.OperationalError: ")

    play(scenario)


@pytest.mark.parametrize(
    ("model", "method", "args", "name"),
    [
        ("no.model", "read", [[1]], "odoo.exceptions.UserError"),
        ("res.users", "no_method", [[1]], "builtins.AttributeError"),
        ("res.users", "_private", [[1]], "odoo.exceptions.AccessError"),
        ("res.users", "read", [[2], ["no_field"]], "builtins.ValueError"),
        ("res.users", "read", [], "builtins.IndexError"),
        ("res.users", "write", [[2]], "builtins.TypeError"),
        ("res.users", "write", [[99], {"tz": False}], "odoo.exceptions.MissingError"),
        ("res.users", "write", [[2], "nonsense"], "builtins.AttributeError"),
        ("res.users", "search", [[["login", "~", "x"]]], "builtins.ValueError"),
    ],
)
def test_what_does_not_exist_has_the_error_of_its_kind(model: str, method: str, args: list[object], name: str) -> None:
    async def scenario() -> None:
        client = await _pair("19.0")
        answer = await client.json("object", "execute_kw", "acme", 2, "wanted", model, method, args)
        assert json.loads(answer.body)["error"]["data"]["name"] == name

    play(scenario)


def test_none_has_no_result_by_json_and_is_a_fault_by_xml() -> None:
    async def scenario() -> None:
        client = await _pair("19.0")
        words: tuple[Any, ...] = ("acme", 2, "wanted", "ir.model.access", "call_cache_clearing_methods", [])
        assert "result" not in json.loads((await client.json("object", "execute_kw", *words)).body)
        body = xmlrpc.client.dumps(words, "execute_kw").encode()
        answer = await client.host.respond(HttpRequest("POST", "/xmlrpc/2/object", {}, body))
        assert b"cannot marshal None unless allow_none is enabled" in answer.body

    play(scenario)


def test_garbled_requests_are_refused_as_such() -> None:
    async def scenario() -> None:
        host = a_host()
        assert (await host.respond(HttpRequest("POST", "/jsonrpc", {}, b"{"))).status == 400
        assert (await host.respond(HttpRequest("POST", "/xmlrpc/2/db", {}, b"<no"))).status == 400
        assert (await host.respond(HttpRequest("GET", "/no/such/page"))).status == 404

    play(scenario)


@pytest.mark.parametrize(("version", "health", "web"), [("14.0", 404, 404), ("19.0", 200, 200)])
def test_pages_of_health_and_version_are_those_of_the_version(version: str, health: int, web: int) -> None:
    async def scenario() -> None:
        host = a_host(version)
        assert (await host.respond(HttpRequest("GET", "/web/health"))).status == health
        assert (await host.respond(HttpRequest("GET", "/web/version"))).status == web

    play(scenario)


def _authenticate(name: str, host_header: str) -> HttpRequest:
    params = {"db": name, "login": "admin", "password": "wanted"}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "params": params}).encode()
    return HttpRequest("POST", "/web/session/authenticate", {"Host": host_header}, body)


def test_web_sessions_are_refused_where_dbfilter_does_not_serve_and_rpc_is_not() -> None:
    async def scenario() -> None:
        client = await _pair("19.0", dbfilter="^%d$")
        refused = json.loads((await client.host.respond(_authenticate("acme", "127.0.0.1:8069"))).body)
        assert refused["error"]["data"]["message"] == "Database not found."
        answer = await client.host.respond(_authenticate("acme", "acme.example.com"))
        assert result_of(answer)["uid"] == 2
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        headers = {"Host": "acme.example.com", "Cookie": cookie}
        asked = HttpRequest("POST", "/web/session/get_session_info", headers, b"{}")
        assert result_of(await client.host.respond(asked))["db"] == "acme"
        called = json.dumps({"params": {"model": "res.users", "method": "search", "args": [[]], "kwargs": {}}}).encode()
        answer = await client.host.respond(HttpRequest("POST", "/web/dataset/call_kw", headers, called))
        assert result_of(answer) == [2]
        assert await client.login("acme", "wanted") == 2

    play(scenario)


def test_web_login_of_a_system_user_resets_the_base_url_unless_it_is_frozen() -> None:
    async def scenario() -> None:
        client = await _pair("19.0")
        await client.host.respond(_authenticate("acme", "acme.example.com"))
        assert client.host.databases["acme"].parameter("web.base.url") == "http://acme.example.com"
        await client.execute("other", "ir.config_parameter", "set_param", "web.base.url.freeze", "True")
        await client.host.respond(_authenticate("other", "other.example.com"))
        assert client.host.databases["other"].parameter("web.base.url") == "http://localhost:8069"

    play(scenario)


def test_listing_and_login_page_honour_dbfilter() -> None:
    async def scenario() -> None:
        client = await _pair("19.0", dbfilter="^%d$")
        asked = HttpRequest("POST", "/web/database/list", {"Host": "acme.example.com"}, b"{}")
        assert result_of(await client.host.respond(asked)) == ["acme"]
        page = await client.host.respond(HttpRequest("GET", "/web/login", {"Host": "acme.example.com"}))
        assert (page.status, b"oe_login_form" in page.body) == (200, True)
        elsewhere = await client.host.respond(HttpRequest("GET", "/web/login", {"Host": "nobody.example.com"}))
        assert (elsewhere.status, elsewhere.headers["Location"]) == (303, "/web/database/selector")

    play(scenario)


def test_journal_has_every_call_and_no_password() -> None:
    async def scenario() -> None:
        client = await _pair("19.0")
        await client.login("acme", "wanted")
        await client.execute("acme", "res.users", "read", [2], ["login"])
        last_two = [call[1:] for call in client.host.calls[-2:]]
        assert last_two == [("common", "login", "acme", None), ("object", "execute_kw", "acme", "res.users.read")]
        assert "wanted" not in str(client.host.calls)
        assert "the-master-password" not in f"{client.host.calls} {client.host.spec}"

    play(scenario)


@pytest.mark.parametrize(
    ("version", "groups", "named_errors", "leftover_button"),
    [
        ("14.0", "groups_id", False, "button_install_cancel"),
        ("17.0", "groups_id", True, "button_install_cancel"),
        ("19.0", "group_ids", True, "button_reset_state"),
    ],
)
def test_versions_in_between_have_what_is_known_of_them(
    version: str, groups: str, *, named_errors: bool, leftover_button: str
) -> None:
    async def scenario() -> None:
        client = await _pair(version)
        assert (await client.call("common", "version"))["server_version"] == version
        fields = await client.execute("acme", "res.users", "fields_get")
        assert groups in fields
        answer = await client.json("common", "login", "missing", "admin", "x")
        assert (answer.status == 200) is named_errors
        words = [] if leftover_button == "button_reset_state" else [[1]]
        assert await client.execute("acme", "ir.module.module", leftover_button, *words) is True

    play(scenario)
