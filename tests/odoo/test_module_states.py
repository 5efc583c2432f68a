"""When modules changed: what is believed of the answer."""

from datetime import UTC, datetime

import pytest

from reconciler.core.model.failures import UnexpectedAnswer
from reconciler.odoo.module_states import read_last_change
from tests.odoo.scripted import failure_of, run, scripted, session, value


def test_a_moment_is_utc_which_odoo_does_not_say() -> None:
    host = scripted(value([{"id": 7, "write_date": "2026-11-24 11:59:30"}]))
    assert run(read_last_change(session(host))) == datetime(2026, 11, 24, 11, 59, 30, tzinfo=UTC)
    assert host.sent()["args"][6]["order"] == "write_date desc"


def test_where_no_module_was_ever_written_nobody_knows() -> None:
    assert run(read_last_change(session(scripted(value([]))))) is None


@pytest.mark.parametrize("answer", ["yesterday", "2026-11-24", False, 1])
def test_anything_else_is_no_answer_of_odoos(answer: object) -> None:
    host = scripted(value([{"id": 7, "write_date": answer}]))
    assert isinstance(failure_of(read_last_change(session(host))), UnexpectedAnswer)
