"""The four real hosts: two versions of Odoo, each plain and as production has it.

A host here is what an operator would see, and a little more: the truth behind it by SQL and on disk, and the power
to kill it. Tests talk to it over HTTP like anybody else.
"""

import base64
import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.hosts.distributions import Distribution, obtain, with_cheap_passwords
from tests.hosts.postgres import Cluster
from tests.hosts.programs import Program, Session, free_port
from tests.hosts.proxy import Proxy

VERSIONS = ("19", "14")
SHAPES = ("plain", "production")
HOST_NAMES = tuple(f"real-{version}-{shape}" for version in VERSIONS for shape in SHAPES)
START_PATIENCE = 90.0

_PRODUCTION = {"dbfilter": "^%d$", "workers": "2"}


@dataclass(frozen=True)
class HostAddress:
    """What a client is told of a host; `direct_url` leads past the proxy, where there is one."""

    name: str
    version: str
    shape: str
    url: str
    direct_url: str
    master_password: str


class RealHost:
    """One Odoo server with its own role, data directory and ports."""

    def __init__(self, distribution: Distribution, cluster: Cluster, directory: Path, shape: str) -> None:
        name = directory.name
        port = free_port()
        (directory / "data").mkdir(parents=True)
        (directory / "odoo.conf").write_text(_configuration(distribution, cluster, directory, shape, port))
        self._cluster = cluster
        self._directory = directory
        self._distribution = distribution
        self._odoo = _odoo_program(distribution, directory)
        self._proxy = Proxy(directory / "proxy", port) if shape == "production" else None
        direct_url = f"http://127.0.0.1:{port}"
        url = f"http://127.0.0.1:{self._proxy.port}" if self._proxy else direct_url
        self.address = HostAddress(name, distribution.version, shape, url, direct_url, _master_password(name))
        cluster.sql("postgres", f'create role "{name}" login createdb')

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives; a worker of it may still be starting."""
        return self._odoo.is_running

    def start(self) -> None:
        """Start the server unless it runs, and wait until it answers."""
        if self._proxy:
            self._proxy.start()
        if not self.is_running:
            self._odoo.start()
            self._wait_until_it_answers()

    def stop(self) -> None:
        """End the server as an operator does. The proxy stays and answers 502."""
        self._odoo.stop()

    def kill(self) -> None:
        """End the server and its workers as a crash does: at once, in the middle of whatever they do."""
        self._odoo.kill()

    def restart(self) -> None:
        """Stop and start: the workers forget every database that they knew by name."""
        self.stop()
        self.start()

    def empty(self) -> None:
        """Remove every database, and have it know of none: it may have been killed before."""
        self.drop_all()
        if self.is_running and self.address.shape == "production":
            self._odoo.replace_workers()  # in 0.1 s; a start takes 1 s (14) to 2.5 s (19)
            self._wait_until_it_answers()
        else:
            self.restart()

    def close(self) -> None:
        """End everything of this host."""
        self._odoo.kill()
        if self._proxy:
            self._proxy.stop()

    def upgrade(self, database: str) -> Program:
        """Begin what an operator does by hand after a deployment of code: upgrade base, and with it everything."""
        words = ["--no-http", "--workers=0", "--max-cron-threads=0", "-d", database, "-u", "base", "--stop-after-init"]
        program = _odoo_program(self._distribution, self._directory, *words, name="upgrade")
        program.start()
        return program

    def psql(self, database: str, sql: str, *, as_role: str | None = None) -> str:
        """The rows of the statement as text: a line a row, fields parted by "|"; by default as superuser."""
        return self._cluster.sql(database, sql, as_role or "postgres")

    def databases(self) -> list[str]:
        """The names that exist and are owned by the host's role, past everything that Odoo might hide."""
        return self._cluster.databases_of(self.address.name)

    def log_text(self) -> str:
        """The server's log of this session, all restarts included."""
        return self._odoo.log_text()

    def filestore_path(self, database: str) -> Path:
        """The folder of the database's files, whether it exists or not."""
        return self._directory / "data" / "filestore" / database

    def make_foreign_database(self, database: str) -> None:
        """A database in the same cluster that is another role's, as another Odoo host's would be."""
        self.psql("postgres", f'create database "{database}" owner postgres')

    def give_second_factor(self, database: str) -> None:
        """Have the database's admin account log in with a second factor, as its user would switch it on."""
        self.psql(database, "update res_users set totp_secret = 'JBSWY3DPEHPK3PXP' where id = 2")

    def give_key(self, database: str, key: str, login: str = "admin") -> None:
        """Give a user an API key, as Odoo keeps it; there is no way to make one by RPC on 14."""
        salt = b"salt of a test.."
        digest = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, 6000)
        coded = [base64.b64encode(part).decode().rstrip("=").replace("+", ".") for part in (salt, digest)]
        self.psql(
            database,
            "insert into res_users_apikeys (name, user_id, key, index)"
            f" select 'given', id, '$pbkdf2-sha512$6000${coded[0]}${coded[1]}', '{key[:8]}'"
            f" from res_users where login = '{login}'",
        )

    def make_stale_filestore(self, database: str) -> None:
        """A folder of files under a name that no database bears, as a drop that was cut short leaves it."""
        folder = self.filestore_path(database)
        folder.mkdir(parents=True)
        (folder / "left-over").write_text("of a database that is gone")

    def deploy_module(self, name: str, manifest: str, files: Mapping[str, str] = MappingProxyType({})) -> None:
        """Put a module, empty but for the files, where Odoo looks without being told, in the place of one of its name.

        It is read when the server is started again.
        """
        folder = self._directory / "data/addons" / f"{self._distribution.version}.0" / name
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in {"__manifest__.py": manifest, "__init__.py": "", **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)

    def deploy_field(self, module: str, version: str, column: str = "", failure: str = "") -> None:
        """Let it run code of a module of this version, which has a column, and a script that fails with these words."""
        table, _, name = column.partition(".")
        model = (
            f"class Extended(models.Model):\n    _inherit = '{table.replace('_', '.')}'\n    {name} = fields.Char()\n"
        )
        files = {"__init__.py": "from . import extended\n", "extended.py": f"from odoo import fields, models\n{model}"}
        script = {
            f"migrations/{version}/post-fail.py": f"def migrate(cr, version):\n    raise Exception({failure!r})\n"
        }
        manifest = f"{{'name': 'Of the tests', 'version': '{version}', 'depends': ['base'], 'license': 'LGPL-3'}}\n"
        self.deploy_module(module, manifest, {**(files if column else {}), **(script if failure else {})})
        self.restart()

    def remove_module(self, module: str) -> None:
        """Take the code of a module that was put there from the disk."""
        shutil.rmtree(self._directory / "data/addons" / f"{self._distribution.version}.0" / module)
        self.restart()

    def send_mails_to(self, port: int) -> None:
        """Have it send to a port of this machine where a database has no mail server of its own."""
        conf = self._directory / "odoo.conf"
        kept = [line for line in conf.read_text().splitlines() if not line.startswith("smtp_")]
        conf.write_text("\n".join([*kept, "smtp_server = 127.0.0.1", f"smtp_port = {port}", ""]))
        self.restart()

    def drop(self, database: str) -> None:
        """Remove one database and its files, past the server and at once."""
        self.psql("postgres", f'drop database if exists "{database}" with (force)')
        shutil.rmtree(self.filestore_path(database), ignore_errors=True)

    def drop_all(self) -> None:
        """Remove every database of this host and all files, past the server.

        Running workers keep what they remember of those names (Odoo keeps registries by name), so a later test
        takes names never used before, or restarts the host.
        """
        for database in self.databases():
            self.drop(database)
        shutil.rmtree(self._directory / "data" / "filestore", ignore_errors=True)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        while not answers(self.address.url):
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{self.address.name} does not start:\n{self.log_text()[-5000:]}")
            time.sleep(0.1)


