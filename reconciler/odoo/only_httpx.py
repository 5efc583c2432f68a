"""httpx without its command line: where rich and click are installed it loads both, for a program that nobody here calls."""

from __future__ import annotations

import sys

_COMMAND_LINE = "httpx._main"
if "httpx" not in sys.modules:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment] # as if its extra `cli` were not installed

import httpx as httpx  # noqa: E402, PLC0414 -- only after that, and for others to import from here

if sys.modules.get(_COMMAND_LINE, httpx) is None:
    del sys.modules[_COMMAND_LINE]
