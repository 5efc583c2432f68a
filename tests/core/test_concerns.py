"""Which servers an edit concerns: those are asked at once, the others at their time."""

import pytest

from reconciler.core.model.observed import host
from reconciler.daemon.concerns import concerned_servers
from tests.harness.universe import fleet, instance, read

THREE = {"one": "19.0", "two": "19.0", "three": "19.0"}
KNOWN = {code: host(code, ("free",) if code == "two" else (), version="19.0") for code in THREE}
PINNED = instance("acme", server="one")
FREE = instance("free")  # names no server; its database is on two
BEFORE = fleet(PINNED, FREE, servers=THREE)
CHANGED_SERVER = BEFORE.replace("code: three\n", "code: three\nmax_instances: 7\n")


@pytest.mark.parametrize(
    ("after", "concerned"),
    [
        (BEFORE, set()),
        (fleet(instance("acme", server="one", company="New"), FREE, servers=THREE), {"one"}),
        (fleet(instance("acme", server="three"), FREE, servers=THREE), {"one", "three"}),
        (fleet(FREE, servers=THREE), {"one"}),
        (fleet(PINNED, instance("free", company="New"), servers=THREE), {"two"}),
        (fleet(PINNED, instance("other", renamed_from="free"), servers=THREE), {"two"}),
        (fleet(PINNED, FREE, instance("new"), servers=THREE), set(THREE)),
        (BEFORE.replace("code: starter\n", "code: starter\nmodules: [contacts]\n", 1), {"one", "two"}),
        (BEFORE.replace("modules: [base, web, mail]", "modules: [base, web]"), set(THREE)),
        (BEFORE.replace("code: demo\n", "code: demo\npaused: true\n"), set(THREE)),
        (CHANGED_SERVER, set(THREE)),
    ],
)
def test_an_edit_concerns_where_its_documents_are_or_may_be(after: str, concerned: set[str]) -> None:
    assert concerned_servers(read(BEFORE), read(after), KNOWN) == concerned


def test_the_first_text_concerns_all() -> None:
    assert concerned_servers(None, read(BEFORE), {}) == set(THREE)
