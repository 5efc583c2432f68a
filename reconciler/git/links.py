"""Where the links of a commit lead, found in the commit alone: no disk is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MOST_LINKS = 40


class Outside(Exception):
    """The link leads out of the repository."""


class BrokenLink(Exception):
    """The link leads to nothing, or in circles."""


class Tree:
    """The names of a commit.

    Args:
        files: paths of what is not a link.
        targets: the links, by path, with what they say.
    """

    def __init__(self, files: Iterable[str], targets: Mapping[str, str]) -> None:
        self.targets = targets
        self._files = frozenset(files)
        self._names = sorted((*self._files, *targets))
        self._directories = {""}
        for name in self._names:
            parent = name.rpartition("/")[0]
            while parent not in self._directories:
                self._directories.add(parent)
                parent = parent.rpartition("/")[0]

    def resolve(self, link: str) -> str:
        """Return the path that a link leads to in the end, "" for the root: a file or a directory, never a link.

        Raises:
            Outside: it leads out of the repository, if only on its way.
            BrokenLink: there is nothing, or it leads in circles.
        """
        at = ""
        todo = link.split("/")
        followed = 0
        while todo:
            name = todo.pop(0)
            if name in {"", "."}:
                continue
            if name == "..":
                if not at:
                    raise Outside
                at = at.rpartition("/")[0]
                continue
            here = f"{at}/{name}" if at else name
            if here in self.targets:
                followed += 1
                if followed > _MOST_LINKS:
                    raise BrokenLink
                target = self.targets[here]
                if target.startswith("/"):
                    raise Outside
                todo[:0] = target.split("/")
            elif here in self._directories:
                at = here
            elif here in self._files and not any(part not in {"", "."} for part in todo):
                return here
            else:
                raise BrokenLink
        return at

    def below(self, path: str) -> list[str]:
        """Return what lies at a path and below it: files and links."""
        if not path:
            return self._names
        return [name for name in self._names if name == path or name.startswith(f"{path}/")]