class RealHosts:
    """The hosts of one test session, each obtained and started when it is first asked for."""

    def __init__(self, *, cheap_passwords: bool = True) -> None:
        self._cheap_passwords = cheap_passwords
        self._session: Session | None = None
        self._distributions: dict[str, Distribution] = {}
        self._clusters: list[Cluster] = []
        self._hosts: dict[str, RealHost] = {}

    def host(self, name: str) -> RealHost:
        """The host of this name, running. Raises OdooUnavailable where Debian's packages cannot be had."""
        if name not in self._hosts:
            _, version, shape = name.split("-")
            distribution = self._distribution(version)
            directory = self._directory() / name
            cluster = self._start_cluster(distribution, directory.with_name(f"{name}-postgres"))
            self._hosts[name] = RealHost(distribution, cluster, directory, shape)
        host = self._hosts[name]
        host.start()
        return host

    def started(self) -> tuple[RealHost, ...]:
        """Those that somebody has asked for."""
        return tuple(self._hosts.values())

    def close(self) -> None:
        """End all of them and leave nothing."""
        for host in self._hosts.values():
            host.close()
        for cluster in self._clusters:
            cluster.stop()
        if self._session:
            self._session.close()

    def _directory(self) -> Path:
        if self._session is None:
            self._session = Session()
        return self._session.directory

    def _distribution(self, version: str) -> Distribution:
        if version not in self._distributions:
            found = obtain(version)
            self._distributions[version] = with_cheap_passwords(found) if self._cheap_passwords else found
        return self._distributions[version]

    def _start_cluster(self, distribution: Distribution, directory: Path) -> Cluster:
        """A cluster for one host: names are per cluster, and two hosts must not stand in each other's way."""
        cluster = Cluster(distribution.surroundings, directory)
        self._clusters.append(cluster)  # before the start, so that one which fails is ended too
        cluster.start()
        return cluster


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a host answers the one question that needs neither a database nor a password."""
    params = {"service": "common", "method": "version", "args": []}
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).encode()
    request = urllib.request.Request(f"{url}/jsonrpc", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return "result" in json.load(reply)
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _master_password(name: str) -> str:
    return f"master-of-{name}"


def _configuration(distribution: Distribution, cluster: Cluster, directory: Path, shape: str, port: int) -> str:
    name = directory.name
    options = {
        "admin_passwd": _master_password(name),
        "db_host": "127.0.0.1",
        "db_port": cluster.port,
        "db_user": name,
        "db_password": "trusted",
        "data_dir": distribution.surroundings.inside(directory) / "data",
        "http_interface": "127.0.0.1",
        "http_port": port,
        distribution.gevent_port_option: free_port(),
        "list_db": True,
        **(_PRODUCTION if shape == "production" else {}),
    }
    return "\n".join(["[options]", *(f"{key} = {value}" for key, value in options.items()), ""])


def _odoo_program(distribution: Distribution, directory: Path, *options: str, name: str = "odoo") -> Program:
    surroundings = distribution.surroundings
    words = [*distribution.odoo, "-c", str(surroundings.inside(directory) / "odoo.conf"), *options]
    return Program(surroundings.command(words, directory), directory, name, environment=distribution.environment)
