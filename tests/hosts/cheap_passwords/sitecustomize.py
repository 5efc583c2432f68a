"""Found by Python at its start, ahead of Odoo 19: hashes passwords in a thousand rounds instead of 600,000.

A check then takes a millisecond of CPU instead of a third of a second, and hosts of tests make thousands. Everything else about
passwords stays Odoo's own: when one is checked, what workers remember of it, what is stored. Benchmarks run without this.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_USERS = "odoo.addons.base.models.res_users"
_ROUNDS = 1_000


class _Cheap(importlib.abc.MetaPathFinder):
    """Finds that one module as Python does, and has its constant changed once it is loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _USERS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            raise ImportError(f"{fullname} is not where it was")
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            if not hasattr(module, "MIN_ROUNDS"):
                raise ImportError(f"{fullname} says no more by MIN_ROUNDS how passwords are hashed")
            module.MIN_ROUNDS = _ROUNDS  # type: ignore[attr-defined]

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Cheap())
