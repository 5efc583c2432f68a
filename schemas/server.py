"""Kind `server`: an Odoo host that databases live on. Field names are those of the `saas.server` model that this replaces."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from schemas.document import Part, Pausable
from schemas.references import SecretReference
from schemas.texts import FilePath, Hostname, Line, problem

OdooVersion = Literal["14.0", "15.0", "16.0", "17.0", "18.0", "19.0"]
PublicScheme = Literal["https", "http"]
ServerState = Literal["draft", "active", "maintenance", "disabled"]

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400)]

_EXAMPLE = "for example https://odoo-1.example.com"
_DEFAULT_PORTS = {"http": 80, "https": 443}


_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def normalise_url(written: str) -> str:
    """Give one address one spelling, so that the same host declared twice is seen.

    Raises:
        PydanticCustomError: it is no address of a host, or holds a password, which the message does not show.
    """
    try:
        parts = urlsplit(written)
        host, port = parts.hostname, parts.port
    except ValueError:
        # What is written is not repeated: it may hold credentials.
        raise problem("invalid-url", "'server_url' is not a valid address", _EXAMPLE) from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not written.isprintable() or " " in written or "\\" in written:
        raise problem("invalid-url", "'server_url' must start with http:// or https://", _EXAMPLE)
    if parts.username is not None or parts.password is not None:
        raise problem(
            "invalid-url",
            "'server_url' may not hold credentials",
            "use server_username, server_password, master_password",
        )
    if parts.query or parts.fragment or written.endswith(("?", "#")):
        raise problem("invalid-url", "'server_url' may not have a part after '?' or '#'")
    if not host or not host.isascii():
        raise problem("invalid-url", "'server_url' has no host name in plain letters", _EXAMPLE)
    address = f"[{host}]" if ":" in host else host
    suffix = "" if port in {None, _DEFAULT_PORTS[scheme]} else f":{port}"
    return f"{scheme}://{address}{suffix}{parts.path.rstrip('/')}"


def _check_address(written: str) -> str:
    try:
        return str(ipaddress.ip_address(written))
    except ValueError as error:
        raise problem("invalid-text", f"{written!r} is not an IP address", "for example 192.0.2.10") from error


def host_of(url: str) -> str:
    """Name what an address leads to, so that two spellings of one host are one: names of this machine, and a dot at the end."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    name = "localhost" if host in _LOOPBACK else f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{name}:{parts.port}" if parts.port else name).geturl()


ServerUrl = Annotated[str, Field(max_length=2048), AfterValidator(normalise_url)]


class Timeouts(Part):
    """How long the tool waits for a host. What changes something is never sent again after a timeout: the tool looks."""

    connect_seconds: Seconds = Field(default=10, description="To open a connection.", examples=[5])
    read_seconds: Seconds = Field(default=30, description="For the answer to a call that only reads.", examples=[60])
    create_seconds: Seconds = Field(default=900, description="To create a database.", examples=[1800])
    clone_seconds: Seconds = Field(default=600, description="To clone a template.", examples=[1200])
    modules_seconds: Seconds = Field(default=900, description="To install modules.", examples=[1800])
    backup_seconds: Seconds = Field(
        default=7200, description="To make a backup and send it, or to take one in and restore it.", examples=[14400]
    )
    rename_seconds: Seconds = Field(default=60, description="To rename a database.", examples=[120])


class Tls(Part):
    """How the host's certificate is checked."""

    verify: bool = Field(
        default=True,
        description="`false` takes any certificate: whoever is between here and the host can then read the master "
        "password.",
        examples=[False],
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="File of the authorities to trust instead of the system's, relative to the document.",
        examples=["../ca/internal.pem"],
    )


