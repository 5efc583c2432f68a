"""A backup of any size takes a bounded amount of memory here: what comes in is in a file, not in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.faults.shares import EXHAUSTIVE

MOST = 200
"""MiB that a process may take in all."""

GIGABYTES = 20 if EXHAUSTIVE else 1
"""What the files of the archive are, as they lie on the host; packed they are far less."""

_STORY = """
import asyncio, http.server, os, sys, tempfile, threading, zipfile
from pathlib import Path
from reconciler.archives import archive
from reconciler.odoo.forms import Form
from reconciler.odoo.protocol import Timeout
from reconciler.odoo.transport import HttpxTransport
from schemas.secrets import Secret
from tests.archives.large import add_large
from tests.archives.samples import ATTACHMENTS, DUMP, HEAD, MANIFEST

FILES, ROWS, LARGE = 50_000, 400_000, 4
made, GIGABYTES = Path(sys.argv[1]) / "made.zip", int(sys.argv[2])

def rows():
    yield HEAD + b"COPY public.ir_attachment (id, store_fname, name) FROM stdin;\\n"
    for n in range(ROWS):
        name = b"\\\\N" if n >= FILES else f"{n % 256:02x}/{n % 256:02x}{n:038x}".encode()
        yield b"%d\\t%s\\t%s\\n" % (n, name, b"x" * 600)
    yield b"\\\\.\\n\\n" + DUMP[len(HEAD):].replace(ATTACHMENTS, b"")

with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as whole:
    with whole.open("dump.sql", "w", force_zip64=True) as dump:
        dump.writelines(rows())
    for n in range(FILES - LARGE):
        whole.writestr(f"filestore/{n % 256:02x}/{n % 256:02x}{n:038x}", b"x")
    for n in range(FILES - LARGE, FILES):
        add_large(whole, f"filestore/{n % 256:02x}/{n % 256:02x}{n:038x}", GIGABYTES * 64 // LARGE)
    whole.writestr("manifest.json", MANIFEST)

if os.fork():
    _, status = os.wait()
    sys.exit(os.waitstatus_to_exitcode(status))

class Page(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["content-length"])
        while length > 0:
            length -= len(self.rfile.read(min(length, 65536)))
        self.send_response(200)
        self.send_header("content-type", "application/octet-stream")
        self.end_headers()
        with made.open("rb") as file:
            while part := file.read(65536):
                self.wfile.write(part)
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"

async def story():
    carrier = HttpxTransport()
    with tempfile.TemporaryFile() as spool:
        await carrier.send(
            Form("backup", "acme", "", Secret("x")).request(base), timeout=Timeout(9, 99), into=spool
        )
        assert spool.tell() == made.stat().st_size, spool.tell()
        found = archive.read(spool)
        assert (found.files, found.missing_count) == (FILES, 0)
        archive.prepare(spool, "x")
        form = Form("restore", "acme", "", Secret("x"), file=spool)
        await carrier.send(form.request(base), timeout=Timeout(9, 99), into=open(os.devnull, "wb"))
    await carrier.aclose()

asyncio.run(story())
# Not `resource`: there the memory of whatever began this process counts as its own.
(most,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(made.stat().st_size >> 20, int(most.split()[1]) >> 10)
sys.stdout.flush()
os._exit(0)
"""


def test_an_archive_larger_than_the_bound_is_fetched_read_prepared_and_sent_within_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _STORY, str(tmp_path), str(GIGABYTES)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=240
    )
    assert done.returncode == 0, done.stderr
    size, taken = map(int, done.stdout.split())
    assert size > MOST, "or else it shows nothing"
    assert taken < MOST, f"{taken} MiB for an archive of {size} MiB"
