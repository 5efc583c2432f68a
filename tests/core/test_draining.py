"""Where the instances of a server would go: where they have room, what they need, and what is like what they have."""

from __future__ import annotations

from reconciler.core.diffs.draining import ProposedMove, drain
from reconciler.core.model import observed
from reconciler.core.model.inventory import Inventory, Usage
from reconciler.core.model.observed import Observed
from reconciler.core.policies.usage import GIGABYTE
from tests.core.scenes import NOW
from tests.harness.universe import SERVER, fleet, instance, read

FOUR = ("one", "two", "three", "four")


def proposed(
    *documents: str,
    listed: dict[str, tuple[str, ...]] | None = None,
    fields: dict[str, str] | None = None,
    sizes: dict[str, int] | None = None,
    **versions: str,
) -> list[ProposedMove]:
    """Drain the server `one` of a fleet in which each host lists the template and what is named."""
    servers = {code: versions.get(code, "19.0") for code in FOUR}
    text = fleet(*documents, servers=servers)
    for code, more in (fields or {}).items():
        here = SERVER.format(code=code, version=servers[code])
        text = text.replace(here, here + more + "\n")
    desired = read(text)
    hosts = {
        code: observed.host(code, ("template_base", *(listed or {}).get(code, ())), version=version)
        for code, version in servers.items()
    }
    memory = Inventory(usage={code: Usage(1, size * GIGABYTE, NOW) for code, size in (sizes or {}).items()})
    return list(drain(desired, Observed(hosts), memory, NOW, desired.servers["one"]))


def test_the_emptiest_first_and_each_that_is_proposed_counts() -> None:
    here = [instance(code, server="one") for code in ("aa", "bb", "cc", "dd")]
    found = proposed(*here, listed={"one": ("aa", "bb", "cc", "dd")}, four="18.0")
    assert [(p.code, p.server) for p in found] == [("aa", "three"), ("bb", "two"), ("cc", "three"), ("dd", "two")]


def test_what_is_labelled_like_what_they_have_comes_before_what_is_emptier() -> None:
    labels = {"one": "labels: {region: eu}", "four": "labels: {region: eu}"}
    others = {"one": ("acme",), "four": ("suspended.x", "suspended.y")}
    found = proposed(instance("acme", server="one"), listed=others, fields=labels)
    assert found == [ProposedMove("acme", "four")]


def test_one_that_names_no_server_goes_with_them_and_those_of_other_servers_and_absent_ones_do_not() -> None:
    documents = [instance("placed"), instance("there", server="two"), instance("gone", server="one", state="absent")]
    found = proposed(*documents, listed={"one": ("placed", "gone"), "two": ("there",)}, three="18.0", four="18.0")
    assert found == [ProposedMove("placed", "two")]


def test_a_disk_that_what_was_measured_fills_takes_no_more() -> None:
    documents = [instance("acme", server="one"), instance("large", server="two")]
    where: dict[str, tuple[str, ...]] = {"one": ("acme",), "two": ("large",)}
    found = [
        proposed(
            *documents, listed=where, fields={"two": "disk_gb: 100"}, sizes={"large": size}, three="18.0", four="18.0"
        )
        for size in (60, 90)
    ]
    assert [(p.server, p.why.partition(";")[0]) for (p,) in found] == [("two", ""), ("", "four: it runs Odoo 18.0")]


def test_where_it_fits_nowhere_each_server_says_why() -> None:
    (found,) = proposed(
        instance("acme", server="one"),
        listed={"one": ("acme",), "three": ("acme",)},
        fields={"four": "max_instances: 1"} | {"two": "paused: true"},
    )
    assert (found.server, found.why) == ("four", "")
    (found,) = proposed(
        instance("acme", server="one"),
        listed={"one": ("acme",), "three": ("acme",), "four": ("suspended.x",)},
        fields={"four": "max_instances: 1", "two": "paused: true"},
    )
    assert found.why == (
        "four: 0 % free, below the 20 % that placement keeps; three: a database acme is there; two: it is paused"
    )
    (found,) = proposed(
        "kind: instance\ncode: acme\nclone_of: of\nplan: starter\nserver: one\n", instance("of", server="one")
    )[:1]
    assert found.why.startswith("it is a copy")
