"""httpx without what costs time and serves nobody here.

Its command line: where rich and click are installed it loads both, for a program that nobody calls. And the search for sniffio:
its locks import that for every request, and where it is not installed Python looks through its whole path each time.
"""

from __future__ import annotations

import importlib.util
import sys

_COMMAND_LINE = "httpx._main"
_LIBRARY_TELLER = "sniffio"
if importlib.util.find_spec(_LIBRARY_TELLER) is None:
    sys.modules[_LIBRARY_TELLER] = None  # type: ignore[assignment] # not there, and known to be

if "httpx" not in sys.modules:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment] # as if its extra `cli` were not installed

import httpx as httpx  # noqa: E402, PLC0414 -- only after that, and for others to import from here

if sys.modules.get(_COMMAND_LINE, httpx) is None:
    del sys.modules[_COMMAND_LINE]
