"""What a build is given in one transaction: all of it or nothing, once, and nobody else a way in."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.failures import HostError, PasswordRefused, ProofFailed, Rejected
from reconciler.core.model.furnishing import Furnishing, Origin
from reconciler.core.model.observed import Access, DatabaseLook, Mark, mark_of
from reconciler.core.model.specs import DatabaseSpec
from reconciler.odoo.apply import alterations, furnishing, marks, schedule, settings
from reconciler.odoo.apply.server_actions import ServerAction
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.observe import databases as observe
from schemas.instance import Owner
from schemas.references import DerivedSecret
from schemas.secrets import Secret
from tests.contract.hosts import ContractHost
from tests.contract.installing import install
from tests.contract.product import inside
from tests.contract.server_actions import MODEL
from tests.contract.test_running_once import add_user
from tests.contract.wire import Account, Refusal

OWN, OWNERS = "its own password", "the owner's first password"
GROUPS = ("base.group_user", "base.group_erp_manager")
SPEC = DatabaseSpec(
    fleet="tests",
    kind="instance",
    code="acme",
    target="acme",
    server="one",
    admin_login="operator",
    admin_password=DerivedSecret(),
    key="",
    modules=(),
    languages=("en_US",),
    settings={"lang": "en_US", "company": "Acme SA", "country_code": "FR", "timezone": "Europe/Brussels"},
    parameters={"our.note": "hello", "web.base.url": "https://acme.example"},
    base_url="",
    template="base",
    template_db="template_base",
    neutralize=False,
    demo=False,
    owner=Owner(name="Boss", login="boss@acme.example", groups=GROUPS),
)
MARK = Mark("tests", "instance", "acme", "acme", "", "base", "19.0", "digest", "building-x.acme", in_service=False)
ALL = Furnishing(SPEC, password=Secret(OWN), owner_password=Secret(OWNERS), mark=MARK, number=70_000, files=1000)


def furnished(host: ContractHost, here: Account, what: Furnishing = ALL) -> Account:
    """Furnish a database; return the admin account that it has then."""

    async def work(session: DatabaseSession) -> None:
        await furnishing.furnish(await furnishing.make(session), what)

    inside(host, here, work)
    if what.password is None:
        return here
    return replace(here, password=what.password.reveal(), login=what.spec.admin_login)


def looked_at(host: ContractHost, here: Account) -> DatabaseLook:
    return inside(host, here, lambda session: observe.look(session, here.login, Access.CURRENT))


def parameters(host: ContractHost, here: Account) -> dict[str, str]:
    return inside(host, here, observe.read_parameters)


def test_all_of_it_is_written(host: ContractHost) -> None:
    here = furnished(host, host.clone())
    look = looked_at(host, here)
    assert (look.login, look.settings) == ("operator", SPEC.settings)
    assert SPEC.parameters.items() <= look.parameters.items()
    assert look.mark == replace(MARK, uuid=look.uuid)
    assert host.wire.login(here.database, "operator", OWN) == here.uid
    owner = host.wire.login(here.database, "boss@acme.example", OWNERS)
    boss = here.read_one("res.users", owner, "name", "login", "email", "tz", "lang")
    assert (boss["name"], boss["email"], boss["tz"], boss["lang"]) == (
        "Boss",
        "boss@acme.example",
        "Europe/Brussels",
        "en_US",
    )
    for group in GROUPS:
        has_group = [owner, group] if host.version == "19" else [group]
        asked = here if host.version == "19" else replace(here, uid=owner, password=OWNERS)
        assert asked.call("res.users", "has_group", *has_group) is True


def test_a_language_is_loaded_before_anybody_speaks_it(host: ContractHost) -> None:
    spec = replace(SPEC, languages=("fr_FR",), settings={"lang": "fr_FR"})
    here = furnished(host, host.clone(), replace(ALL, spec=spec))
    look = looked_at(host, here)
    assert look.settings["lang"] == "fr_FR"
    assert {"en_US", "fr_FR"} <= look.languages


def settled(host: ContractHost, here: Account, spec: DatabaseSpec) -> DatabaseLook:
    """Write what differs, as into a database in service; return what it is then."""
    inside(host, here, lambda session: settings.apply_settings(session, spec))
    return looked_at(host, here)


def test_what_differs_is_written_into_a_database_in_service_and_nothing_else(host: ContractHost) -> None:
    here = host.clone()
    add_user(here, "ada", "hers")
    before = looked_at(host, here)
    look = settled(host, here, replace(SPEC, parameters={"our.note": "hello"}))
    assert look.settings == SPEC.settings
    assert look.parameters == {**before.parameters, "our.note": "hello"}
    assert (look.login, look.mark, look.active_crons, look.server_actions) == ("admin", None, before.active_crons, 0)
    assert host.wire.login(here.database, "ada", "hers")
    less = replace(SPEC, languages=("fr_FR",), settings={"timezone": "Europe/Paris"}, parameters={})
    again = settled(host, here, less)
    assert again == replace(
        look, settings={**look.settings, "timezone": "Europe/Paris"}, languages=look.languages | {"fr_FR"}
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"settings": {"country_code": "ZZ", "company": "Other"}}, "Odoo knows no country 'ZZ'"),
        ({"languages": ("xx_XX",)}, "Odoo knows no language 'xx_XX'"),
        ({"settings": {"company": "Other", "timezone": "Nowhere/Land"}}, "Nowhere/Land"),
    ],
)
def test_of_what_a_database_in_service_does_not_know_nothing_is_written(
    host: ContractHost, wrong: dict[str, Any], why: str
) -> None:
    here = host.clone()
    before = looked_at(host, here)
    with pytest.raises(Rejected) as refusal:
        settled(host, here, replace(SPEC, **wrong))
    assert why in refusal.value.what
    assert "odoo_fleet" not in refusal.value.what, "the code that met it is not repeated"
    assert replace(looked_at(host, here), server_actions=0) == before


def test_parameters_of_which_many_differ_are_written_in_one_run(host: ContractHost) -> None:
    here = host.clone()
    wanted = {f"our.number{number}": str(number) for number in range(4)}
    inside(host, here, lambda session: marks.write_parameters(session, dict.fromkeys(wanted, "old")))
    inside(host, here, lambda session: marks.write_parameters(session, {**wanted, "our.new": "1"}))
    assert wanted.items() <= parameters(host, here).items()
    assert inside(host, here, observe.count_server_actions) == 0


def test_nobody_else_has_a_way_in_and_whoever_lost_it_can_be_given_another(host: ContractHost) -> None:
    here = host.clone()
    ada = add_user(here, "ada", "hers")
    assert ada.call("res.users", "read", [ada.uid], ["login"]), "a worker took it before"
    operator = furnished(host, here)
    for password in ("hers", "", "False"):
        assert host.wire.login(here.database, "ada", password) is False
    with pytest.raises(Refusal):
        ada.call("res.users", "read", [ada.uid], ["login"])
    operator.call("res.users", "write", [ada.uid], {"password": "a new one"})
    assert host.wire.login(here.database, "ada", "a new one") == ada.uid


def test_what_the_template_and_the_factory_had_is_refused(host: ContractHost) -> None:
    here = host.clone()
    furnished(host, here)
    for login in ("admin", "operator"):
        for password in (here.password, "admin"):
            assert host.wire.login(here.database, login, password) is False


def _refusals(call: Callable[[], object]) -> list[bool]:
    """Whether each of many calls was refused; several at once, so that all workers are met."""

    def refused(_: int) -> bool:
        try:
            call()
        except Refusal:
            return True
        return False

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(refused, range(16)))


def test_the_first_call_that_its_own_password_opens_proves_it_and_no_worker_takes_the_former_one(
    busy_host: ContractHost,
) -> None:
    """Under a name that no worker ever knew nothing is answered from memory: a fresh login would tell nothing new."""
    here = busy_host.clone()
    here.set_parameter(
        "base.login_cooldown_after", "0"
    )  # else so many wrong ones in one worker of 14 make it refuse the right one
    wrong = here.with_password(OWN)
    assert all(_refusals(lambda: wrong.call("res.partner", "search_count", [])))
    assert not any(_refusals(lambda: here.call("res.partner", "search_count", [])))
    own = furnished(busy_host, here)
    assert own.read_one("res.users", own.uid, "login")["login"] == "operator"
    assert busy_host.wire.login(here.database, "admin", here.password) is False
    name = busy_host.fresh_name()
    busy_host.wire.manage("rename", here.database, name)
    former = here.renamed(name)
    assert all(_refusals(lambda: former.call("res.partner", "search_count", [])))
    assert not any(_refusals(lambda: own.renamed(name).call("res.partner", "search_count", [])))


WRONG: dict[str, Furnishing] = {
    "there is no group base.no_such": replace(
        ALL, spec=replace(SPEC, owner=Owner(name="Boss", login="boss", groups=("base.no_such",)))
    ),
    "there is a user 'ada' already": replace(
        ALL, spec=replace(SPEC, owner=Owner(name="Ada", login="ada", groups=GROUPS))
    ),
    "Odoo knows no country 'ZZ'": replace(ALL, spec=replace(SPEC, settings={"country_code": "ZZ"})),
    "Odoo knows no language 'xx_XX'": replace(ALL, spec=replace(SPEC, languages=("xx_XX",))),
    "the template was changed": replace(ALL, origin=Origin("a uuid", "a digest")),
    "Nowhere/Land": replace(ALL, spec=replace(SPEC, settings={"timezone": "Nowhere/Land"})),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_cannot_be_written_whole_is_not_written_at_all(host: ContractHost, why: str) -> None:
    """The last of them fails half-way, when something was written already."""
    here = host.clone()
    add_user(here, "ada", "hers")
    before, rows = looked_at(host, here), parameters(host, here)
    with pytest.raises(HostError) as refusal:
        furnished(host, here, WRONG[why])
    assert isinstance(refusal.value, Rejected | ProofFailed) or why == "Nowhere/Land"
    assert why in refusal.value.what
    assert OWN not in str(refusal.value)
    assert OWNERS not in str(refusal.value)
    assert replace(looked_at(host, here), server_actions=0) == before
    assert parameters(host, here) == rows
    assert host.wire.login(here.database, "ada", "hers")
    assert host.wire.login(here.database, "admin", here.password) == here.uid


def test_done_again_it_writes_nothing(host: ContractHost) -> None:
    """As after an answer that was lost: the mark in the database tells that all of it was done."""
    here = furnished(host, host.clone())
    users = here.call("res.users", "search_read", [], ["login", "create_date"], context={"active_test": False})
    rows = parameters(host, here)
    other = replace(SPEC, settings={"company": "Another"}, parameters={"our.note": "something else"})
    furnished(host, here, replace(ALL, spec=other, origin=Origin("gone", "since"), password=Secret("another")))
    assert host.wire.login(here.database, "operator", OWN) == here.uid
    assert parameters(host, here) == rows
    context = {"active_test": False}
    assert here.call("res.users", "search_read", [], ["login", "create_date"], context=context) == users


def test_of_two_runs_at_once_one_does_it_and_the_other_waits_and_finds_it_done(busy_host: ContractHost) -> None:
    """As after an answer that was lost while the run goes on; one that is let in later is refused the former password."""
    here = busy_host.clone()
    users = len(here.call("res.users", "search", [], context={"active_test": False}))

    async def work(session: DatabaseSession) -> list[object]:
        actions = [await furnishing.make(session) for _ in range(2)]
        runs = (furnishing.furnish(action, ALL) for action in actions)
        return list(await asyncio.gather(*runs, return_exceptions=True))

    ends = inside(busy_host, here, work)
    assert [end for end in ends if not isinstance(end, dict | PasswordRefused)] == []
    assert any(isinstance(end, dict) for end in ends)
    own = replace(here, password=OWN, login="operator")
    assert len(own.call("res.users", "search", [], context={"active_test": False})) == users + 1
    rows = own.call("ir.config_parameter", "search_read", [], ["key", "value"])
    assert len({row["key"] for row in rows}) == len(rows)
    look = looked_at(busy_host, own)
    assert look.mark == replace(MARK, uuid=look.uuid)


def test_a_mark_of_the_template_leaves_no_row(host: ContractHost) -> None:
    here = host.clone()
    for key, value in {"fleet": "tests", "uuid": "the template's", "digest": "its", "owner": "hers"}.items():
        here.set_parameter(f"odoo_fleet.{key}", value)
    here = furnished(host, here, replace(ALL, origin=Origin("the template's", "its")))
    mark = mark_of(parameters(host, here))
    assert mark == replace(MARK, uuid=here.parameter("database.uuid"))


def test_scheduled_actions_are_held_back_and_wake_with_its_service(host: ContractHost) -> None:
    here = host.clone()
    one, *others = here.call("ir.cron", "search", [], context={"active_test": False})[:2]
    here.call("ir.cron", "write", [one], {"active": True})
    here.set_parameter("odoo_fleet.quiesced", ",".join(map(str, [999_999, *others])))  # one of them is gone
    here = furnished(host, here, replace(ALL, quiet=True))
    assert here.call("ir.cron", "search", []) == []
    assert served(host, here) == ()
    assert sorted(here.call("ir.cron", "search", [])) == sorted([one, *others])
    assert here.parameter("odoo_fleet.quiesced") is None
    assert here.parameter("odoo_fleet.in_service") == "yes"


def served(
    host: ContractHost, here: Account, *, renamed: str = "", note: bool = True, wake: bool = True
) -> tuple[str, ...]:
    """Begin the service of a database in which an action is left from its build."""

    async def work(session: DatabaseSession) -> tuple[str, ...]:
        action = (await session.search(MODEL, [["name", "=", "odoo-fleet: build"]]))[0]
        before = await observe.file_sizes(session, newest=200)
        if renamed:
            host.wire.manage("rename", here.database, renamed)
            session = session.renamed(renamed)
        return await furnishing.begin_service(ServerAction(session, "build", action), before, note=note, wake=wake)

    return inside(host, here, work)


def test_the_action_is_gone_with_its_service(host: ContractHost) -> None:
    here = furnished(host, host.clone())
    assert inside(host, here, observe.count_server_actions) == 1
    assert served(host, here, note=False, wake=False) == ()
    assert inside(host, here, observe.count_server_actions) == 0
    assert here.parameter("odoo_fleet.in_service") == "no"


def test_without_its_files_its_service_does_not_begin(host: ContractHost) -> None:
    here = furnished(host, host.clone())
    name = host.fresh_name()
    host.ground.make_stale_filestore(name)
    assert served(host, here, renamed=name)
    there = here.renamed(name)
    assert there.parameter("odoo_fleet.in_service") == "no"
    assert there.call("ir.cron", "search", []) == []


def test_one_look_in_one_call_sees_what_a_row_of_calls_sees(host: ContractHost) -> None:
    here = furnished(host, host.clone())

    async def work(session: DatabaseSession) -> DatabaseLook:
        return observe.look_of(session.database, await furnishing.look(await furnishing.make(session)))

    by_one = inside(host, here, work)
    assert replace(looked_at(host, here), server_actions=0) == by_one


def test_the_files_are_those_that_a_row_of_calls_finds(host: ContractHost) -> None:
    """Also those that no search shows up to 15."""
    here = host.clone()
    expected = inside(host, here, observe.file_sizes)

    async def work(session: DatabaseSession) -> dict[str, str]:
        return dict(await furnishing.furnish(await furnishing.make(session), ALL))

    found = inside(host, here, work)
    assert found == expected
    assert found


def test_a_password_that_is_refused_writes_nothing(host: ContractHost) -> None:
    here = host.clone()
    with pytest.raises(PasswordRefused):
        furnished(host, here.with_password("wrong"))
    assert inside(host, here, observe.count_server_actions) == 0


def test_who_has_written_in_a_template_since_it_was_built_is_told_by_table(host: ContractHost) -> None:
    """Nothing that this tool writes in place counts, nor a login; a record does, and another user."""
    mark = replace(MARK, kind="template", made_of="3ee28de5")
    made = host.clone()
    install(made, "mail")  # which logs on 19 what is done to actions, and follows changes of fields
    here = furnished(host, made, replace(ALL, mark=mark))
    time.sleep(1.1)  # Odoo tells seconds

    async def keep(session: DatabaseSession) -> None:
        await settings.apply_settings(session, replace(SPEC, parameters={"our.note": "bye"}))
        await schedule.quiesce(session)
        await settings.set_credentials(session, "operator", Secret("another password"))

    inside(host, here, keep)
    here = replace(here, password="another password")
    assert host.wire.login(here.database, "operator", "another password")
    assert inside(host, here, alterations.altered) == {}
    here.call("res.partner", "create", {"name": "By hand"})
    add_user(here, "by hand", "a password of theirs")
    found = inside(host, here, alterations.altered)
    assert found["res_users"] == 1
    assert found["res_partner"] == 2, "and the user's own"

    other = furnished(host, host.clone(), replace(ALL, mark=MARK))
    other.call("res.partner", "create", {"name": "By hand"})
    assert inside(host, other, alterations.altered) == {}, "of what notes no version nothing is told"
