"""A PostgreSQL cluster of the tests' own, on a free port of loopback.

It is as forgetful as a test's cluster may be (no fsync) and otherwise as production has it: roles decide what a host
can see, and the truth about a host is read here, past Odoo.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.hosts.programs import Program, free_port
from tests.hosts.surroundings import Surroundings

_SUPERUSER = "postgres"
_START_PATIENCE = 30.0


class Cluster:
    """A cluster in the directory, run by the PostgreSQL of the surroundings."""

    def __init__(self, surroundings: Surroundings, directory: Path) -> None:
        directory.mkdir()
        # PostgreSQL refuses to run as root; whoever is somebody else runs it as himself.
        self._user = _SUPERUSER if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(directory, self._user)
        self._surroundings = surroundings
        self._directory = directory
        self._psql = surroundings.program("psql")
        self.port = free_port()
        self._program = Program(self._server_command(), directory, "postgres", stop_signal=signal.SIGINT)

    def start(self) -> None:
        """Make the cluster and wait until it answers."""
        self.make()
        self.run()

    def make(self) -> Path:
        """Make the cluster, and return where its data and its configuration files are."""
        data = self._surroundings.inside(self._directory) / "data"
        words = ["initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--pgdata={data}"]
        words[0] = self._surroundings.program("initdb")
        self._run([*words, f"--username={_SUPERUSER}"], user=self._user)
        return self._directory / "data"

    def run(self) -> None:
        """Run the server and wait until it answers."""
        self._program.start()
        deadline = time.monotonic() + _START_PATIENCE
        while not self._answers():
            if time.monotonic() > deadline or not self._program.is_running:
                raise RuntimeError(f"PostgreSQL does not start:\n{self._program.log_text()}")
            time.sleep(0.1)

    def shut_down(self) -> None:
        """End it as an operator does, without waiting for those who are connected; `run` goes on with its data."""
        self._program.stop()

    def crash(self) -> None:
        """End it in the middle of whatever it does: what it had not written is lost, and `run` has to recover the rest.

        Not by killing it: its processes have groups of their own, and while one of them lives it cannot be run again.
        """
        pid = (self._directory / "data" / "postmaster.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGQUIT)
        self._program.stop()

    def stop(self) -> None:
        """End it at once; nothing in it is worth a shutdown."""
        self._program.kill()

    def sql(self, database: str, statement: str, role: str = _SUPERUSER) -> str:
        """The rows of the statement as text: a line a row, fields parted by "|"."""
        words = [self._psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        return self._run([*words, "-U", role, "-d", database, "-c", statement]).rstrip("\n")

    def databases_of(self, role: str) -> list[str]:
        """The names of the databases that the role owns."""
        rows = self.sql("postgres", f"select datname from pg_database where pg_get_userbyid(datdba) = '{role}'")
        return rows.splitlines()

    def _server_command(self) -> list[str]:
        inside = self._surroundings.inside(self._directory)
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": inside,
            "fsync": "off",
            "max_connections": 300,
        }
        words = [self._surroundings.program("postgres"), "-D", f"{inside / 'data'}"]
        words += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return self._surroundings.command(words, self._directory, user=self._user)

    def _answers(self) -> bool:
        try:
            self.sql("postgres", "select 1")
        except RuntimeError:
            return False
        return True

    def _run(self, words: list[str], user: str | None = None) -> str:
        command = self._surroundings.command(words, self._directory, user)
        done = subprocess.run(command, cwd=self._directory, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {words[-1]}\n{done.stderr}")
        return done.stdout
