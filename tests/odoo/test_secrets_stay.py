"""No failure, event or printed value shows a secret or an argument, whatever the other side echoes."""

import traceback

import pytest

from reconciler.core.model.failures import HostError
from reconciler.fleet.diagnostics import Range
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.protocol import Answer, Call, Door, encode
from schemas.secrets import Secret
from tests.odoo.scripted import MASTER, PASSWORD, Reply, connect, failure_of, fault, page, run, scripted, session, value

NASTY = "p4ss<word>\"'"
ECHOES = [NASTY, repr(NASTY), "p4ss&lt;word&gt;&quot;&#x27;", "p4ss<word>\\\"'"]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("version", ["19.0", "14.0"])
def test_a_fault_that_echoes_the_password_is_struck(echo: str, version: str) -> None:
    host = scripted(fault("builtins.ValueError", f"bad password {echo} for admin"))
    error = failure_of(session(host, version).search("res.users", []))
    assert "bad password" in str(error)
    assert "[secret]" in str(error)
    _shows_nothing(error)


@pytest.mark.parametrize(
    "reply",
    [
        page(f"cannot {NASTY}", 404),
        page("x", 302, location=f"https://x.example.com/{NASTY}"),
        page("x", 302, location=f"/{NASTY}"),
        Answer(200, {}, f"echo {NASTY}".encode()),
        Answer(200, {}, f'{{"x": "{NASTY}'.encode()),
        fault(f"bad.{NASTY}", "x"),
    ],
)
def test_a_stranger_that_echoes_the_password_is_struck(reply: Reply) -> None:
    _shows_nothing(failure_of(session(scripted(reply)).write("res.users", [1], {"password": PASSWORD})))


@pytest.mark.parametrize("version", ["19.0", "14.0"])
def test_what_another_call_told_the_host_is_struck_out_of_whatever_it_says(version: str) -> None:
    host = scripted(value(7), fault("builtins.Exception", f"{MASTER.reveal()} opens all, and {NASTY} acme"))
    connection = connect(host, version)

    async def ask() -> None:
        await connection.login("acme", "admin", PASSWORD)
        await connection.list_databases()

    error = failure_of(ask())
    assert "[secret] opens all, and [secret] acme" in str(error)
    _shows_nothing(error)


def test_a_master_password_that_is_not_to_be_had_does_not_hide_what_a_host_says() -> None:
    def missing() -> Secret:
        raise SecretUnavailable(Range("eu1.yaml"), "{env: M}", "server/eu1 master_password", "it is not set")

    host = scripted(fault("builtins.Exception", "no space left"))
    assert "no space left" in str(failure_of(connect(host, master_password=missing).list_databases()))


def test_a_secret_within_another_leaves_no_rest() -> None:
    assert one_line("abcdef abc secret", ["abc", "abcdef", "secret"]) == "[secret] [secret] [secret]"
    assert one_line("a b", ["", " "]) == "a[secret]b"


def test_messages_are_one_short_printable_line() -> None:
    host = scripted(fault("builtins.ValueError", "a\x1b[31m\u202e\n" + "x" * 1000))
    error = failure_of(connect(host).list_databases())
    assert isinstance(error, HostError)
    assert len(error.what) == 300
    assert error.what.isprintable()


def test_a_call_and_its_request_print_without_their_arguments() -> None:
    call = Call("common", "login", ("acme", "admin", PASSWORD))
    printed = repr(call) + repr(encode(call, Door.JSON, base="http://x", number=1)) + repr(Answer(200, {}, b"secret"))
    assert "admin" not in printed
    assert "secret" not in printed


def test_events_tell_what_was_called_and_how_it_ended_but_no_argument() -> None:
    host = scripted(fault("odoo.exceptions.UserError", "no"), value([]))
    acme = session(host)
    failure_of(acme.write("res.users", [7000001], {"password": Secret("hush-hush")}))
    run(acme.search("res.users", []))
    wrote, searched = host.events
    assert (wrote.server, wrote.service, wrote.method) == ("eu1", "object", "execute_kw")
    assert (wrote.operation, wrote.database) == ("res.users.write", "acme")
    assert (wrote.changes, wrote.ok, wrote.error) == (True, False, "Rejected")
    assert (searched.operation, searched.changes, searched.ok, searched.error) == ("res.users.search", False, True, "")
    assert wrote.seconds >= 0
    assert not any(hidden in repr(host.events) for hidden in ("hush-hush", "7000001", PASSWORD.reveal()))


def test_events_count_every_attempt_and_name_the_database_of_a_change() -> None:
    host = scripted(page("502", 502), value([]))
    run(connect(host).list_databases())
    assert [event.error for event in host.events] == ["ProxyFailure", ""]
    host = scripted(value(result=True))
    run(connect(host).change("db", "duplicate_database", MASTER, "base", "acme", timeout=1))
    assert (host.events[0].operation, host.events[0].database) == ("db.duplicate_database", "base")


def _shows_nothing(error: Exception) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert error.__suppress_context__
    assert not any(echo in shown for echo in ECHOES)
