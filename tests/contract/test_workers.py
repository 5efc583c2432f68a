"""What workers remember of a database *by its name*, and what makes them forget.

Each worker keeps models, checked passwords and parameters under the name, and compares sequence numbers to notice a
change. Databases built by the same steps have the same numbers, so a name that changes hands is dangerous: the other
database may be answered for from the memory of the former one.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from reconciler.core.model.module_versions import UpgradeNote
from reconciler.odoo.apply import modules, uninstalling
from tests.contract.hosts import ContractHost
from tests.contract.installing import install, quiesce_patiently, uninstall
from tests.contract.product import inside
from tests.contract.server_actions import set_numbers
from tests.contract.wire import Account, Refusal

_AT_ONCE = 4
_ATTEMPTS = 6
_ENOUGH_TO_MEET_BOTH_WORKERS = 16
_FAR_FROM_ALL = 5_000_000
_MORE_THAN_THE_WORKERS_COUNT_ON = 6

_WRITES: dict[str, Callable[[Account], object]] = {
    "a parameter": lambda account: account.set_parameter("our.number", "1"),
    "a user": lambda account: account.call("res.users", "write", [2], {"tz": "Europe/Brussels"}),
}


def _answers(question: Callable[[], object], times: int = _ENOUGH_TO_MEET_BOTH_WORKERS) -> list[bool]:
    """Whether each of many calls was answered.

    Several are on their way at once: the kernel often gives call after call to the same worker, unless it is busy.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda _: _answered(question), range(times)))


def _answered(question: Callable[[], object]) -> bool:
    try:
        question()
    except Refusal:
        return False
    return True


def _ask(account: Account, model: str = "res.partner") -> Callable[[], object]:
    return lambda: account.call(model, "search_count", [])


def _build(host: ContractHost, password: str) -> Account:
    """A clone with a password of its own, by the same steps each time; wrong passwords are not counted in it."""
    here = host.clone()
    here.set_parameter("base.login_cooldown_after", "0")
    here.call("res.users", "write", [2], {"password": password})
    return here.with_password(password)


def _swap(
    host: ContractHost, former: Account, latter: Account, between: Callable[[], object] = lambda: None
) -> Account:
    """Give the former's name to the latter, all workers knowing the former; gives the latter under that name."""
    assert all(_answers(_ask(former)))
    host.wire.manage("rename", former.database, host.fresh_name())
    between()
    host.wire.manage("rename", latter.database, former.database)
    return latter.renamed(former.database)


def test_former_databases_password_is_taken_on_the_new_one_when_their_numbers_are_equal(
    busy_host: ContractHost,
) -> None:
    """The same steps do not always give the same numbers on 19: what a clone leaves to be told is told, or not, by
    the worker that answers next. So it is tried more than once.
    """

    def is_taken() -> bool:
        former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
        here = _swap(busy_host, former, latter)
        assert busy_host.wire.login(here.database, "admin", "former") is False
        assert busy_host.wire.login(here.database, "admin", "latter") == 2
        return any(_answers(_ask(former), 12))

    assert any(is_taken() for _ in range(_ATTEMPTS))


def test_numbers_made_unlike_before_the_rename_make_the_workers_right(busy_host: ContractHost) -> None:
    """On 14 a worker compares them only after the password check, so each takes the former one once at most."""
    former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
    for number in range(3):
        latter.set_parameter("our.number", str(number))
    here = _swap(busy_host, former, latter)
    assert sum(_answers(_ask(former), 12)) <= (1 if busy_host.version == "14" else 0)
    assert all(_answers(_ask(here)))


def test_numbers_set_by_a_server_action_before_the_rename_make_the_workers_right(busy_host: ContractHost) -> None:
    """On 14 the worker that did not rename the name away takes the former password once all the same."""
    former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
    set_numbers(latter, _FAR_FROM_ALL)
    here = _swap(busy_host, former, latter)
    assert sum(_answers(_ask(former))) <= (1 if busy_host.version == "14" else 0)
    assert all(_answers(_ask(here)))


