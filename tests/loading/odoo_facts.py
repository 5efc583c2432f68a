"""Write down which values Odoo itself has where a fleet's text has a field: names and codes alone, out of its data files.

`python -m tests.loading.odoo_facts > tests/loading/odoo_facts.json` reads the distributions that `make test-odoo` has unpacked
below ~/.cache/odoo-fleet. The test that uses the result reads the distributions itself where they are.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CACHE = Path.home() / ".cache" / "odoo-fleet"
DISTRIBUTIONS = {"14": "odoo-14-bullseye", "19": "odoo-19-with-scripts"}
_ADDONS = "usr/lib/python3/dist-packages/odoo/addons"
_PYTZ = {
    "14": "odoo-14-bullseye/usr/lib/python3/dist-packages/pytz/__init__.py",
    "19": "odoo-19-python-*/lib/python3*/site-packages/pytz/__init__.py",
}
_ZONES = re.compile(r"^_?all_timezones(?:_unchecked)? = \\\n(\[.*?\])", re.MULTILINE | re.DOTALL)
_KEYS = re.compile(r"""(?:[sg]et_param\(\s*|config_parameter\s*=\s*)["']([\w.@:/-]+)["']""")

Facts = dict[str, set[str]]


def facts_of(version: str, cache: Path = CACHE) -> Facts | None:
    """Read one version; None where it is not unpacked.

    Args:
        version: "14" or "19".
        cache: the directory in which the distributions are.
    """
    addons = cache / DISTRIBUTIONS[version] / _ADDONS
    if not addons.is_dir():
        return None
    found: Facts = defaultdict(set)
    for module in sorted(each for each in addons.iterdir() if (each / "__manifest__.py").is_file()):
        found["modules"].add(module.name)
        found["modules"].update(_depends(module / "__manifest__.py"))
        for file in module.rglob("*.xml"):
            _read_records(file, module.name, found)
        for file in module.rglob("*.py"):
            found["parameters"].update(_KEYS.findall(file.read_text(encoding="utf-8", errors="replace")))
    with (addons / "base/data/res.lang.csv").open(encoding="utf-8") as rows:
        found["languages"].update(row["code"] for row in csv.DictReader(rows))
    for pytz in cache.glob(_PYTZ[version]):
        for listed in _ZONES.findall(pytz.read_text(encoding="utf-8")):
            found["timezones"].update(ast.literal_eval(listed))
    return found


def _depends(manifest: Path) -> Iterator[str]:
    declared = ast.literal_eval(manifest.read_text(encoding="utf-8"))
    yield from declared.get("depends", [])


def _read_records(file: Path, module: str, found: Facts) -> None:
    """Take out of a file of data what bears a name: groups, countries, logins, parameters."""
    try:
        root = ET.parse(file).getroot()
    except ET.ParseError:
        return  # templates of JavaScript: no data
    for record in root.iter("record"):
        model, name = record.get("model"), record.get("id", "")
        fields = {each.get("name"): (each.text or "").strip() for each in record.iter("field")}
        if model == "res.groups" and name:
            found["groups"].add(name if "." in name else f"{module}.{name}")
        elif model == "res.country" and fields.get("code"):
            found["countries"].add(fields["code"].upper())
        elif model == "res.users" and fields.get("login"):
            found["logins"].add(fields["login"])
        elif model == "ir.config_parameter" and fields.get("key"):
            found["parameters"].add(fields["key"])


def main() -> int:
    """Print the facts of all versions together, each value once."""
    versions = {version: facts_of(version) for version in DISTRIBUTIONS}
    missing = [version for version, found in versions.items() if found is None]
    if missing:
        sys.stderr.write(f"Odoo {' and '.join(missing)} is not below {CACHE}: run `make test-odoo` first\n")
        return 1
    kinds = sorted({kind for found in versions.values() for kind in found or {}})
    together = {kind: sorted(set().union(*((f or {}).get(kind, set()) for f in versions.values()))) for kind in kinds}
    document = {kind: textwrap.wrap(" ".join(values), 118, break_on_hyphens=False) for kind, values in together.items()}
    json.dump(document, sys.stdout, indent=1, ensure_ascii=True)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
