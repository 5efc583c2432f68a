"""Certificates made by openssl: self-signed, for a name, with a beginning and an end of one's choice."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by openssl")

_SETTINGS = """\
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index.txt
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[ext]
subjectAltName = DNS:{name},IP:127.0.0.1
basicConstraints = CA:TRUE
"""


@dataclass(frozen=True)
class Made:
    """A certificate: its file, and its key's."""

    file: Path
    key: Path

    @property
    def server_side(self) -> ssl.SSLContext:
        """A server's side of TLS with it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make(folder: Path, begin: datetime, end: datetime, name: str = "localhost") -> Made:
    """Make a certificate. (`openssl ca`, since `openssl req` takes no dates before 3.4.)"""
    made = Made(folder / f"{name}-{end:%Y%m%d}.pem", folder / f"{name}-{end:%Y%m%d}.key")
    request, settings = folder / "request.csr", folder / "ca.cnf"
    (folder / "index.txt").write_text("")
    settings.write_text(_SETTINGS.format(folder=folder, name=name))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", "-new", *curve, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
    dates = ["-startdate", f"{begin:%Y%m%d%H%M%S}Z", "-enddate", f"{end:%Y%m%d%H%M%S}Z"]
    how = ["-batch", "-selfsign", "-notext", "-config", str(settings), "-extensions", "ext"]
    _openssl("ca", *how, *dates, "-keyfile", made.key, "-in", request, "-out", made.file)
    return made


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
