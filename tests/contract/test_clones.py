"""What a clone has of its source, and what it has not; the truth about files is the size that the host finds on disk."""

import base64

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import Account

_SIZE = 256 * 1024
_BY_SIZE = {"context": {"bin_size": True}}


def _attach(account: Account) -> int:
    content = base64.b64encode(b"x" * _SIZE).decode()
    attachment: int = account.call("ir.attachment", "create", {"name": "a file", "datas": content})
    return attachment


def _real_size(account: Account, attachment: int) -> object:
    return account.read_one("ir.attachment", attachment, "datas", **_BY_SIZE)["datas"]


def test_clone_keeps_passwords_and_users(host: ContractHost) -> None:
    here = host.clone()
    assert host.wire.login(here.database, "admin", host.base.password) == 2


@pytest.mark.parametrize("key", ["database.uuid", "database.secret"])
def test_clone_gets_an_identity_of_its_own(key: str, host: ContractHost) -> None:
    here = host.clone()
    assert here.parameter(key)
    assert here.parameter(key) != host.base.parameter(key)


def test_clone_keeps_parameters_but_those_that_belong_to_a_database(host: ContractHost) -> None:
    source = host.clone()
    changed = {
        "our.mark": "kept",
        "web.base.url": "https://acme.example.test",
        "web.base.url.freeze": "True",
        "base.login_cooldown_after": "3",
        "base.login_cooldown_duration": "9",
    }
    for key, value in changed.items():
        source.set_parameter(key, value)
    here = host.clone(source)
    assert here.parameter("our.mark") == "kept"
    assert here.parameter("web.base.url.freeze") == "True"
    assert here.parameter("web.base.url").startswith("http://localhost:")
    assert here.parameter("base.login_cooldown_after") == "10"
    assert here.parameter("base.login_cooldown_duration") == "60"


def test_clone_of_a_quiet_database_is_quiet(host: ContractHost) -> None:
    here = host.clone()
    assert here.call("ir.cron", "search", []) == []
    assert here.call("ir.cron", "search", [], context={"active_test": False}) != []


def test_clone_has_the_files_of_its_source(host: ContractHost) -> None:
    source = host.clone()
    attachment = _attach(source)
    here = host.clone(source)
    assert _real_size(here, attachment) == _real_size(source, attachment) == "256.00 Kb"


def test_files_of_a_clone_are_its_own(host: ContractHost) -> None:
    source = host.clone()
    attachment = _attach(source)
    here = host.clone(source)
    host.wire.manage("drop", source.database)
    assert _real_size(here, attachment) == "256.00 Kb"


def test_clone_onto_a_left_over_folder_lacks_its_files_and_says_true(host: ContractHost) -> None:
    """`file_size` is a column and still lies; only the size read from disk tells."""
    source = host.clone()
    attachment = _attach(source)
    name = host.fresh_name("stale")
    host.ground.make_stale_filestore(name)
    here = host.clone(source, name)
    assert not _real_size(here, attachment)
    assert not here.read_one("ir.attachment", attachment, "datas")["datas"]
    assert here.read_one("ir.attachment", attachment, "file_size")["file_size"] == _SIZE


def test_rename_onto_a_left_over_folder_loses_the_files_until_renamed_back(host: ContractHost) -> None:
    here = host.clone()
    attachment = _attach(here)
    name = host.fresh_name("stale")
    host.ground.make_stale_filestore(name)
    assert host.wire.manage("rename", here.database, name) is True
    assert not _real_size(here.renamed(name), attachment)
    host.wire.manage("rename", name, here.database)
    assert _real_size(here, attachment) == "256.00 Kb"


def test_making_and_dropping_a_database_of_that_name_clears_the_folder(host: ContractHost) -> None:
    source = host.clone()
    attachment = _attach(source)
    name = host.fresh_name("stale")
    host.ground.make_stale_filestore(name)
    host.clone(source, name)
    host.wire.manage("drop", name)
    assert _real_size(host.clone(source, name), attachment) == "256.00 Kb"


def test_files_go_with_a_rename(host: ContractHost) -> None:
    here = host.clone()
    attachment = _attach(here)
    name = host.fresh_name()
    host.wire.manage("rename", here.database, name)
    assert _real_size(here.renamed(name), attachment) == "256.00 Kb"


def test_field_images_are_hidden_from_a_plain_search_of_attachments(host: ContractHost) -> None:
    """19 shows them to a domain on the id; 14 still hides them."""
    here = host.clone()
    plain = set(here.call("ir.attachment", "search", []))
    by_id = set(here.call("ir.attachment", "search", [["id", ">", 0]]))
    assert (by_id > plain) is (host.version == "19")
