"""What a database is given at its build, all at once, and what it answers: plain data between the engine and the hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.model.observed import Mark
from reconciler.core.model.specs import DatabaseSpec
from schemas.secrets import Secret

Sizes = Mapping[str, str]
"""Real sizes of attached files, empty where one is missing, by attachment and content."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a clone bears of its template until it is made its own: uuid and digest of the mark."""

    uuid: str
    digest: str


@dataclass(frozen=True, slots=True)
class Furnishing:
    """What is written in one transaction, after all ways in but the admin account's were closed.

    Args:
        spec: settings, parameters, base URL, and the owner if `owner_password` is given; as `DatabaseSpec.at_birth` has them.
        origin: what a clone has to bear still, or nothing is written: the template may have been changed under it.
        password: the admin account's, given with its login; None where it has its own already.
        owner_password: the customer's first user is made with it.
        mark: the ownership mark; its uuid is the database's own, whatever it says.
        number: what workers tell databases of one name apart by is set to it.
        quiet: active scheduled actions are held back, and remembered.
        files: of so many of the newest attached files the sizes are answered, as they were found.
    """

    spec: DatabaseSpec
    origin: Origin | None = None
    password: Secret | None = None
    owner_password: Secret | None = None
    mark: Mark | None = None
    number: int | None = None
    quiet: bool = False
    files: int = 0
