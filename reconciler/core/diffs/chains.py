"""What is done to one database that is there, one action after the other."""

from __future__ import annotations

from reconciler.core.diffs import fields, uninstalls
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.model.verbs import Verb
from reconciler.core.policies.claims import Doubt


class Chain:
    """The actions of one database, each after the one before; `name` is what it is called at that point."""

    def __init__(self, draft: Draft, spec: DatabaseSpec, name: str, after: tuple[str, ...]) -> None:
        self._draft, self._after = draft, after
        self.spec, self.name, self.rotated = spec, name, False

    def add(self, verb: Verb, reason: Reason, becomes: str, changes: tuple[FieldChange, ...] = ()) -> None:
        """Plan what comes next."""
        spec = self.spec
        action = Action(verb, spec.kind, spec.code, spec.server, reason, self.name, becomes, changes, self._after)
        self._after = (self._draft.plan(action),)
        self.name = becomes

    def rotate(self, look: DatabaseLook | None) -> None:
        """Plan a new password where it has a former one, once."""
        if look is not None and not self.rotated and (password := fields.rotation(self.spec, look)):
            self.add(verbs.ROTATE, Reason.ROTATED, self.name, (password,))
            self.rotated = True

    def uninstall(self, look: DatabaseLook) -> bool:
        """Plan that modules go, if any do; tell whether what comes after may: not beside a text that contradicts itself."""
        spec = self.spec
        going = uninstalls.shown(self._draft.desired, spec, look)
        if isinstance(going, Doubt):
            doubt = Doubt(f"{look.database}: {going.why}", going.advice)
            self._draft.block(spec.kind, spec.code, spec.server, doubt)
            return False
        if going:
            self.add(verbs.UNINSTALL, uninstalls.why(spec, look), self.name, going)
        return True
