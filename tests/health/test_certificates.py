"""The end of a host's certificate is found by a handshake, also where the certificate is not accepted, and nothing is sent."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.verdicts import Certificate
from reconciler.odoo.observe.certificates import _read, look
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import HttpxTransport
from tests.health.certificates import Made, make, needs_openssl
from tests.odoo.fault_server import Behaviour, fault_server, hanging, resetting, sending

pytestmark = needs_openssl

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[datetime], Made]:
    folder = tmp_path_factory.mktemp("certificates")
    made: dict[datetime, Made] = {}

    def get(end: datetime) -> Made:
        if end not in made:
            made[end] = make(folder, min(NOW, end) - 300 * DAY, end)
        return made[end]

    return get


def _look(made: Made, tls: TlsOptions, name: str = "localhost") -> Certificate | None:
    """Look at a server that must be sent nothing."""
    sent: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sent.append(await reader.read())
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def work() -> Certificate | None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=made.server_side) as server:
            port = server.sockets[0].getsockname()[1]
            return await look(f"https://{name}:{port}", HttpxTransport(tls).context, 5)

    found = asyncio.run(work())
    assert not any(sent)
    return found


@pytest.mark.parametrize("end", [NOW + 90 * DAY, datetime(2061, 2, 3, 4, 5, 6, tzinfo=UTC)])
def test_one_that_is_accepted(certificate: Callable[[datetime], Made], end: datetime) -> None:
    """Dates from 2050 on are written in another form."""
    made = certificate(end)
    assert _look(made, TlsOptions(ca_file=made.file)) == Certificate(end)


def test_one_that_has_expired(certificate: Callable[[datetime], Made]) -> None:
    made = certificate(NOW - 3 * DAY)
    assert _look(made, TlsOptions(ca_file=made.file)) == Certificate(NOW - 3 * DAY, "certificate has expired")


def test_one_of_an_unknown_authority(certificate: Callable[[datetime], Made]) -> None:
    found = _look(certificate(NOW + 90 * DAY), TlsOptions())
    assert found is not None
    assert found.expires_at == NOW + 90 * DAY
    assert "self-signed" in found.problem or "self signed" in found.problem


def test_one_of_another_name(tmp_path: Path) -> None:
    other = make(tmp_path, NOW - DAY, NOW + 9 * DAY, "other.example")
    found = _look(other, TlsOptions(ca_file=other.file))
    assert found is not None
    assert (found.expires_at, "ostname mismatch" in found.problem) == (NOW + 9 * DAY, True)


def test_where_any_certificate_is_taken_its_end_is_known_all_the_same(certificate: Callable[[datetime], Made]) -> None:
    assert _look(certificate(NOW - 3 * DAY), TlsOptions(verify=False)) == Certificate(NOW - 3 * DAY)


@pytest.mark.parametrize("behaviour", [sending(b"HTTP/1.1 400 Bad Request\r\n\r\n"), resetting, hanging])
def test_where_no_handshake_can_be_made_nothing_is_known(behaviour: Behaviour) -> None:
    async def work() -> Certificate | None:
        async with fault_server(behaviour, at_once=True) as server:
            return await look(server.url.replace("http:", "https:"), ssl.create_default_context(), 0.3)

    assert asyncio.run(work()) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9", "https://no-such-name.invalid"])
def test_an_address_without_tls_or_without_anybody_has_none(url: str) -> None:
    assert asyncio.run(look(url, ssl.create_default_context(), 2)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_said_to_be_unreadable(shown: bytes) -> None:
    assert _read(shown) == Certificate(problem="its date cannot be read")


@given(st.data())
def test_a_damaged_certificate_is_read_or_said_to_be_unreadable(
    certificate: Callable[[datetime], Made], data: st.DataObject
) -> None:
    whole = ssl.PEM_cert_to_DER_cert(certificate(NOW + 90 * DAY).file.read_text())
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    _read(bytes(damaged)[: data.draw(st.integers(0, len(whole)))])
