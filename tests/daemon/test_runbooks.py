"""Each thing that a daemon can tell has a runbook under its own name, and each runbook is about something that is told."""

import re
from pathlib import Path

from reconciler.notices.notices import NoticeName

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks.md"


def test_every_notice_has_a_runbook_and_every_runbook_a_notice() -> None:
    headings = re.findall(r"^### (.+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(name.value for name in NoticeName)
