"""What the clones of a template are compared with, and whether it is one that can be cloned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.core.model import module_operations
from reconciler.core.model.failures import ProofFailed
from reconciler.core.model.furnishing import Origin, Sizes
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import claims, template_versions
from reconciler.engine.ports import Database


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """What a template's clones are compared with, and whose logins they are born with. `made_of` is its version.

    `unknown` are modules that instances of it are to lack and of which it knows none by that name.
    """

    database: Database
    origin: Origin
    files: Sizes
    logins: frozenset[str]
    modules: frozenset[str]
    made_of: str = ""
    unknown: tuple[str, ...] = ()


async def source_of(
    database: Database, access: Access, template: DatabaseSpec, at: dict[str, str], modules_asked: Collection[str] = ()
) -> TemplateSource:
    """Look at a template before it is cloned, and whether it knows the modules that are asked for.

    Raises:
        ProofFailed: it is not ready: another template, or one that is being changed.
    """
    look = await database.look(modules_asked)
    digest = _require_ready(template, look, access, at)
    modules = frozenset(name for name, state in look.modules.items() if state == module_operations.INSTALLED)
    made_of = look.mark.made_of if look.mark else ""
    origin, files, logins = Origin(look.uuid, digest), await database.file_sizes(), await database.logins()
    return TemplateSource(database, origin, files, logins, modules, made_of, look.unknown)


def require_files(source: TemplateSource, files: Sizes, at: dict[str, str]) -> None:
    """Demand of a clone that all files of its template came along.

    Raises:
        ProofFailed: some did not.
    """
    if any(files.get(key) != size for key, size in source.files.items()):
        raise ProofFailed("the host says that it cloned the template, but files are missing", **at)


def _require_ready(template: DatabaseSpec, look: DatabaseLook, access: Access, at: dict[str, str]) -> str:
    """Demand that a template is ours and whole, as its text says or, while a new version waits, as an earlier one did."""
    doubt = claims.doubt(look, template, None)
    if doubt is not None:
        raise ProofFailed(f"the template is not ready: {doubt.why}", **at)
    if busy := module_operations.pending(look.modules):  # a clone would end that work, and be half-made
        raise ProofFailed(f"the template is not ready: modules {', '.join(busy)} are being changed", **at)
    mark = look.mark
    is_whole = mark is not None and mark.digest and not mark.moving_from
    is_served = template_versions.is_other(template, mark) and access is Access.CURRENT
    if mark is None or not is_whole or not (mark.digest == template.digest() or is_served):
        raise ProofFailed("the template is not ready: it is being changed, or a change of it was cut short", **at)
    return mark.digest
