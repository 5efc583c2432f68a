"""A database carried away, as one string or as a file of Odoo's page, and brought back under another name."""

import base64
import io
import json
import zipfile

import pytest

from reconciler.archives import archive
from reconciler.odoo.apply import neutralizing
from tests.contract.hosts import ContractHost
from tests.contract.product import inside
from tests.contract.wire import Refusal, Reply

PAGE, OCTETS = 200, "application/octet-stream"


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


def _backup(host: ContractHost, database: str, site: str, **fields: str) -> Reply:
    form = {"master_pwd": host.wire.master_password, "name": database, "backup_format": "zip", **fields}
    return host.wire.post_form("/web/database/backup", form, host=site)


def _restore(host: ContractHost, database: str, file: bytes, **fields: str) -> Reply:
    form = {"master_pwd": host.wire.master_password, "name": database, "copy": "true", **fields}
    return host.wire.post_form("/web/database/restore", form, file=file)


def test_the_page_sends_an_archive_that_is_read_to_its_last_byte(host: ContractHost) -> None:
    here = host.clone()
    here.set_parameter("odoo_fleet.code", "a\\b\tc")
    here.call("ir.attachment", "create", {"name": "a file", "datas": base64.b64encode(b"x" * 1024).decode()})
    reply = _backup(host, here.database, f"{here.database}.example.com")
    assert (reply.status, reply.content_type) == (PAGE, OCTETS)
    found = archive.read(io.BytesIO(reply.body))
    assert (found.series, found.database) == (f"{host.version}.0", here.database)
    assert found.parameters == {"database.uuid": here.parameter("database.uuid"), "odoo_fleet.code": "a\\b\tc"}
    assert found.rows["res_users"] == here.call("res.users", "search_count", [], context={"active_test": False})
    assert found.files > 0
    assert found.missing == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"master_pwd": "wrong"}, "Access Denied"), ({"name": "nobody-has-this-name"}, "Database backup error")],
)
def test_every_failure_of_the_page_is_a_page(host: ContractHost, fields: dict[str, str], said: str) -> None:
    reply = _backup(host, host.base.database, "base.example.com", **fields)
    assert (reply.status, reply.content_type) == (PAGE, "text/html")
    assert said in reply.body.decode()


def test_only_a_19_backs_up_by_its_page_what_its_filter_serves_alone(busy_host: ContractHost) -> None:
    host = busy_host
    dotted = host.clone(name=f"suspended.{host.fresh_name()}").database
    try:
        for database, site, is_served in (
            (host.base.database, f"{host.base.database}.example.com", True),
            (host.base.database, "127.0.0.1", False),
            (dotted, dotted, False),
        ):
            reply = _backup(host, database, site)
            assert reply.status == PAGE
            assert (reply.content_type == OCTETS) is (is_served or host.version == "14"), (database, site)
    finally:
        host.ground.drop(dotted)


def test_a_prepared_archive_is_restored_with_everything_held_back_and_all_files(host: ContractHost) -> None:
    source = host.clone(host.created)
    active = set(source.call("ir.cron", "search", []))
    content = base64.b64encode(b"x" * 1024).decode()
    attachment = source.call("ir.attachment", "create", {"name": "a file", "datas": content})
    server = source.call("ir.mail_server", "create", {"name": "out", "smtp_host": "localhost"})
    source.set_parameter("odoo_fleet.quiesced", "999")
    packed = io.BytesIO(_backup(host, source.database, f"{source.database}.example.com").body)
    archive.prepare(packed, "main instance/acme 2026-11-29T02-30-00Z-prod-1")
    here = source.renamed(f"building-1.{host.fresh_name()}")
    try:
        assert _restore(host, here.database, packed.getvalue()).status == 303
        assert here.call("ir.cron", "search", []) == []
        held = here.parameter("odoo_fleet.quiesced")
        assert {int(each) for each in held.split(",")} == active | {999}
        assert here.call("ir.mail_server", "search", []) == []
        assert here.parameter("odoo_fleet.quiesced_mail_servers") == str(server)
        assert here.parameter("odoo_fleet.restored_from") == "main instance/acme 2026-11-29T02-30-00Z-prod-1"
        assert here.parameter("database.uuid") != source.parameter("database.uuid")
        by_size = here.read_one("ir.attachment", attachment, "datas", context={"bin_size": True})
        assert by_size["datas"] == "1.00 Kb"
    finally:
        host.ground.drop(here.database)


def test_what_is_restored_is_neutralized_by_a_host_that_can_and_beyond_that_by_a_server_action(
    host: ContractHost,
) -> None:
    source = host.clone(host.created)
    source.call(
        "ir.mail_server", "create", {"name": "out", "smtp_host": "localhost", "smtp_user": "me", "smtp_pass": "x"}
    )
    packed = io.BytesIO(_backup(host, source.database, f"{source.database}.example.com").body)
    archive.prepare(packed, "instance/acme on one 2026-11-29T02-30-00Z")
    here = source.renamed(f"building-1.{host.fresh_name()}")
    try:
        assert _restore(host, here.database, packed.getvalue(), neutralize_database="true").status == 303
        can = host.version == "19"
        assert (here.parameter("database.is_neutralized") == "true") is can
        nowhere = [["active", "=", True], ["smtp_host", "=", "invalid"]]
        assert here.call("ir.mail_server", "search_count", nowhere) == int(can)
        alone = "it does not say that it was neutralized (database.is_neutralized)"
        by_the_host = "no mail server that leads nowhere, so that it sends by the host's own"
        live = inside(host, here, neutralizing.still_live)
        assert "1 mail servers that lead somewhere" in live
        assert (alone in live, by_the_host in live) == (not can, not can)
        assert "scheduled actions or mail servers that would wake" in live
        for _ in range(2):  # doing it twice is harmless
            inside(host, here, neutralizing.neutralize)
            assert inside(host, here, neutralizing.still_live) == []
        (server,) = here.call("ir.mail_server", "search_read", [["name", "=", "out"], ["active", "=", False]], [])
        assert (server["smtp_host"], server["smtp_user"], server["smtp_pass"]) == ("invalid", False, False)
        assert here.call("ir.mail_server", "search_count", nowhere) == 1
        assert here.call("ir.cron", "search", []) == []
        tidying = here.call("ir.model.data", "search_read", [["name", "=", "autovacuum_job"]], ["res_id"])[0]["res_id"]
        assert here.parameter("odoo_fleet.quiesced") == str(tidying)
        assert here.parameter("odoo_fleet.quiesced_mail_servers") is None
        assert source.parameter("database.is_neutralized") is None
    finally:
        host.ground.drop(here.database)


def test_a_prepared_dump_that_is_cut_fails_and_leaves_a_name_that_nobody_can_open(host: ContractHost) -> None:
    packed = io.BytesIO(_backup(host, host.base.database, f"{host.base.database}.example.com").body)
    archive.prepare(packed, "x")
    cut = io.BytesIO()
    with zipfile.ZipFile(packed) as whole, zipfile.ZipFile(cut, "w") as made:
        dump = whole.read("dump.sql")
        made.writestr("dump.sql", dump[: int(len(dump) * 0.95)])
        made.writestr("manifest.json", whole.read("manifest.json"))
    name = host.fresh_name()
    reply = _restore(host, name, cut.getvalue())
    assert reply.status == PAGE
    assert "Database restore error" in reply.body.decode()
    assert name in host.names()
    with pytest.raises(Refusal):
        host.wire.login(name, "admin", host.base.password)
    assert host.wire.manage("drop", name) is True
