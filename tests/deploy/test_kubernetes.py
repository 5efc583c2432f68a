"""The manifest: as Kubernetes' published schemas want it, restricted, and with a command line that the daemon takes."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from reconciler.version import __version__
from reconciler.web.listening import parse_address
from tests.deploy.commands import parsed
from tests.deploy.debian import DEPLOY

TEXT = (DEPLOY / "kubernetes/odoo-fleet.yaml").read_text()
OBJECTS: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(TEXT)}
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
NAME = {"app.kubernetes.io/name": "odoo-fleet"}


@pytest.mark.parametrize("version", ["1.28", "1.32", "1.37"])
@pytest.mark.parametrize("kind", OBJECTS)
def test_each_object_is_as_its_schema_says(kind: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[kind], version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(OBJECTS["Deployment"]).replace("livenessProbe", "livenesProbe"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.32", strict=True)


def test_its_command_line_is_one_that_the_daemon_takes() -> None:
    given = parsed(CONTAINER["args"])
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert str(given["data"]) in mounts
    assert given["token"].removeprefix("file:").rpartition("/")[0] in mounts
    assert parse_address(given["listen"]).port == CONTAINER["ports"][0]["containerPort"]


def test_the_daemon_gets_its_grace() -> None:
    assert POD["terminationGracePeriodSeconds"] > parsed(CONTAINER["args"])["grace"] + 15


def test_it_is_alive_and_ready_by_the_pages_of_those_names() -> None:
    paths = {probe: CONTAINER[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_there_is_one_and_never_two_at_once() -> None:
    spec = OBJECTS["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_it_fulfils_the_profile_restricted() -> None:
    """The pod security standard `restricted`, field by field."""
    pod, own = POD["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(POD)
    kinds = {kind for volume in POD["volumes"] for kind in set(volume) - {"name"}}
    assert kinds <= {"persistentVolumeClaim", "emptyDir", "secret"}
    assert own["readOnlyRootFilesystem"] is True
    assert POD["automountServiceAccountToken"] is False


def test_it_runs_as_the_account_of_the_image() -> None:
    user, group = re.findall(r"^USER (\d+):(\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[0]
    pod = POD["securityContext"]
    assert (pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]) == (int(user), int(group), int(group))
    assert CONTAINER["image"].endswith(f":{__version__}")


def test_no_secret_is_in_the_manifest() -> None:
    assert "Secret" not in OBJECTS
    assert "env" not in CONTAINER
    assert [each["secretRef"]["name"] for each in CONTAINER["envFrom"]] == ["odoo-fleet-environment"]


def test_the_parts_find_one_another() -> None:
    port = CONTAINER["ports"][0]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == NAME
    assert OBJECTS["Service"]["spec"]["selector"] == NAME
    assert OBJECTS["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    policy = OBJECTS["NetworkPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"] == NAME
    assert policy["ingress"][0]["ports"][0]["port"] == port["containerPort"]
    annotations = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    (claim,) = [v["persistentVolumeClaim"]["claimName"] for v in POD["volumes"] if "persistentVolumeClaim" in v]
    assert OBJECTS["PersistentVolumeClaim"]["metadata"]["name"] == claim
