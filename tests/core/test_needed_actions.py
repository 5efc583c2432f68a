"""What a limited run does beside what was asked for: what that needs, and no new version of the template that is cloned."""

from __future__ import annotations

from reconciler.core.diffs.drafts import needed_by
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason

ROTATE = Action(verbs.ROTATE, "template", "base", "one", Reason.ROTATED, "template_base", "template_base")
CREATE = Action(verbs.CREATE, "template", "base", "one", Reason.DECLARED, "", "template_base")
REBUILD = Action(
    verbs.REBUILD, "template", "base", "one", Reason.CHANGED, "template_base", "template_base", after=(ROTATE.id,)
)


def clone(*after: Action) -> Action:
    needs = tuple(action.id for action in after)
    return Action(verbs.CLONE, "instance", "acme", "one", Reason.DECLARED, "template_base", "acme", after=needs)


def needed(*actions: Action, wanted: Action) -> set[str]:
    return needed_by(actions, [wanted])


def test_a_template_that_is_missing_is_made_for_who_clones_it() -> None:
    assert needed(CREATE, clone(CREATE), wanted=clone(CREATE)) == {CREATE.id, clone().id}


def test_no_new_version_is_built_for_who_clones_it_and_its_new_password_is_set_all_the_same() -> None:
    assert needed(ROTATE, REBUILD, clone(REBUILD), wanted=clone(REBUILD)) == {ROTATE.id, clone().id}


def test_a_new_version_that_is_asked_for_itself_is_built() -> None:
    assert needed(ROTATE, REBUILD, clone(REBUILD), wanted=REBUILD) == {ROTATE.id, REBUILD.id}
