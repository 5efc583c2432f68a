"""The systemd unit: its command line is right, it outlives the daemon's grace, and systemd's own tools find it good."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reconciler.web.listening import parse_address
from tests.deploy.commands import parsed
from tests.deploy.debian import DEPLOY, said, systemd_analyze
from tests.hosts import debian

SYSTEMD = DEPLOY / "systemd"
UNIT = (SYSTEMD / "odoo-fleet.service").read_text()
SETTINGS = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
OPTIONS = dict(re.findall(r"^(\w+)=(.*)$", (SYSTEMD / "daemon.env").read_text(), re.MULTILINE))["ODOO_FLEET_OPTIONS"]
# systemd's scale goes from 0 to 10; what the service needs of the machine (the network, a socket of systemd's) costs 1.2.
EXPOSURE = 15  # tenths


def command() -> list[str]:
    return shlex.split(SETTINGS["ExecStart"].replace("$ODOO_FLEET_OPTIONS", OPTIONS))


def test_its_command_line_is_one_that_the_daemon_takes() -> None:
    program, *words = command()
    given = parsed(words)
    assert program == "/opt/odoo-fleet/bin/odoo-fleet"
    assert given["data"] == Path("/var/lib") / SETTINGS["StateDirectory"]
    assert given["url"].startswith("https://")
    assert parse_address(given["listen"]).is_loopback


def test_the_token_is_where_systemd_puts_it() -> None:
    name, _, directory = SETTINGS["LoadCredential"].partition(":")
    place = f"file:/run/credentials/odoo-fleet.service/{name}_git-token"
    assert directory == "/etc/odoo-fleet/secrets"
    assert parsed(command()[1:])["token"] == place


def test_no_secret_is_in_the_files_or_the_environment() -> None:
    assert "PASSWORD" not in UNIT.upper().replace("ASKPASS", "")
    assert not re.search(r"^Environment=.*(KEY|TOKEN|SECRET)", UNIT, re.MULTILINE | re.IGNORECASE)


def test_it_is_not_killed_before_the_grace_of_running_calls_is_over() -> None:
    assert int(SETTINGS["TimeoutStopSec"]) > parsed(command()[1:])["grace"] + 30
    assert (SETTINGS["KillMode"], SETTINGS["Type"]) == ("mixed", "notify")


def test_wrong_usage_is_not_tried_again_and_a_standstill_is() -> None:
    assert (SETTINGS["Restart"], SETTINGS["RestartPreventExitStatus"]) == ("on-failure", "64")
    assert int(SETTINGS["WatchdogSec"]) >= 60


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as on a machine where the program is installed, which is all that systemd looks up beside it."""
    path = tmp_path / "odoo-fleet.service"
    path.write_text(UNIT.replace("/opt/odoo-fleet/bin/odoo-fleet", "/bin/true"))
    return path


@pytest.mark.deploy
def test_systemd_understands_all_of_it(unit: Path) -> None:
    assert said(systemd_analyze(), "verify", unit) == (0, "")


@pytest.mark.deploy
def test_systemd_would_make_the_account_that_the_unit_names() -> None:
    systemd_analyze()  # the same package
    code, text = said(
        debian.program("systemd-sysusers"), "--dry-run", "--root=/nowhere", SYSTEMD / "odoo-fleet.sysusers"
    )
    assert (code, f"Creating user '{SETTINGS['User']}'" in text) == (0, True), text


@pytest.mark.deploy
def test_systemd_finds_a_misspelt_setting(unit: Path) -> None:
    unit.write_text(UNIT.replace("ProtectClock", "ProtectClok"))
    assert "ProtectClok" in said(systemd_analyze(), "verify", unit)[1]


@pytest.mark.deploy
def test_systemd_finds_it_hardly_exposed(unit: Path) -> None:
    code, text = said(systemd_analyze(), "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)
    assert code == 0, text
