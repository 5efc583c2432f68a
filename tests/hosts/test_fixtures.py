"""A machine without Debian's packages skips the tests of real Odoo, loudly; everything else fails them."""

import pytest

pytest_plugins = ["pytester"]

_CONFTEST = """
from types import SimpleNamespace
import pytest
from tests.hosts import fixtures
from tests.hosts.debian import OdooUnavailable

pytest_plugins = ["tests.hosts.fixtures"]

class Hosts:
    def host(self, name):
        raise {problem}
    def started(self):
        log = "1 INFO all is well\\n2 ERROR connection lost\\nTraceback: why"
        return (SimpleNamespace(address=SimpleNamespace(name="real-19-plain"), log_text=lambda: log),)
    def close(self):
        pass

@pytest.fixture(scope="session", autouse=True)
def no_hosts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixtures, "RealHosts", Hosts)
        yield
"""
_TEST = """
def test_first(real_19_plain): ...
def test_second(real_14_plain): ...
"""


def _run(pytester: pytest.Pytester, problem: str) -> pytest.RunResult:
    pytester.makeini("[pytest]\nmarkers = odoo: needs a real host")
    pytester.makeconftest(_CONFTEST.format(problem=problem))
    pytester.makepyfile(_TEST)
    return pytester.runpytest_inprocess("-m", "odoo")


def test_missing_packages_skip_and_are_told_at_the_end(pytester: pytest.Pytester) -> None:
    result = _run(pytester, 'OdooUnavailable("the mirror does not answer")')
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*REAL ODOO TESTS DID NOT RUN: the mirror does not answer*"])


def test_any_other_problem_fails_the_tests(pytester: pytest.Pytester) -> None:
    result = _run(pytester, 'RuntimeError("PostgreSQL does not start")')
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*complaints of real-19-plain*", "2 ERROR connection lost", "Traceback: why"])
    result.stdout.no_fnmatch_line("*all is well*")


def test_whoever_asks_for_a_real_host_is_marked(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = odoo: needs a real host")
    pytester.makeconftest('pytest_plugins = ["tests.hosts.fixtures"]')
    pytester.makepyfile(_TEST, test_other="def test_other(): ...")
    pytester.runpytest_inprocess("-m", "not odoo").assert_outcomes(passed=1, deselected=2)
