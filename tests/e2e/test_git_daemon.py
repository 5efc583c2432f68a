"""The daemon in git mode against a bare repository and a real Odoo 19."""

from pathlib import Path

from tests.daemon.git_story import tell
from tests.harness.real_fleet import RealFleet, instance, template
from tests.hosts.real_hosts import RealHost


def test_a_push_a_revert_rubbish_and_a_restart(tmp_path: Path, real_19_production: RealHost) -> None:
    real_19_production.empty()
    fleet = RealFleet(tmp_path / "fleet", real_19_production)
    n = fleet.suffix
    fleet.write(template(n))
    head = (tmp_path / "fleet" / "fleet.yaml").read_text()
    documents = {f"acme{n}": instance(f"acme{n}"), f"beta{n}": instance(f"beta{n}")}
    tell(tmp_path, head, documents, fleet.environ, lambda: set(real_19_production.databases()))