class Server(Pausable):
    """An Odoo host that databases live on."""

    usual_defaults: ClassVar[Mapping[str, object]] = {"max_instances": 50}
    withheld: ClassVar[str] = "nothing is changed on it, in none of its databases, and nothing new is placed on it"

    kind: Literal["server"] = Field(description="What this document declares.", examples=["server"])
    sequence: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="Where placement finds two servers equal, the lower sequence wins.",
        examples=[5],
    )
    server_url: ServerUrl = Field(
        description="Where the tool reaches Odoo: http or https, unique in the fleet, without credentials.",
        examples=["https://odoo-1.example.com", "http://127.0.0.1:8069"],
    )
    server_ip: Annotated[str, AfterValidator(_check_address)] | None = Field(
        default=None,
        description="IP address of the machine. Recorded and shown only, for the people who look after it.",
        examples=["192.0.2.10"],
    )
    server_port: Port = Field(
        default=8069,
        description="Port of Odoo on the machine. Recorded and shown only: the tool uses `server_url`.",
        examples=[8069],
    )
    server_username: Line | None = Field(
        default=None,
        description="Account on the machine (SSH). Recorded and shown only: this version does not log in to machines.",
        examples=["odoo"],
    )
    server_password: SecretReference | None = Field(
        default=None,
        description="Password of that account. Recorded only, by reference: this version does not use it.",
        examples=[{"env": "PROD_1_SSH_PASSWORD"}],
    )
    db_host: Line = Field(
        default="localhost",
        description="Where Odoo's PostgreSQL is, as seen from the host. Recorded and shown only: the tool talks to "
        "Odoo alone.",
        examples=["localhost", "db-1.internal"],
    )
    db_port: Port = Field(
        default=5432, description="Port of that PostgreSQL. Recorded and shown only.", examples=[5432]
    )
    db_user: Line = Field(
        default="odoo", description="Odoo's role in that PostgreSQL. Recorded and shown only.", examples=["odoo"]
    )
    db_password: SecretReference | None = Field(
        default=None,
        description="Password of that role. Recorded only, by reference: this version does not use it.",
        examples=[{"env": "PROD_1_DB_PASSWORD"}],
    )
    master_password: SecretReference = Field(
        description="The host's `admin_passwd`, which creating, cloning and renaming databases needs. There is no "
        "default.",
        examples=[{"env": "PROD_1_MASTER_PASSWORD"}, {"file": "../secrets/prod-1-master"}],
    )
    cpu_cores: int | None = Field(
        default=None, ge=1, le=100_000, description="Processor cores. Recorded and shown only.", examples=[8]
    )
    memory_gb: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Memory in GB. Shown, and weighed by `rebalance`.", examples=[32]
    )
    disk_gb: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="Disk in GB of 1,000,000,000 bytes. What was measured of its instances is counted against it by placement, "
        "`drain` and `rebalance`.",
        examples=[500],
    )
    max_instances: int = Field(
        default=100,
        gt=0,
        le=1_000_000,
        description="How many instances the server may host; capacity is counted against it.",
        examples=[100],
    )
    state: ServerState = Field(
        default="draft",
        description="draft: declared, not used yet. active: checked, then used. maintenance: keeps its instances, "
        "gets no new ones. "
        "disabled: not used, may have no instances. (Whether a server is offline is observed, not declared.)",
        examples=["active"],
    )
    domain: Hostname | None = Field(
        default=None,
        description="Instances are reached at `https://<subdomain>.<domain>`, unless `public_scheme` or `public_port` say "
        "otherwise: their `web.base.url`, which is frozen, and the address of their login pages. Left out: the tool "
        "leaves that parameter alone.",
        examples=["example.com"],
    )
    public_scheme: PublicScheme = Field(
        default="https",
        description="How customers reach instances below `domain`: `http` where nothing speaks TLS before Odoo, whose "
        "passwords then can be read on the way.",
        examples=["http"],
    )
    public_port: Port | None = Field(
        default=None,
        description="On which port customers reach instances below `domain`. Left out: that of the scheme, 443 or 80.",
        examples=[8443],
    )
    odoo_version: OdooVersion = Field(
        description="Version of Odoo on the host, as text in quotes; checked before the server is used.",
        examples=["19.0"],
    )
    max_concurrent_operations: int = Field(
        default=2,
        ge=1,
        le=32,
        description="How many operations that change something may run on the host at once.",
        examples=[2],
    )
    timeouts: Timeouts = Field(
        default=Timeouts(), description="How long to wait for the host.", examples=[{"create_seconds": 1800}]
    )
    tls: Tls = Field(
        default=Tls(), description="How its certificate is checked.", examples=[{"ca_file": "../ca/internal.pem"}]
    )

    def public_address(self, subdomain: str) -> str:
        """Return where customers reach an instance, without a path; nothing where no domain is declared."""
        return "" if self.domain is None else self.public_url(f"{subdomain}.{self.domain}")

    def public_url(self, name: str) -> str:
        """Return where customers reach what has a host name of its own on it, without a path."""
        port = self.public_port
        suffix = f":{port}" if port not in {None, _DEFAULT_PORTS[self.public_scheme]} else ""
        return f"{self.public_scheme}://{name}{suffix}"
