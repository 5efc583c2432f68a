"""Names of problems that stay the same while the text around them moves, so that reviewers see what is new and what was fixed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from reconciler.fleet.diagnostics import Diagnostic

_PLACE = re.compile(r":\d+:\d+")


def fingerprints(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Return a fingerprint for each problem, unique among them; no line number goes into it."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for each in diagnostics:
        # A message may name another place: `the first is at fleet/base.yaml:1:7`.
        what = (each.range.file, each.code, _PLACE.sub("", f"{each.message} ({each.hint})"))
        found.append(hashlib.sha256("\0".join((*what, str(seen[what]))).encode(errors="replace")).hexdigest())
        seen[what] += 1
    return found
