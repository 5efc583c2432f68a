"""docs/deploying.md: the files that it copies are there, and its commands are ones that this version takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import yaml

from reconciler.version import __version__
from tests.deploy.commands import parsed
from tests.deploy.debian import ROOT

PAGE = (ROOT / "docs/deploying.md").read_text()
LONGEST = 10


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Every command line of the tool, in blocks and in the text."""
    whole = [*blocks(), *re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))]
    for text in whole:
        for line in text.replace("\\\n", " ").splitlines() if "\n" in text and text in blocks() else [text]:
            if found := re.search(
                r"odoo-fleet (?=(daemon|events|secret|validate)\b)([^|\n]*|.*)", line.replace("\n", " ")
            ):
                yield shlex.split(found.group(0))[1:]


def test_each_way_is_a_block_that_can_be_copied() -> None:
    assert len(blocks()) == 3
    assert [len(block.splitlines()) for block in blocks() if len(block.splitlines()) > LONGEST] == []


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"(?<![\w/])(?:deploy|docs)/[\w./-]+\w", PAGE))
    assert named >= {"deploy/Dockerfile", "deploy/kubernetes/odoo-fleet.yaml", "deploy/systemd/odoo-fleet.service"}
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_command_is_one_that_there_is() -> None:
    found = list(commands())
    assert {words[0] for words in found} >= {"daemon", "events", "secret"}
    for words in found:
        if words[0] == "secret":
            continue  # a group of commands: its own tests know them
        parsed(words)


def test_the_version_of_the_image_is_this_one() -> None:
    assert set(re.findall(r"odoo-fleet:(\d+\.\d+\.\d+)", PAGE)) == {__version__}


def test_the_configuration_of_prometheus_is_yaml() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(block)["scrape_configs"][0]["static_configs"] == [{"targets": ["127.0.0.1:9469"]}]
