"""The image: its parts exist, it runs with nothing but them, as nobody in particular, and a linter finds nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from reconciler.web.listening import parse_address
from tests.deploy.commands import parsed
from tests.deploy.debian import DEPLOY, ROOT
from tests.web.site import Told, served

DOCKERFILE = DEPLOY / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines()) if word]


def of(word: str) -> list[str]:
    return [rest for each, rest in instructions() if each == word]


def copied() -> list[str]:
    """What is copied from the repository."""
    return [rest.split()[0].rstrip("/") for rest in of("COPY") if not rest.startswith("--from=")]


def test_a_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_is_let_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out, so that no key and no fleet can end up in a layer"
    assert {f"!{name}" for name in copied()} == {rule for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in copied())


def test_nothing_is_fetched_by_address_and_all_that_is_installed_is_pinned() -> None:
    assert of("ADD") == []
    installs = [rest for rest in of("RUN") if "pip" in rest]
    assert installs
    assert all("--require-hashes" in rest for rest in installs if " install" in rest and "pip" in rest)


def test_what_is_pinned_is_all_that_the_daemon_and_its_stores_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["daemon"], *extras["postgresql"]]
    names = {re.split(r"[\[>=<~! ]", each)[0].lower() for each in wanted}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert names - pinned == set()


def test_it_runs_as_an_account_without_rights_that_is_known_by_number() -> None:
    assert [word for word, _ in instructions()].index("USER") > [word for word, _ in instructions()].index("ENV")
    (user,) = of("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


def test_no_secret_is_asked_for_while_it_is_built() -> None:
    assert of("ARG") == []
    assert not re.search(r"(KEY|TOKEN|PASSWORD|SECRET)\w*=", " ".join(of("ENV")))


def test_its_command_line_is_one_that_the_daemon_takes() -> None:
    (entry,), (command,) = of("ENTRYPOINT"), of("CMD")
    assert json.loads(entry) == ["odoo-fleet"]
    given = parsed(json.loads(command))
    address = parse_address(given["listen"])
    assert (address.port, address.is_loopback) == (int(of("EXPOSE")[0]), False)
    assert str(given["data"]) == of("WORKDIR")[0]


def test_what_is_copied_is_enough_to_run(tmp_path: Path) -> None:
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    where = "import reconciler.web.serving as s, reconciler.daemon.daemon; print(s.__file__)"
    for words in (["-c", where], ["-m", "reconciler", "validate", "--fleet", ROOT / "fleet"]):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert str(tmp_path) in done.stdout or words[0] == "-m"


def test_what_lies_where_it_is_called_is_not_run(tmp_path: Path) -> None:
    """It is called in a checkout, perhaps of somebody's proposal: a `click.py` there is not the one that it means."""
    (tmp_path / "click.py").write_text("raise SystemExit(99)")
    for written in (DOCKERFILE, ROOT / "Makefile"):
        (words,) = re.findall(r"python\"? ((?:-\w )*-m reconciler) ", written.read_text())
        called = [sys.executable, *words.split(), "--version"]
        done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (written, done)


def check() -> list[str]:
    """The words of the image's health check."""
    (given,) = of("HEALTHCHECK")
    words: list[str] = json.loads(given.partition("CMD ")[2])
    return words


async def checked(view: Told | None) -> int:
    """How the image's health check ends beside a daemon that looks like this, or beside none."""

    async def run(port: str) -> int:
        program = check()[2].replace(of("EXPOSE")[0], port)
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:9"}  # of no concern to it
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment, stderr=-3)
        return await process.wait()

    if view is None:
        return await run("1")
    async with served(view) as site:
        return await run(str(site.port))


def test_its_health_check_follows_the_page() -> None:
    assert check()[0] == "python"
    assert asyncio.run(checked(Told())) == 0
    assert asyncio.run(checked(Told(why_not_alive="stuck"))) != 0
    assert asyncio.run(checked(None)) != 0