def test_equal_numbers_set_by_a_server_action_let_the_former_password_in(busy_host: ContractHost) -> None:
    """Each worker that notices on 14 adds one to the cache's number, so it is tried more than once."""

    def is_taken() -> bool:
        former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
        for account in (former, latter):
            set_numbers(account, _FAR_FROM_ALL)
            assert all(_answers(_ask(account)))
        _swap(busy_host, former, latter)
        return sum(_answers(_ask(former))) > 1

    assert any(is_taken() for _ in range(_ATTEMPTS))


@pytest.mark.parametrize("written", _WRITES)
def test_either_cache_number_alone_makes_the_workers_forget_passwords(written: str, busy_host: ContractHost) -> None:
    """On 19 parameters and users have a number each; on 14 there is one. More writes than workers, for see above."""
    former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
    for account in (former, latter):
        set_numbers(account, _FAR_FROM_ALL)
        assert all(_answers(_ask(account)))
    for _ in range(_MORE_THAN_THE_WORKERS_COUNT_ON):
        _WRITES[written](latter)
    here = _swap(busy_host, former, latter)
    assert sum(_answers(_ask(former))) <= (1 if busy_host.version == "14" else 0)
    assert all(_answers(_ask(here)))


def test_renaming_a_name_that_nobody_bears_makes_the_worker_forget_it(busy_host: ContractHost) -> None:
    former, latter = _build(busy_host, "former"), _build(busy_host, "latter")

    def rename_nothing() -> object:
        return busy_host.wire.manage("rename", former.database, former.database)

    here = _swap(busy_host, former, latter, between=lambda: _answers(rename_nothing))
    assert not any(_answers(_ask(former), 12))
    assert all(_answers(_ask(here)))


def test_models_of_the_former_database_are_served_when_the_numbers_are_equal(busy_host: ContractHost) -> None:
    """Nothing written afterwards is sure to cure it: on 19 a stale worker that signals a change stays stale."""
    former, latter = _build(busy_host, "former"), _build(busy_host, "latter")
    for account, module, model in ((former, "resource", "resource.calendar"), (latter, "uom", "uom.uom")):
        install(account, module)
        quiesce_patiently(account)
        _answers(_ask(account))  # after these every worker knows the new models, also on 14
        assert all(_answers(_ask(account, model)))
    here = _swap(busy_host, former, latter)
    assert not all(_answers(_ask(here, "uom.uom")))
    here.set_parameter("our.number", "1")
    assert not all(_answers(_ask(here, "uom.uom")))


def test_rename_away_and_back_is_safe(busy_host: ContractHost) -> None:
    here = _build(busy_host, "ours")
    assert all(_answers(_ask(here)))
    away = busy_host.fresh_name()
    busy_host.wire.manage("rename", here.database, away)
    busy_host.wire.manage("rename", away, here.database)
    assert all(_answers(_ask(here)))


def test_new_password_works_everywhere_and_the_former_once_more_at_most_on_14(busy_host: ContractHost) -> None:
    former = _build(busy_host, "former")
    assert all(_answers(_ask(former)))
    former.call("res.users", "write", [2], {"password": "another"})
    taken = sum(_answers(_ask(former), 12))
    assert taken <= 1 if busy_host.version == "14" else taken == 0
    assert all(_answers(_ask(former.with_password("another"))))


def test_parameter_written_by_one_worker_is_read_by_all(busy_host: ContractHost) -> None:
    here = busy_host.clone()
    here.set_parameter("our.key", "one")
    read = {here.call("ir.config_parameter", "get_param", "our.key") for _ in range(_ENOUGH_TO_MEET_BOTH_WORKERS)}
    assert read == {"one"}
    here.set_parameter("our.key", "two")
    read = {here.call("ir.config_parameter", "get_param", "our.key") for _ in range(_ENOUGH_TO_MEET_BOTH_WORKERS)}
    assert read == {"two"}


