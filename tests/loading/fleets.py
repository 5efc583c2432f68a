"""Small fleets for tests: texts by path, written to a directory and loaded; problems come back as the lines that people see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.loading.fleet_directory import Loaded, load_fleet

BASE = """\
kind: fleet
format: 1
code: test
secret_key: {env: KEY}
---
kind: server
code: prod-1
server_url: https://odoo-1.example.com
odoo_version: "19.0"
master_password: {env: MASTER_1}
state: active
---
kind: server
code: prod-2
server_url: https://odoo-2.example.com
odoo_version: "16.0"
master_password: {env: MASTER_2}
state: active
---
kind: template
code: restaurant
servers: [prod-1]
---
kind: plan
code: starter
"""

INSTANCE = """\
kind: instance
code: acme
template: restaurant
plan: starter
"""


def write(directory: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a directory."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def load(directory: Path, files: Mapping[str, str | bytes]) -> Loaded:
    """Write a fleet (with BASE as base.yaml, unless it has its own) and load it as `fleet`, from where it lies."""
    write(directory / "fleet", {"base.yaml": BASE, **files})
    before = Path.cwd()
    os.chdir(directory)
    try:
        return load_fleet("fleet")
    finally:
        os.chdir(before)


def problems(directory: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """The problems of a fleet, as lines."""
    return [str(problem) for problem in load(directory, files).diagnostics]
