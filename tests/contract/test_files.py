"""Files that are not where their database is: how it is told, and how one is stored again under the name that it had.

The simulator keeps how long a content is, and not its bytes: what is compared here byte for byte is zeros.
"""

import base64
import struct
import zlib
from collections.abc import Mapping

import pytest

from reconciler.odoo.apply import settings
from reconciler.odoo.observe import databases
from tests.contract.hosts import ContractHost
from tests.contract.product import inside
from tests.contract.wire import Account

_BY_SIZE = {"context": {"bin_size": True}}
_AS_IT_IS = {"context": {"image_no_postprocess": True}}
_PLAIN: Mapping[str, object] = {"name": "a file", "mimetype": "application/pdf"}
_IN_A_FIELD: Mapping[str, object] = {"res_model": "res.partner", "res_id": 1, "res_field": "image_1920"}


def _zeros(length: int) -> str:
    return base64.b64encode(bytes(length)).decode()


def _picture(width: int) -> str:
    """A black PNG so many pixels wide."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(width + 1))), chunk(b"IEND", b"")]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def _store(account: Account, datas: str, **values: object) -> int:
    made: int = account.call("ir.attachment", "create", {**_PLAIN, "datas": datas, **values}, **_AS_IT_IS)
    return made


def _row(account: Account, attachment: int) -> dict[str, object]:
    return account.read_one("ir.attachment", attachment, "store_fname", "datas", "mimetype", "file_size", "checksum")


def _left_behind(host: ContractHost, account: Account) -> Account:
    """The same database under a name at which none of its files are."""
    name = host.fresh_name("stale")
    host.ground.make_stale_filestore(name)
    assert host.wire.manage("rename", account.database, name) is True
    return account.renamed(name)


@pytest.mark.parametrize("values", [{}, _IN_A_FIELD], ids=["file", "picture of a field"])
def test_content_written_again_is_stored_under_the_name_that_its_row_has(
    host: ContractHost, values: Mapping[str, object]
) -> None:
    here = host.clone()
    attachment = _store(here, _zeros(3000), **values)
    before = _row(here, attachment)
    there = _left_behind(host, here)
    assert not _row(there, attachment)["datas"]
    again = {"datas": before["datas"], "mimetype": before["mimetype"]}
    there.call("ir.attachment", "write", [attachment], again, **_AS_IT_IS)
    assert _row(there, attachment) == before
    host.wire.manage("rename", there.database, here.database)


def test_product_reads_files_where_they_are_and_stores_them_where_they_are_missing(host: ContractHost) -> None:
    here = host.clone()
    attachment = _store(here, _zeros(3000))
    key = f"{attachment}/{_row(here, attachment)['store_fname']}"
    held = inside(host, here, lambda session: databases.read_files(session, [key]))
    assert held == {key: {"datas": _zeros(3000), "mimetype": "application/pdf"}}
    there = _left_behind(host, here)
    assert not inside(host, there, lambda session: databases.file_sizes(session, ids=[key]))[key]
    inside(host, there, lambda session: settings.write_files(session, held))
    assert inside(host, there, lambda session: databases.file_sizes(session, ids=[key])) == {key: "2.93 Kb"}


def test_product_stores_nothing_under_a_row_that_names_another_content_or_is_gone(host: ContractHost) -> None:
    here = host.clone()
    theirs, gone = _store(here, _zeros(3000)), _store(here, _zeros(4000))
    here.call("ir.attachment", "unlink", [gone])
    before = _row(here, theirs)
    content = {"datas": _zeros(5000), "mimetype": "application/pdf"}
    files = {f"{theirs}/ab/{'ab' * 20}": content, f"{gone}/ab/{'ab' * 20}": content}
    inside(host, here, lambda session: settings.write_files(session, files))
    assert _row(here, theirs) == before


@pytest.mark.parametrize("mimetype", ["image/png", "image/svg+xml", "text/html"])
def test_product_stores_a_picture_or_a_page_again_as_it_was(host: ContractHost, mimetype: str) -> None:
    """19 makes a picture smaller that is wider than 1920 pixels, and a page of somebody who may not write views plain text."""
    here = host.clone()
    attachment = _store(here, _picture(2500), mimetype=mimetype)
    before = _row(here, attachment)
    key = f"{attachment}/{before['store_fname']}"
    held = inside(host, here, lambda session: databases.read_files(session, [key]))
    there = _left_behind(host, here)
    inside(host, there, lambda session: settings.write_files(session, held))
    after = _row(there, attachment)
    assert {**after, "datas": ""} == {**before, "datas": ""}
    assert after["datas"]


def test_attachments_that_are_gone_are_left_out_of_what_is_asked_by_id(host: ContractHost) -> None:
    here = host.clone()
    kept, gone = _store(here, _zeros(3000)), _store(here, _zeros(4000))
    here.call("ir.attachment", "unlink", [gone])
    domain = [["id", "in", [kept, gone, 10**6]], ["store_fname", "!=", False]]
    rows = here.call("ir.attachment", "search_read", domain, ["store_fname", "datas"], **_BY_SIZE)
    assert [(row["id"], row["datas"]) for row in rows] == [(kept, "2.93 Kb")]
    keys = [f"{number}/any" for number in (kept, gone, 10**6)]
    sizes = inside(host, here, lambda session: databases.file_sizes(session, ids=keys))
    assert list(sizes.values()) == ["2.93 Kb"]
    assert set(inside(host, here, lambda session: databases.read_files(session, keys))) == {keys[0]}


def test_product_sees_the_pictures_of_fields(host: ContractHost) -> None:
    """Customers change them like files: those of 14 are in no search, and nobody must lose one for that."""
    here = host.clone()
    attachment = _store(here, _zeros(3000), **_IN_A_FIELD)
    sizes = inside(host, here, databases.file_sizes)
    key = f"{attachment}/{_row(here, attachment)['store_fname']}"
    assert sizes.get(key) == "2.93 Kb"
    assert set(inside(host, here, lambda session: databases.read_files(session, [key]))) == {key}


def test_stored_files_are_read_by_their_names_and_those_that_nobody_has_are_not_there(host: ContractHost) -> None:
    here = host.clone()
    names = [str(_row(here, _store(here, _zeros(length)))["store_fname"]) for length in (10, 2000)]
    found = inside(host, here, lambda session: databases.read_stored(session, [*names, "ab/" + "ab" * 20]))
    assert found == {names[0]: bytes(10), names[1]: bytes(2000)}
