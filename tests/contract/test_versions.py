"""What a host says of itself, to anybody."""

from tests.contract.hosts import ContractHost
from tests.contract.wire import REQUEST_ID


def test_version_is_told_without_a_database_or_a_password(host: ContractHost) -> None:
    version = host.wire.call("common", "version")
    assert version["server_version"] == version["server_serie"] == f"{host.version}.0"
    assert version["server_version_info"] == [int(host.version), 0, 0, "final", 0, ""]
    assert version["protocol_version"] == 1


def test_database_service_tells_the_version_too(host: ContractHost) -> None:
    assert host.wire.call("db", "server_version") == f"{host.version}.0"


def test_json_door_answers_in_an_envelope_with_the_id_of_the_question(host: ContractHost) -> None:
    reply = host.wire.json_call("common", "version")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert (reply.json["jsonrpc"], reply.json["id"]) == ("2.0", REQUEST_ID)
    assert reply.json["result"]["server_serie"] == f"{host.version}.0"


def test_languages_are_told_without_a_password_and_countries_with_the_master_password(host: ContractHost) -> None:
    assert ["en_US", "English (US)"] in host.wire.call("db", "list_lang")
    assert ["be", "Belgium"] in host.wire.manage("list_countries")