def test_models_of_a_new_module_are_known_to_all_workers_once_the_installing_one_answers_again(
    busy_host: ContractHost,
) -> None:
    """19 tells the others in the installing call itself; 14 in the next call that reaches the same worker."""
    here = busy_host.clone()
    assert all(_answers(_ask(here)))
    install(here, "uom")
    if busy_host.version == "14":
        _answers(_ask(here))
    assert all(_answers(_ask(here, "uom.uom")))


def _attempts(host: ContractHost) -> int:
    """How often chance is given: none is left from 19 on."""
    return _ATTEMPTS if host.version == "14" else 1


def _add_users(account: Account) -> list[bool]:
    number = itertools.count()
    return _answers(lambda: account.call("res.users", "create", {"name": "One", "login": f"one{next(number)}"}))


@pytest.mark.parametrize("model", ["res.users", "ir.actions.server"])
def test_a_worker_that_does_not_know_a_new_module_yet_cannot_make_what_the_module_requires_a_field_of_on_14(
    model: str, busy_host: ContractHost
) -> None:
    """Which worker answers is by chance, so it is tried more than once."""

    def is_made_by_all() -> bool:
        here = busy_host.clone()
        assert all(_answers(_ask(here)))
        (target,) = here.call("ir.model", "search", [["model", "=", "res.partner"]])
        install(here, "mail")
        return all(_add_users(here) if model == "res.users" else _add_server_actions(here, target))

    assert all(is_made_by_all() for _ in range(2 * _attempts(busy_host))) is (busy_host.version != "14")


def _add_server_actions(account: Account, model: int) -> list[bool]:
    values = {"name": "ours", "model_id": model, "state": "code", "code": "number = 1"}
    return _answers(lambda: account.call("ir.actions.server", "create", values))


def test_after_an_install_by_this_tool_all_workers_know_the_new_modules_on_14_too(busy_host: ContractHost) -> None:
    for _ in range(_ATTEMPTS):
        here = busy_host.clone()
        assert all(_answers(_ask(here)))
        assert inside(
            busy_host,
            here,
            lambda session: modules.install(session, ["mail"], lambda: datetime.now(UTC), asyncio.sleep),
        )
        assert all(_add_users(here))


COLUMN_OF_USERS = "of_users"


@pytest.fixture
def with_column(busy_host: ContractHost) -> Iterator[Account]:
    """A database with a module that has a column of users; all workers know it."""
    busy_host.ground.deploy_field(COLUMN_OF_USERS, "1.0", f"res_users.{COLUMN_OF_USERS}")
    here = busy_host.clone()
    here.call("ir.module.module", "update_list")
    install(here, COLUMN_OF_USERS)
    _answers(_ask(here))
    assert all(_answers(_ask(here)))
    yield here
    busy_host.ground.remove_module(COLUMN_OF_USERS)


def _logins(host: ContractHost, account: Account) -> list[bool]:
    return _answers(lambda: host.wire.login(account.database, "admin", account.password))


def test_a_worker_lets_nobody_in_for_want_of_what_an_uninstall_took_until_it_has_compared_its_number(
    busy_host: ContractHost, with_column: Account
) -> None:
    uninstall(with_column, COLUMN_OF_USERS)
    assert not all(_logins(busy_host, with_column))
    if busy_host.version != "14":  # there a call asks for the column before it compares, unless its password was seen
        assert all(_answers(_ask(with_column)))
        assert all(_logins(busy_host, with_column))


def test_after_an_uninstall_by_this_tool_no_worker_asks_for_what_is_gone(
    busy_host: ContractHost, with_column: Account
) -> None:
    note = UpgradeNote(datetime.now(UTC), str(with_column.parameter("database.uuid")), {COLUMN_OF_USERS: ""})
    inside(
        busy_host,
        with_column,
        lambda session: uninstalling.uninstall(
            session, [COLUMN_OF_USERS], note, lambda: datetime.now(UTC), asyncio.sleep
        ),
    )
    assert all(_answers(_ask(with_column, "res.users")))
    assert all(_logins(busy_host, with_column))
