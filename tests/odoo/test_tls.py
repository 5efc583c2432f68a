"""TLS: the certificate is believed only by the authorities that the server's options name."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from reconciler.core.model.failures import ConnectionCut, HostUnreachable, NotOdoo, TlsFailure
from reconciler.health.signs import CERTIFICATE
from reconciler.health.verdicts import Vitals
from reconciler.loading.fleet_directory import load_fleet
from reconciler.odoo.protocol import NoAnswer, Request, Timeout
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import HttpxTransport, Transports
from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_world
from tests.loading.fleets import write
from tests.odoo.fault_server import Behaviour, answering, fault_server, hanging, resetting, sending

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made by openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a self-signed certificate for localhost: its file, and its key's."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    where = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *where], check=True, capture_output=True)
    return cert, key


def _server_side(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def _ask(
    options: TlsOptions, server_side: ssl.SSLContext | None, scheme: str = "https", name: str = "localhost"
) -> bytes:
    async def work() -> bytes:
        transport = HttpxTransport(options)
        try:
            async with fault_server(answering(b"hello"), server_side) as server:
                url = f"{scheme}://{name}:{server.url.rpartition(':')[2]}/jsonrpc"
                return (await transport.send(Request(url, {}, b"{}"), timeout=Timeout(2, 2))).body
        finally:
            await transport.aclose()

    return asyncio.run(work())


def _refusal(
    options: TlsOptions, server_side: ssl.SSLContext | None, scheme: str = "https", name: str = "localhost"
) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        _ask(options, server_side, scheme, name)
    return caught.value


def test_an_unknown_certificate_is_refused_before_anything_is_sent(certificate: tuple[Path, Path]) -> None:
    refusal = _refusal(TlsOptions(), _server_side(certificate))
    assert (refusal.failure, refusal.sent) == (TlsFailure, False)
    assert refusal.what == "the certificate is not accepted: self-signed certificate"
    assert "CA" in refusal.advice


def test_its_own_authority_makes_it_known(certificate: tuple[Path, Path]) -> None:
    assert _ask(TlsOptions(ca_file=certificate[0]), _server_side(certificate)) == b"hello"


def _made(folder: Path, subject: str, extensions: str, signed_by: str = "") -> None:
    """Make a key and a certificate with exactly these extensions, by another one or by itself."""
    for suffix, text in (("ext", extensions), ("cnf", "[req]\ndistinguished_name=d\n[d]\n")):
        (folder / f"{subject}.{suffix}").write_text(text)
    request = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config {0}.cnf -subj /CN={0} -keyout {0}.key -out {0}.csr"
    signing = f"-CA {signed_by}.pem -CAkey {signed_by}.key -CAcreateserial" if signed_by else "-signkey {0}.key"
    sign = "x509 -req -days 2 -in {0}.csr -out {0}.pem -extfile {0}.ext " + signing
    for command in (request, sign):
        words = ["openssl", *command.format(subject).split()]
        subprocess.run(words, check=True, capture_output=True, cwd=folder)


@pytest.mark.parametrize("declared", ["root", "between"])
def test_an_authority_that_is_declared_is_believed_as_it_is_whatever_the_version_of_python(
    declared: str, tmp_path: Path
) -> None:
    """Without `keyUsage` and not marked critical, as companies make them; or one that is itself signed by another."""
    _made(tmp_path, "root", "basicConstraints=CA:TRUE\n")
    _made(tmp_path, "between", "basicConstraints=CA:TRUE\n", signed_by="root")
    _made(tmp_path, "host", "subjectAltName=DNS:localhost\n", signed_by=declared)
    server_side = _server_side((tmp_path / "host.pem", tmp_path / "host.key"))
    assert _ask(TlsOptions(ca_file=tmp_path / f"{declared}.pem"), server_side) == b"hello"
    assert _refusal(TlsOptions(), server_side).failure is TlsFailure


def test_a_known_certificate_of_another_name_is_refused(certificate: tuple[Path, Path]) -> None:
    refusal = _refusal(TlsOptions(ca_file=certificate[0]), _server_side(certificate), name="127.0.0.1")
    assert refusal.failure is TlsFailure
    assert "127.0.0.1" in refusal.what
    assert refusal.advice == "let `server_url` have a name that the certificate bears"


def test_checking_can_be_switched_off(certificate: tuple[Path, Path]) -> None:
    assert _ask(TlsOptions(verify=False), _server_side(certificate)) == b"hello"


def _handshake_with(behaviour: Behaviour) -> NoAnswer:
    """Try TLS with a host that behaves so as soon as it is connected."""

    async def work() -> None:
        transport = HttpxTransport(TlsOptions(verify=False))
        async with fault_server(behaviour, at_once=True) as server:
            url = server.url.replace("http:", "https:")
            try:
                await transport.send(Request(url, {}, b"{}"), timeout=Timeout(0.2, 2))
            finally:
                await transport.aclose()

    with pytest.raises(NoAnswer) as caught:
        asyncio.run(work())
    return caught.value


def test_https_to_a_host_that_speaks_none_says_so() -> None:
    refusal = _handshake_with(sending(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"))
    assert (refusal.failure, refusal.sent) == (NotOdoo, False)
    assert "http://" in refusal.advice


@pytest.mark.parametrize("behaviour", [sending(b""), resetting, hanging])
def test_a_handshake_that_is_cut_or_never_ends_may_pass(behaviour: Behaviour) -> None:
    refusal = _handshake_with(behaviour)
    assert (refusal.failure, refusal.sent) == (HostUnreachable, False)


def test_http_to_a_host_that_speaks_tls_is_cut(certificate: tuple[Path, Path]) -> None:
    refusal = _refusal(TlsOptions(), _server_side(certificate), scheme="http")
    assert (refusal.failure, refusal.sent) == (ConnectionCut, True)


def test_a_host_that_wants_a_certificate_of_ours_may_have_read_the_request(certificate: tuple[Path, Path]) -> None:
    """TLS 1.3 tells only after the handshake, when the request may be out."""
    server_side = _server_side(certificate)
    server_side.verify_mode = ssl.CERT_REQUIRED
    refusal = _refusal(TlsOptions(ca_file=certificate[0]), server_side)
    assert (refusal.failure, refusal.sent) == (ConnectionCut, True)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TlsFailure, match=r"ca\.pem cannot be read"):
        HttpxTransport(TlsOptions(ca_file=path))


@pytest.mark.parametrize("by", ["its document", "the fleet's defaults"])
def test_a_file_of_authorities_lies_where_the_file_that_names_it_says(
    by: str, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """Of one of the same name that lies where the fleet's directory would lead, nothing is believed."""
    _made(tmp_path, "other", "basicConstraints=CA:TRUE\n")
    named = "tls: {ca_file: ../ca/internal.pem}"
    ours, defaults = (named, "") if by == "its document" else ("", f"defaults: {{server: {{{named}}}}}")
    server = "kind: server\ncode: prod-1\nodoo_version: '19.0'\nmaster_password: {env: MASTER}\nserver_url: "

    async def look(url: str) -> Vitals:
        write(
            tmp_path / "fleet",
            {
                "settings/fleet.yaml": f"kind: fleet\nformat: 1\ncode: test\n{defaults}\n",
                "servers/prod-1.yaml": f"{server}{url}\n{ours}\n",
                "ca/internal.pem": certificate[0].read_bytes(),
                "../ca/internal.pem": (tmp_path / "other.pem").read_bytes(),
            },
        )
        loaded = load_fleet(tmp_path / "fleet")
        assert loaded.desired is not None, loaded.diagnostics
        reach = Reach(tmp_path / "fleet", {"MASTER": "long-enough"})
        async with open_world(loaded.desired, reach, NoMemory(), lambda _event: None) as world:
            return await world.hosts["prod-1"].vitals()

    async def work() -> Vitals:
        async with fault_server(answering(b"hello"), _server_side(certificate)) as server:
            return await look(f"https://localhost:{server.url.rpartition(':')[2]}")

    found = asyncio.run(work())
    assert found.signs[CERTIFICATE.name] is not None
    assert CERTIFICATE.name not in found.problems


def test_hosts_with_the_same_options_share_a_transport() -> None:
    async def work() -> None:
        transports = Transports()
        assert transports.get(TlsOptions()) is transports.get(TlsOptions())
        assert transports.get(TlsOptions()) is not transports.get(TlsOptions(verify=False))
        await transports.aclose()

    asyncio.run(work())


def test_a_log_of_keys_that_cannot_be_written_is_named_once_and_at_once(tmp_path: Path) -> None:
    with pytest.raises(TlsFailure, match="SSLKEYLOGFILE names a file that cannot be written"):
        Transports({"SSLKEYLOGFILE": str(tmp_path / "none/keys.log")})
    Transports({"SSLKEYLOGFILE": str(tmp_path / "keys.log")})
    Transports({"SSLKEYLOGFILE": ""})
