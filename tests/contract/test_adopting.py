"""What opens a database that somebody else made, and how it is taken over: whole or not at all, with nobody else touched."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from reconciler.core.model.failures import HostError, Refused
from reconciler.core.model.observed import Access, DatabaseLook, Mark
from reconciler.odoo.apply import adopting
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.observe import databases as observe
from schemas.secrets import Secret
from tests.contract.hosts import ContractHost
from tests.contract.installing import install, quiesce_patiently
from tests.contract.product import inside
from tests.contract.test_furnishing import SPEC as ALL_SETTINGS
from tests.contract.test_running_once import add_user
from tests.contract.wire import ACCESS_DENIED, Account, Refusal

OWN, KEY = "its own password", "0123456789abcdef0123456789abcdef01234567"
SPEC = replace(ALL_SETTINGS, owner=None, admin_login="admin")
MARK = Mark("tests", "instance", "acme", "acme", "", "base", "19.0", "digest", in_service=True)


def looked_at(host: ContractHost, here: Account) -> DatabaseLook:
    return inside(host, here, lambda session: observe.look(session, here.login, Access.CURRENT))


def adopt(host: ContractHost, here: Account, *, quiet: bool = False, password: str = OWN) -> Account:
    async def work(session: DatabaseSession) -> None:
        await adopting.adopt(session, SPEC, MARK, Secret(password), quiet=quiet)

    inside(host, here, work)
    return here.with_password(password)


def test_with_a_second_factor_a_password_opens_nothing_and_a_key_both_doors(host: ContractHost) -> None:
    here = host.clone()
    host.ground.give_key(here.database, KEY)
    host.ground.give_second_factor(here.database)
    assert host.wire.login(here.database, "admin", here.password) is False
    with pytest.raises(Refusal) as refusal:
        here.call("res.users", "search_count", [])
    assert refusal.value.code == ACCESS_DENIED
    keyed = here.with_password(KEY)
    assert host.wire.login(here.database, "admin", KEY) == 2
    assert keyed.read_one("res.users", 2, "totp_enabled")["totp_enabled"] is True
    look = looked_at(host, keyed)
    assert (look.second_factor, look.is_admin, look.mark) == (True, True, None)


def test_a_renamed_admin_is_still_the_account_of_its_id(host: ContractHost) -> None:
    here = host.clone()
    here.call("res.users", "write", [2], {"login": "boss"}, context={"no_reset_password": True})
    assert host.wire.login(here.database, "admin", here.password) is False
    assert host.wire.login(here.database, "boss", here.password) == 2
    look = looked_at(host, replace(here, login="boss"))
    assert (look.login, look.second_factor) == ("boss", False)


def test_another_administrator_is_told_from_the_admin_account(host: ContractHost) -> None:
    here = host.clone()
    root, groups = add_user(here, "root", "hers"), "group_ids" if host.version == "19" else "groups_id"
    domain = [["module", "=", "base"], ["name", "=", "group_system"]]
    (system,) = here.call("ir.model.data", "search_read", domain, ["res_id"])
    here.call("res.users", "write", [root.uid], {groups: [[4, system["res_id"]]]})
    look = looked_at(host, root)
    assert (look.is_admin, look.login) == (False, "admin")


def test_what_is_declared_its_password_and_the_mark_are_written_and_nobody_else_is_touched(host: ContractHost) -> None:
    here = host.clone()
    host.ground.give_key(here.database, KEY)
    ada = add_user(here, "ada", "hers")
    awake = looked_at(host, host.created.renamed(here.database).with_password(here.password)).active_crons
    taken = adopt(host, here)
    look = looked_at(host, taken)
    assert look.mark == replace(MARK, uuid=look.uuid)
    assert look.settings == SPEC.settings
    assert SPEC.parameters.items() <= look.parameters.items()
    assert (look.active_crons, look.quiesced_crons, look.server_actions) == (awake, None, 0)
    assert host.wire.login(here.database, "admin", OWN) == 2
    assert host.wire.login(here.database, "admin", here.password) is False
    assert host.wire.login(here.database, "ada", "hers") == ada.uid
    assert host.wire.login(here.database, "admin", KEY) == 2, "whoever has the key revokes it"


def test_the_former_password_is_taken_by_no_worker_that_remembers_it_after_the_next_call(
    busy_host: ContractHost,
) -> None:
    host, here = busy_host, busy_host.clone()
    for _ in range(8):
        here.call("res.users", "search_count", [])
    taken = adopt(host, here)
    for _ in range(8):  # up to 18 each worker may take it once more (measured)
        taken.call("res.users", "search_count", [])
    for _ in range(8):
        with pytest.raises(Refusal) as refusal:
            here.call("res.users", "search_count", [])
        assert refusal.value.code == ACCESS_DENIED


def test_what_must_be_quiet_is_held_back_in_the_same_step(host: ContractHost) -> None:
    here = host.clone(host.created)
    awake = looked_at(host, here).active_crons
    assert awake
    taken = adopt(host, here, quiet=True)
    look = looked_at(host, taken)
    assert (look.active_crons, look.quiesced_crons) == ((), awake)


def test_what_somebody_has_marked_is_refused_whole(host: ContractHost) -> None:
    here = adopt(host, host.clone())
    before = looked_at(host, here)
    with pytest.raises(Refused, match="it belongs to fleet 'tests'"):
        adopt(host, here, password="another")
    assert looked_at(host, here) == before
    assert host.wire.login(here.database, "admin", "another") is False


def test_of_two_fleets_at_once_one_has_it_whole_and_the_other_nothing_of_it(busy_host: ContractHost) -> None:
    host, here = busy_host, busy_host.clone()
    own = {"tests": OWN, "others": "the password of another fleet"}

    def take(fleet: str) -> bool:
        async def work(session: DatabaseSession) -> None:
            await adopting.adopt(session, SPEC, replace(MARK, fleet=fleet), Secret(own[fleet]), quiet=False)

        try:
            inside(host, here, work)
        except HostError:
            return False
        return True

    with ThreadPoolExecutor() as threads:
        won = [fleet for fleet, done in zip(own, threads.map(take, own), strict=True) if done]
    (fleet,) = won
    taken = here.with_password(own[fleet])
    look = looked_at(host, taken)
    assert look.mark == replace(MARK, fleet=fleet, uuid=look.uuid)
    assert [host.wire.login(here.database, "admin", password) for name, password in own.items() if name != fleet] == [
        False
    ]


def test_what_has_a_second_factor_is_refused_whole(host: ContractHost) -> None:
    here = host.clone()
    host.ground.give_key(here.database, KEY)
    host.ground.give_second_factor(here.database)
    with pytest.raises(Refused, match="a second factor"):
        adopt(host, here.with_password(KEY))
    assert looked_at(host, here.with_password(KEY)).mark is None


def test_only_14_lets_its_uuid_be_removed_and_without_one_it_is_refused_whole(host: ContractHost) -> None:
    here = host.clone()
    ids = here.call("ir.config_parameter", "search", [["key", "=", "database.uuid"]])
    if host.version == "19":
        with pytest.raises(Refusal, match=r"You cannot delete the database\.uuid record"):
            here.call("ir.config_parameter", "unlink", ids)
        return
    here.call("ir.config_parameter", "unlink", ids)
    with pytest.raises(Refused, match=r"database\.uuid"):
        adopt(host, here)
    assert looked_at(host, here).mark is None


def test_without_the_rights_of_an_administrator_nothing_is_written(host: ContractHost) -> None:
    here = host.clone()
    ada = add_user(here, "ada", "hers")
    with pytest.raises(HostError):
        adopt(host, ada)
    assert looked_at(host, here).mark is None


def test_nobody_gets_a_mail_about_the_password(host: ContractHost) -> None:
    """19 mails a notice to the account's address whenever a password is written by its model."""
    here = host.clone()
    install(here, "mail")
    quiesce_patiently(here)
    quietly = {"no_reset_password": True, "mail_notrack": True}
    here.call("res.users", "write", [2], {"email": "boss@acme.example"}, context=quietly)
    before = here.call("mail.mail", "search_count", [])
    taken = adopt(host, here)
    assert taken.call("mail.mail", "search_count", []) == before


def test_what_an_import_reads_is_who_needs_whom_and_who_works_there(host: ContractHost) -> None:
    here = host.clone()
    add_user(here, "ada", "hers")
    add_user(here, "visitor", "theirs", "base.group_portal")
    contents = inside(host, here, observe.contents)
    assert contents.people == (("ada", "ada"),)
    assert "base" in contents.needs["web"]
    assert contents.needs.keys() == {
        name for name, state in looked_at(host, here).modules.items() if state == "installed"
    }
    assert "base" not in contents.chosen()
    assert contents.brought_by(["base", "web"]) >= {"base", "web"}
