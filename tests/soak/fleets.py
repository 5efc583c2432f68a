"""A fleet's directory under random edits, as people and programs write to it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.universe import fleet, instance

MOST = 12
BROKEN = (
    "kind: instance\ncode: [half a fi",
    "kind: instance\ncode: ghost\ntemplate: nowhere\nplan: starter\n",
    "<<<<<<< HEAD\n",
)


@dataclass
class Directory:
    """The text, and the files that hold it. `ports` are those of the servers, by code."""

    root: Path
    versions: dict[str, str]
    ports: dict[str, int]
    chance: random.Random
    instances: dict[str, dict[str, str]] = field(default_factory=dict)
    _made: int = 0

    def write_head(self) -> None:
        """Write all but the instances."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "fleet.yaml").write_text(self.head())

    def head(self) -> str:
        text = fleet(servers=self.versions)
        for code, port in self.ports.items():
            text = text.replace(f"http://{code}.invalid", f"http://127.0.0.1:{port}")
        # Names that lead nowhere would make every login page a failure that has nothing to do with what is tried here.
        return text.replace("domain: example.com\n", "")

    def text(self) -> str:
        """Return the whole text, as the promises are judged by it."""
        return "---\n".join([self.head(), *(instance(c, **f) for c, f in sorted(self.instances.items()))])

    def edit(self) -> str:
        """Make one edit, and say which."""
        known = sorted(self.instances)
        match self.chance.randrange(8) if known else 0:
            case 0 | 1 if len(known) < MOST:
                self._made += 1
                code = f"c{self._made}"
                where = {"server": self.chance.choice(sorted(self.versions))} if self.chance.random() < 0.6 else {}
                self._write(code, {**where, "state": "active"})
            case 2 if len(known) > 3:
                code = self.chance.choice(known)
                del self.instances[code]
                (self.root / f"{code}.yaml").unlink()
            case 3 | 4:
                code = self.chance.choice(known)
                state = "suspended" if self.instances[code]["state"] == "active" else "active"
                self._write(code, {**self.instances[code], "state": state})
            case 5:
                code = self.chance.choice(known)
                generation = self.chance.randrange(2, 4)
                self._write(
                    code, {**self.instances[code], "admin_password": f"{{derived: {{generation: {generation}}}}}"}
                )
            case _:
                code = self.chance.choice(known)
                self._write(code, {**self.instances[code], "company": f"Company {self.chance.randrange(1000)}"})
        return f"edit {code}: {self.instances.get(code, 'removed')}"

    def spoil(self) -> None:
        """Write a file that makes the fleet invalid."""
        (self.root / "broken.yaml").write_text(self.chance.choice(BROKEN))

    def mend(self) -> None:
        """Remove that file."""
        (self.root / "broken.yaml").unlink()

    def _write(self, code: str, fields: dict[str, str]) -> None:
        self.instances[code] = fields
        (self.root / f"{code}.yaml").write_text(instance(code, **fields))
