"""What moves left behind: what comes back, what holds a new one back because it may be all that there is, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.observed import Access, DatabaseLook
from tests.core.one_instance import ON_ONE, look_of, plan, refusal
from tests.core.scenes import CRONS, NOW, instance, online, seen_as

LEFT = names.moved("acme", NOW - timedelta(hours=2))
LATER = names.moved("acme", NOW - timedelta(hours=1))
OVERTAKEN = {"ended": LEFT, "moved_to": "two"}
BEFORE = f"{LEFT} on one is what this instance was before it was moved"
LOOK_INSIDE = "look inside; if it is not, rename it by hand"
GO_ON = (
    "restore it from a backup (`restore_from`) under another `database_name`; only if what is left behind is to go on, rename"
    " it by hand to suspended.acme, with its files"
)


def left(name: str = LEFT, **seen: Any) -> DatabaseLook:
    """Make the look of acme as a move left it behind; `mark` says what is noted in it beside that it is acme's."""
    look = look_of(ON_ONE)
    assert look.mark is not None
    mark = replace(look.mark, **seen.pop("mark", {}))
    quiet = {"active_crons": (), "quiesced_crons": CRONS}
    return seen_as(replace(look, database=name), **{"mark": mark, **quiet, **seen})


def of_beta(name: str = LEFT) -> DatabaseLook:
    return left(name, mark={"code": "beta"})


def steps(changes: Changeset) -> list[tuple[str, str]]:
    return [(a.verb, a.database) for a in changes.actions if a.code == "acme"]


def test_what_never_went_on_elsewhere_comes_back_where_its_text_has_it() -> None:
    changes = plan(ON_ONE, online("one", left()))
    assert steps(changes) == [(verbs.RETURN, LEFT), (verbs.RESUME, "suspended.acme")]
    assert changes.actions[0].reason is Reason.INTERRUPTED


def test_of_several_that_were_left_behind_the_newest_that_never_went_on_comes_back() -> None:
    changes = plan(ON_ONE, online("one", left(mark=OVERTAKEN), left(LATER)))
    assert steps(changes)[0] == (verbs.RETURN, LATER)
    newest_went_on = left(LATER, mark={"ended": LATER, "moved_to": "two"})
    assert steps(plan(ON_ONE, online("one", left(), newest_went_on)))[0] == (verbs.RETURN, LEFT)


def test_what_went_on_elsewhere_neither_comes_back_nor_is_anything_empty_made_beside_it() -> None:
    assert refusal(plan(ON_ONE, online("one", left(mark=OVERTAKEN)))) == (
        "one",
        f"{BEFORE}: it has gone on on two since: what is here was overtaken",
        GO_ON,
    )


def test_nothing_is_made_beside_what_was_left_behind_where_two_more_claim_to_be_it() -> None:
    claims = [online(server, look_of(instance("acme"), server=server)) for server in ("two", "three")]
    found = plan(instance("acme", server="four"), online("one", left()), *claims, online("four"))
    server, why, advice = refusal(found)
    assert server == "four"
    assert why == f"{BEFORE}, and several databases claim to be it by now: acme on three, acme on two"
    assert advice == (
        "decide which one it is, and rename the others by hand to names that no document declares: it moves from there"
    )
    decided = plan(instance("acme", server="four"), online("one", left()), claims[0], online("three"), online("four"))
    assert "it is not moved from two: what modules four has" in refusal(decided)[1], "a look at both is all that lacks"


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        (None, "it was not looked into", "run without --shallow"),
        (DatabaseLook(LEFT, Access.REFUSED), "it takes no password of this fleet", LOOK_INSIDE),
        (DatabaseLook(LEFT, Access.FAILED, "too many clients"), "too many clients", LOOK_INSIDE),
        (replace(left(), mark=None), "nothing in it tells whose it is", LOOK_INSIDE),
        (replace(left(), uuid="a copy's"), "nothing in it tells whose it is", LOOK_INSIDE),
    ],
)
@pytest.mark.parametrize("server", ["one", "two"])
def test_nothing_is_made_beside_what_was_left_behind_while_nobody_can_tell_whose_it_is(
    server: str, look: DatabaseLook | None, why: str, advice: str
) -> None:
    there = online(server, *filter(None, [look]), lists=[LEFT])
    hosts = [there] if server == "one" else [online("one"), there]
    assert refusal(plan(ON_ONE, *hosts)) == ("one", f"{LEFT} on {server} may be this instance's: {why}", advice)


def test_what_is_noted_as_never_in_service_neither_comes_back_nor_is_anything_made_beside_it() -> None:
    """No move leaves it so: somebody renamed it by hand."""
    assert refusal(plan(ON_ONE, online("one", left(mark={"in_service": False})))) == (
        "one",
        f"{BEFORE}, and is noted as never in service: it does not come back",
        "look inside; if nothing of the customer's is in it, rename it by hand, to a name that no document declares",
    )


def test_what_was_left_behind_of_another_holds_nothing_back() -> None:
    for look in (of_beta(), left(mark={"fleet": "theirs"})):
        assert steps(plan(ON_ONE, online("one", look))) == [(verbs.CLONE, "template_base")]


def test_one_that_is_anothers_does_not_clear_the_next() -> None:
    changes = plan(ON_ONE, online("one", of_beta(), lists=[LATER]))
    assert refusal(changes)[1] == f"{LATER} on one may be this instance's: it was not looked into"
