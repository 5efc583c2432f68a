"""What of some kind stands inside a document, wherever it does: in a field, in a list, under a name.

Whoever looks for all that a document holds of a kind asks here, so that a field that is added is found by itself.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar, get_args

from schemas.document import Part

Place = tuple[str | int, ...]
Sought = TypeVar("Sought", bound=Part)


def parts_in(whole: object, kinds: tuple[type[Sought], ...], above: Place = ()) -> Iterator[tuple[Place, Sought]]:
    """Yield what is of one of these kinds in a document, or in the value of a field, each with its place.

    Args:
        whole: the document, or the value.
        kinds: what is looked for.
        above: the place of the value itself.
    """
    if isinstance(whole, kinds):
        yield above, whole
    elif isinstance(whole, Part):
        for name in _ways_to(kinds, type(whole)):
            yield from parts_in(getattr(whole, name), kinds, (*above, name))
    elif isinstance(whole, list | tuple):
        for number, each in enumerate(whole):
            yield from parts_in(each, kinds, (*above, number))
    elif isinstance(whole, Mapping):
        for name, each in whole.items():
            yield from parts_in(each, kinds, (*above, str(name)))


@cache
def _ways_to(kinds: tuple[type[Part], ...], model: type[Part]) -> tuple[str, ...]:
    """Return the fields that can hold one: of most documents few, and a fleet has ten thousand documents."""
    return tuple(name for name, field in model.model_fields.items() if _leads_to(kinds, field.annotation))


def _leads_to(kinds: tuple[type[Part], ...], annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return issubclass(annotation, kinds) or bool(_ways_to(kinds, annotation))
    return any(_leads_to(kinds, each) for each in get_args(annotation))
