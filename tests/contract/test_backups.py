"""A database carried away as one string and brought back under another name."""

import base64
import io
import json
import zipfile

import pytest

from tests.contract.hosts import ContractHost
from tests.contract.wire import Refusal


def _dump(host: ContractHost, database: str) -> str:
    dumped: str = host.wire.manage("dump", database, "zip")
    return dumped


def test_dump_is_a_zip_that_tells_what_it_is_of(host: ContractHost) -> None:
    here = host.clone()
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(_dump(host, here.database)))) as dump:
        manifest = json.loads(dump.read("manifest.json"))
        assert "dump.sql" in dump.namelist()
    assert manifest["odoo_dump"] == "1"
    assert manifest["db_name"] == here.database
    assert manifest["version"] == f"{host.version}.0"
    assert manifest["modules"]["base"].startswith(f"{host.version}.0.")


def test_restored_database_is_the_dumped_one_and_a_copy_gets_an_identity_of_its_own(host: ContractHost) -> None:
    source = host.clone()
    source.set_parameter("our.mark", "kept")
    content = base64.b64encode(b"x" * 1024).decode()
    attachment = source.call("ir.attachment", "create", {"name": "a file", "datas": content})
    dump = _dump(host, source.database)
    uuids = []
    for is_copy in (False, True):
        here = source.renamed(host.fresh_name())
        assert host.wire.manage("restore", here.database, dump, is_copy) is True
        assert host.wire.login(here.database, "admin", source.password) == 2
        assert here.parameter("our.mark") == "kept"
        by_size = here.read_one("ir.attachment", attachment, "datas", context={"bin_size": True})
        assert by_size["datas"] == "1.00 Kb"
        uuids.append(here.parameter("database.uuid"))
    assert uuids[0] == source.parameter("database.uuid")
    assert uuids[1] != uuids[0]


def test_restore_onto_an_existing_name_is_refused(host: ContractHost) -> None:
    dump = _dump(host, host.base.database)
    with pytest.raises(Refusal, match="Database already exists"):
        host.wire.manage("restore", host.base.database, dump)
