"""What a fresh look has to show of a database before it is published, or of what was changed in one."""

from __future__ import annotations

from reconciler.core.diffs import fields
from reconciler.core.model.failures import ProofFailed
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import claims
from reconciler.engine.patience import insist
from reconciler.engine.ports import Clock, Database


def require_verified(
    spec: DatabaseSpec, look: DatabaseLook, state: NameState, at: dict[str, str], *, newborn: bool = False
) -> None:
    """Demand that a fresh look shows exactly what the spec declares, and of a newborn what it is given at birth.

    Raises:
        ProofFailed: it differs, with the fields.
    """
    doubt = claims.doubt(look, spec, None)
    if doubt is not None:
        raise ProofFailed(doubt.why, advice=doubt.advice, **at)
    differ = fields.differences_at_birth if newborn else fields.differences
    differing = [c for c in differ(spec, look, state) if c.field != "files"]
    if differing and all(c.field.startswith("mark.") for c in differing):
        why = "its mark is not the one that was written just now: another run changes this database"
        raise ProofFailed(why, advice="let that one end, then run this one again", **at)
    if differing:
        shown = "; ".join(f"{c.field} is {c.observed!r}, not {c.desired!r}" for c in differing[:3])
        raise ProofFailed(f"after it was configured, {shown}", **at)


async def require_neutralized(database: Database, clock: Clock, at: dict[str, str]) -> None:
    """Demand that nothing in a database reaches the outside.

    Raises:
        ProofFailed: something does, or may; it says what.
    """
    if live := await insist(database.still_live, clock):
        raise ProofFailed(f"it is not neutralized: {'; '.join(live)}", **at)
