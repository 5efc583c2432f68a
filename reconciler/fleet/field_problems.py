"""What is wrong inside one document, in our own words: pydantic's errors become diagnostics here.

Every type of error that the schemas can raise has its wording in `_WORDS`; a test raises them all. No message repeats
what was written for a secret, and nothing is said about a value that the reader has already reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import FROM_CODE, UNREADABLE, DocumentSource, Hints, Path, dotted
from schemas.document import typed
from schemas.texts import DATABASE_NAME_LENGTH, EXPLANATIONS

REFERENCE_HINT = "write {env: NAME}, {file: PATH}, {env: NAME, file: PATH} or {derived: {}}"
BETTER_HINT = "write {derived: {}}, or name one of 8 characters or more that nobody would try"
KEY_HINT = "write {env: NAME}, {file: PATH} or {env: NAME, file: PATH}"
_LONGEST_SHOWN = 60


class FieldError(NamedTuple):
    """One of pydantic's errors, its place cleaned of what is not in the text."""

    type: str
    path: Path
    at_key: bool
    written: Any
    context: Mapping[str, Any]
    in_secret: bool

    @property
    def name(self) -> str:
        """The field, as people write it."""
        return repr(dotted(self.path))


class ErrorWords(NamedTuple):
    """What to say about an error: its code, the message, the hint."""

    code: str
    message: str
    hint: str = ""


