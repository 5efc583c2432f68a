"""The web pages and web sessions of a host, as far as a tool or a health check asks for them.

A web session is refused for a database that `dbfilter` does not serve under the Host asked, while the RPC services
are not: that difference is the point of this module. Sessions survive a restart, as Odoo's session files do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import authentication, common_service, database_pages, environment, object_service, orm, shipped, users, wire
from .errors import Failure, access_denied, access_error
from .memory import LoginSession, signal_cache

if TYPE_CHECKING:
    from .databases import Row
    from .machine import Machine
    from .memory import Worker
    from .wire import HttpRequest, HttpResponse

_EXPIRED = 100


async def answer(host: Machine, worker: Worker, request: HttpRequest) -> HttpResponse:
    """Answer what is not RPC."""
    await host.pause(0.01)
    path = request.path
    if path == "/web/health" and shipped.since(host.version, 16):
        return wire.json_response({"status": "pass"})
    if path in {"/web/version", "/json/version"} and shipped.since(host.version, 19):
        known = common_service.version_info(host.version)
        return wire.json_response({"version_info": known["server_version_info"], "version": known["server_version"]})
    if path == "/web/login":
        return _login_page(host, request)
    if request.method == "POST" and path in database_pages.PATHS:
        return await database_pages.answer(host, request)
    if path in {"/web/database/selector", "/web/database/manager"}:
        return _database_page(host, request)
    if request.method == "POST" and (path in _JSON_ROUTES or path.startswith("/web/dataset/call_kw")):
        return await _json_route(host, worker, request)
    return wire.not_found()


def _login_page(host: Machine, request: HttpRequest) -> HttpResponse:
    served = host.served(request.header("host"))
    if len(served) != 1:
        return wire.html_response("<title>Redirecting...</title>\n", 303, {"Location": "/web/database/selector"})
    try:
        host.open(served[0])
    except Failure:
        return wire.server_error()
    return wire.html_response(
        "<!DOCTYPE html>\n<html><head><title>Login | Odoo</title></head><body>\n"
        '<form class="oe_login_form" role="form" method="post" action="/web/login">'
        '<input type="text" name="login"/><input type="password" name="password"/></form>\n</body></html>\n'
    )


def _database_page(host: Machine, request: HttpRequest) -> HttpResponse:
    names = host.served(request.header("host")) if host.list_db else []
    form = '<form method="post" action="/web/database/create"><input type="password" name="master_pwd"/></form>\n'
    forms = form if request.path.endswith("manager") and host.list_db else ""
    items = "".join(f'<a href="/web?db={name}">{name}</a>\n' for name in names)
    return wire.html_response(
        f"<!DOCTYPE html>\n<html><head><title>Odoo</title></head><body>\n{items}{forms}</body></html>\n"
    )


async def _json_route(host: Machine, worker: Worker, request: HttpRequest) -> HttpResponse:
    try:
        body = json.loads(request.body or b"{}")
        request_id, params = body.get("id"), dict(body.get("params") or {})
    except (ValueError, AttributeError):
        return wire.html_response("Invalid JSON data", status=400)
    try:
        if request.path.startswith("/web/dataset/call_kw"):
            return wire.json_result(request_id, await _call_kw(host, worker, request, params))
        if request.path == "/web/session/authenticate":
            return _authenticate(host, worker, request, request_id, params)
        served = host.served(request.header("host"))
        if len(served) == 1 and served[0] in host.databases:  # whatever is asked for at a site of one database
            worker.check_signaling(served[0], host.databases[served[0]])
        return wire.json_result(request_id, _JSON_ROUTES[request.path](host, request))
    except _SessionExpired:
        problem = Failure("odoo.http.SessionExpiredException", "Session expired")
        return wire.json_failure(request_id, problem, _EXPIRED, "Odoo Session Expired")
    except Failure as problem:
        return wire.json_failure(request_id, problem)


class _SessionExpired(Exception):
    """The request has no session, or one that is not served here."""


def _session(host: Machine, request: HttpRequest) -> LoginSession:
    cookies = (part.strip().partition("=") for part in request.header("cookie").split(";"))
    found = host.sessions.get(next((value for name, _, value in cookies if name == "session_id"), ""))
    if found is None or found.uid is None or found.name not in host.served(request.header("host")):
        raise _SessionExpired
    user = host.open(found.name).rows("res.users").get(found.uid)
    if user is None or not user["active"] or user["password"] != found.password:
        raise _SessionExpired
    return found


def _authenticate(
    host: Machine, worker: Worker, request: HttpRequest, request_id: Any, params: dict[str, Any]
) -> HttpResponse:
    """Open a session. On 14 `dbfilter` is looked at only by the next request, which loses the session."""
    name = str(params.get("db"))
    if shipped.since(host.version, 16) and name not in host.served(request.header("host")):
        raise access_error("Database not found.")
    database = host.open(name)
    user = authentication.web_login(host, database, str(params.get("login")), str(params.get("password")))
    if user is None:
        raise access_denied()
    remembered = worker.check_signaling(name, database)
    env = environment.Env(host, name, database, user["id"], remembered)
    if env.has_group("system") and not database.parameter("web.base.url.freeze"):
        base = f"http://{request.header('host') or 'localhost'}"
        if database.parameter("web.base.url") != base:
            database.set_parameter("web.base.url", base)
            signal_cache(remembered, database)
    locked = bool(user.get("totp_enabled"))
    key = f"{host.random.getrandbits(160):040x}"
    host.sessions[key] = LoginSession(name, None if locked else user["id"], user["password"])
    cookie = {"Set-Cookie": f"session_id={key}; HttpOnly; Path=/"}
    answered = {"uid": None} if locked else _session_info(host, env, user)
    return wire.json_response({"jsonrpc": "2.0", "id": request_id, "result": answered}, headers=cookie)


def _session_info(host: Machine, env: environment.Env, user: Row) -> dict[str, Any]:
    known = common_service.version_info(host.version)
    return {
        "uid": user["id"],
        "is_system": env.has_group("system"),
        "is_admin": env.has_group("erp_manager"),
        "user_context": users.context_get(env, "res.users"),
        "db": env.name,
        "server_version": known["server_version"],
        "server_version_info": known["server_version_info"],
        "name": orm.display_name(env, "res.users", user["id"]),
        "username": user["login"],
        "partner_id": user["partner_id"],
        "partner_display_name": orm.display_name(env, "res.partner", user["partner_id"]),
        "company_id": user["company_id"],
        "web.base.url": env.database.parameter("web.base.url") or "",
    }


def _get_session_info(host: Machine, request: HttpRequest) -> dict[str, Any]:
    session = _session(host, request)
    database = host.databases[session.name]
    worker = host.workers.next()
    env = environment.Env(
        host, session.name, database, session.uid or 0, worker.check_signaling(session.name, database)
    )
    return _session_info(host, env, database.rows("res.users")[session.uid or 0])


def _version_info(host: Machine, _request: HttpRequest) -> dict[str, Any]:
    return common_service.version_info(host.version)


def _database_list(host: Machine, request: HttpRequest) -> list[str]:
    if not host.list_db:
        raise access_denied()
    return [] if host.faults.holds("pg-down") else host.served(request.header("host"))


def _destroy(host: Machine, request: HttpRequest) -> None:
    for part in request.header("cookie").split(";"):
        host.sessions.pop(part.strip().removeprefix("session_id="), None)


async def _call_kw(host: Machine, worker: Worker, request: HttpRequest, params: dict[str, Any]) -> Any:
    session = _session(host, request)
    database = host.open(session.name)
    remembered = worker.check_signaling(session.name, database)
    env = environment.Env(host, session.name, database, session.uid or 0, remembered)
    kwargs = dict(params.get("kwargs") or {})
    env.context = dict(kwargs.pop("context", None) or {})
    return await object_service.run(
        env, str(params.get("model")), str(params.get("method")), list(params.get("args") or []), kwargs
    )


_JSON_ROUTES = {
    "/web/session/authenticate": _get_session_info,
    "/web/session/get_session_info": _get_session_info,
    "/web/session/destroy": _destroy,
    "/web/webclient/version_info": _version_info,
    "/web/database/list": _database_list,
}
