"""The nginx that stands before a host in production: it passes on Host, and gives up long before Odoo does."""

from pathlib import Path

from tests.hosts import debian
from tests.hosts.programs import Program, free_port

READ_TIMEOUT_SECONDS = 5

_CONFIGURATION = """
daemon off;
user root;  # its temporary directories lie in the session's, which is closed to others
worker_processes 1;
pid nginx.pid-of-nginx;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_read_timeout {timeout}s;
        }}
    }}
}}
"""


class Proxy:
    """An nginx in the directory, on a port of its own, before the port `upstream` of loopback."""

    def __init__(self, directory: Path, upstream: int) -> None:
        directory.mkdir()
        self.port = free_port()
        text = _CONFIGURATION.format(port=self.port, upstream=upstream, timeout=READ_TIMEOUT_SECONDS)
        (directory / "nginx.conf").write_text(text)
        command = [str(debian.program("nginx")), "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"]
        self._program = Program(command, directory, "nginx")

    def start(self) -> None:
        """Start it unless it runs."""
        if not self._program.is_running:
            self._program.start()

    def stop(self) -> None:
        """End it."""
        self._program.kill()