def field_problems(
    error: ValidationError, model: type[BaseModel], source: DocumentSource, hints: Hints, *, given: Container[str] = ()
) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each error in a document of kind `model`, at its place in the text.

    Args:
        error: what pydantic found.
        model: the model of the document.
        source: where the document stands.
        hints: finds the nearest names.
        given: fields that are not missed, because something else was already said about them.
    """
    errors = list(field_errors(error))
    misspelt = {(*each.path[:-1], _meant(each, model, hints)) for each in errors if each.type == "extra_forbidden"}
    for each in errors:
        if each.type == "missing" and (each.path in misspelt or (len(each.path) == 1 and each.path[0] in given)):
            continue
        words = explain(each, model, hints)
        message = words.message
        if each.path and each.path[0] in FROM_CODE and not source.has(*each.path):
            message = message.replace(each.name, f"{each.name} (made from the code)", 1)
        yield Diagnostic(_place(each, source), words.code, message, words.hint)


def field_errors(error: ValidationError) -> Iterator[FieldError]:
    """Yield the errors that are worth telling, without those that merely follow from another."""
    for raw in error.errors(include_url=False):
        if _goes_without_saying(raw["type"], raw["input"]):
            continue
        parts = [part for part in raw["loc"] if not _is_tag(part)]
        at_key = parts[-1:] == ["[key]"]
        path = tuple(parts[:-1] if at_key else parts)
        in_secret = len(parts) < len(raw["loc"]) or raw["type"].startswith("invalid-secret")
        yield FieldError(raw["type"], path, at_key, raw["input"], raw.get("ctx", {}), in_secret)


def explain(error: FieldError, model: type[BaseModel], hints: Hints) -> ErrorWords:
    """Say what is wrong and what to write instead."""
    if "message" in error.context:
        near = hints.nearest(str(error.written), error.context["among"])
        hint = f"did you mean {near!r}?" if near else error.context["hint"]
        return ErrorWords(error.type, error.context["message"], hint)
    if error.type == "extra_forbidden":
        return _unknown_field(error, model, hints)
    if error.type == "missing":
        return _missing_field(error, model)
    words = _WORDS.get(error.type)
    return words(error) if words else ErrorWords("invalid-value", f"{error.name} is not valid here")


def _goes_without_saying(kind: str, written: object) -> bool:
    if written is UNREADABLE:
        return kind != "extra_forbidden"
    # A default is not worked out when something is wrong, and a list of wrong items counts as empty.
    return kind == "default_factory_not_called" or (
        kind == "too_short" and isinstance(written, Sized) and len(written) > 0
    )


def _is_tag(part: str | int) -> bool:
    return (
        isinstance(part, str)
        and part.startswith("<")
        and part.endswith(">")
        and part.strip("<>") in {"env", "file", "either", "derived", "literal"}
    )


def _place(error: FieldError, source: DocumentSource) -> Range:
    if error.type == "missing":
        return source.key_of(*error.path[:-1]) if len(error.path) > 1 else source.range_of()
    if error.at_key or error.type == "extra_forbidden":
        return source.key_of(*error.path)
    return source.range_of(*error.path)


def _unknown_field(error: FieldError, model: type[BaseModel], hints: Hints) -> ErrorWords:
    parent = dotted(error.path[:-1])
    inside = f" in {parent!r}" if parent else ""
    field = str(error.path[-1])
    return ErrorWords(
        "unknown-field", f"no field {field!r}{inside}", hints.did_you_mean(field, _fields_at(model, error.path[:-1]))
    )


def _meant(error: FieldError, model: type[BaseModel], hints: Hints) -> str | None:
    """The field that an unknown one is a misspelling of; that this one is missing then goes without saying."""
    return hints.nearest(str(error.path[-1]), _fields_at(model, error.path[:-1]))


def _missing_field(error: FieldError, model: type[BaseModel]) -> ErrorWords:
    field = str(error.path[-1])
    examples: Sequence[Any] = ()
    for owner in _models_at(model, error.path[:-1]):
        if field in typed(owner):
            examples = typed(owner)[field].examples or ()
    hint = f"for example `{field}: {_as_yaml(examples[0])}`" if examples else ""
    return ErrorWords("missing-field", f"{error.name} is missing", hint)


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_as_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str) and value[:1].isdigit():
        return f'"{value}"'
    return str(value)


def _wrong_type(wanted: str) -> Callable[[FieldError], ErrorWords]:
    def words(error: FieldError) -> ErrorWords:
        if error.written is None:
            return ErrorWords(
                "wrong-type",
                f"{error.name} must be {wanted}, but nothing is written",
                "leave the field out to have its default",
            )
        return ErrorWords(
            "wrong-type", f"{error.name} must be {wanted}, not {_describe(error)}", _type_hint(wanted, error)
        )

    return words


def _describe(error: FieldError) -> str:
    value = error.written
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number with a fraction"),
        (str, "text"),
        (Mapping, "a mapping"),
        (list, "a list"),
    )
    return next((name for types, name in names if isinstance(value, types)), "this")


def _type_hint(wanted: str, error: FieldError) -> str:
    value = error.written
    if wanted == "text" and isinstance(value, bool) and not error.in_secret:
        return f'quote it: "{str(value).lower()}"'
    if wanted == "text" and isinstance(value, int | float) and not error.in_secret:
        return f'quote it: "{value}"'
    if wanted == "a list" and isinstance(value, str) and not error.in_secret:
        return f"write [{_shown(value)}]"
    if wanted in {"a number", "a whole number"} and isinstance(value, str) and value.removeprefix("-").isdigit():
        return f"write {_shown(value)} without quotes"
    if wanted == "true or false" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return f"write {value.lower()} without quotes"
    return ""


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _quoted(error: FieldError) -> str:
    return "what is written" if error.in_secret else repr(_shown(error.written))


def _literal(error: FieldError) -> ErrorWords:
    choices = [choice.strip("'") for choice in error.context["expected"].replace(" or ", ", ").split(", ")]
    listed = ", ".join(choices[:-1]) + f" or {choices[-1]}" if len(choices) > 1 else choices[0]
    if isinstance(error.written, str):
        near = Hints().nearest(error.written.lower(), choices) if error.written.isalpha() else None
        hint = f"did you mean {near!r}?" if near else ""
        return ErrorWords("invalid-choice", f"{error.name} must be {listed}, not {_quoted(error)}", hint)
    if isinstance(error.written, int | float) and not isinstance(error.written, bool):
        text = str(float(error.written)) if str(float(error.written)) in choices else str(error.written)
        return ErrorWords("wrong-type", f"{error.name} must be text, not a number", f'quote it: "{text}"')
    return _wrong_type(listed)(error)


def _pattern(error: FieldError) -> ErrorWords:
    pattern = error.context["pattern"]
    subject = "the key" if error.at_key else error.name
    near = (
        None if error.in_secret else next((each for each in _respelt(error.written) if re.search(pattern, each)), None)
    )
    hint = f"write {_shown(near)!r}" if near else ""
    return ErrorWords("invalid-text", f"{subject} must be {EXPLANATIONS[pattern]}, not {_quoted(error)}", hint)


def _respelt(written: str) -> Iterator[str]:
    """Other spellings that may be meant."""
    yield written.strip()
    yield written.lower()
    yield written.upper()
    yield written.replace("-", "_")
    yield " ".join(written.split())
    yield "-".join(written.lower().split())


def _too_long(error: FieldError) -> ErrorWords:
    limit = error.context["max_length"]
    hint = ""
    if limit == DATABASE_NAME_LENGTH:
        hint = "the mark `building-….` in front of it takes 27 of the 63 bytes that PostgreSQL has for a name"
    return ErrorWords(
        "invalid-text", f"{error.name} may have at most {limit} characters, not {len(error.written)}", hint
    )


def _bound(word: str, key: str) -> Callable[[FieldError], ErrorWords]:
    return lambda error: ErrorWords(
        "out-of-range", f"{error.name} must be {word} {error.context[key]:.15g}, not {_shown(error.written)}"
    )


_WORDS: dict[str, Callable[[FieldError], ErrorWords]] = {
    "bool_type": _wrong_type("true or false"),
    "date_type": _wrong_type("a date such as 2026-12-31"),
    "dict_type": _wrong_type("a mapping"),
    "float_type": _wrong_type("a number"),
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "int_type": _wrong_type("a whole number"),
    "invalid-secret": lambda error: ErrorWords("invalid-secret", f"{error.name} must name a secret", REFERENCE_HINT),
    "invalid-secret-key": lambda error: ErrorWords(
        "invalid-secret", f"{error.name} must name a secret that is not derived", KEY_HINT
    ),
    "less_than_equal": _bound("at most", "le"),
    "literal_error": _literal,
    "model_type": _wrong_type("a mapping"),
    "string_pattern_mismatch": _pattern,
    "string_too_long": _too_long,
    "string_too_short": lambda error: ErrorWords(
        "invalid-text",
        f"{error.name} must have at least {error.context['min_length']} characters, not {len(error.written)}",
    ),
    "string_type": _wrong_type("text"),
    "too_long": lambda error: ErrorWords(
        "invalid-value",
        f"{error.name} may have at most {error.context['max_length']} entries, not {len(error.written)}",
    ),
    "too_short": lambda error: ErrorWords(
        "invalid-value", f"{error.name} may not be empty", "leave the field out to have its default"
    ),
    "tuple_type": _wrong_type("a list"),
}


def _models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The models that may stand at `path`: several where a field holds one of several."""
    models: list[type[BaseModel]] = [model]
    for part in path:
        annotations = [typed(each)[part].annotation for each in models if isinstance(part, str) and part in typed(each)]
        models = [found for annotation in annotations for found in _models_in(annotation)] or (
            [] if annotations else models
        )
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in get_args(annotation) for found in _models_in(each)]


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    fields = {name for each in _models_at(model, path) for name in typed(each)}
    return sorted(fields - {"value"})
