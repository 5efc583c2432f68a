"""What is made anew: why, on which server, and what is told of a copy that cannot be made."""

from __future__ import annotations

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from tests.core.one_instance import ACME, ready, refusal, remembered
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec
from tests.core.test_copies import COPY

SERVERS = ("one", "two")


def test_what_was_on_a_server_that_the_text_gives_up_is_made_elsewhere_and_that_is_why() -> None:
    text = desired(ACME, servers=SERVERS)
    given_up = text.having("server", {**text.servers, "two": text.servers["two"].model_copy(update={"active": False})})
    seen = observed(ready(given_up, online("one")))
    (action,) = diff(given_up, seen, remembered(("acme", "two", "acme")), NOW).actions
    assert (action.verb, action.server, action.reason) == (verbs.CLONE, "one", Reason.GIVEN_UP)
    (other,) = diff(given_up, seen, remembered(("beta", "two", "beta")), NOW).actions
    assert other.reason is Reason.DECLARED, "another one was there"


def test_what_is_gone_from_a_server_in_use_is_made_there_again_because_it_is_declared() -> None:
    text = desired(ACME, servers=SERVERS)
    seen = observed(*(ready(text, online(server)) for server in SERVERS))
    for known in (remembered(("acme", "two", "acme")), remembered(("acme", "gone", "acme"), ("acme", "two", "acme"))):
        (action,) = diff(text, seen, known, NOW).actions
        assert (action.verb, action.server, action.reason) == (verbs.CLONE, "two", Reason.DECLARED)


def test_a_copy_is_made_where_its_source_is_wherever_it_was_before() -> None:
    text = desired(ACME, COPY, servers=SERVERS)
    source = as_declared(spec(text, "instance/acme", "one"))
    seen = observed(ready(text, online("one", source)), ready(text, online("two")))
    (action,) = diff(text, seen, remembered(("acme", "one", "acme"), ("staging", "two", "staging")), NOW).actions
    assert (action.verb, action.server, action.origin, action.database) == (verbs.COPY, "one", "", "acme")


def test_a_copy_without_a_source_in_service_is_blocked_where_its_text_has_it() -> None:
    for document, server in ((COPY, ""), (f"{COPY}server: one\n", "one")):
        text = desired(instance("acme", server="one"), document)
        seen = observed(ready(text, online("one", lists=("switching.acme",))))
        assert refusal(diff(text, seen, NOTHING_REMEMBERED, NOW), "staging") == (
            server,
            "instance/acme, of which it is a copy, has not one database in service, but switching.acme on one",
            "it is made once there is one",
        )
