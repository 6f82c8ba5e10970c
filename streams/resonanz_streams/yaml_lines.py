"""YAML with the line of every value, and pydantic's findings as sentences that name it."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from resonanz_streams.errors import ConfigurationError

Place = tuple[str | int, ...]


class Lines:
    """Knows on which line of which file a place of the document stands."""

    def __init__(self, file: str, document: Any = None) -> None:
        self._file = file
        self._document = document

    def sentence(self, place: Place, text: str) -> str:
        """``resonanz.yaml:12: clients.bakery.potential: …``."""
        line = self._line(place)
        where = f"{self._file}:{line}" if line else self._file
        dotted = ".".join(str(step) for step in place)
        return f"{where}: {dotted}: {text}" if dotted else f"{where}: {text}"

    def _line(self, place: Place) -> int | None:
        node, line = self._document, None
        for step in place:
            try:
                if isinstance(node, CommentedMap):
                    line = node.lc.key(step)[0] + 1
                elif isinstance(node, CommentedSeq) and isinstance(step, int):
                    line = node.lc.item(step)[0] + 1
                else:
                    return line
                node = node[step]
            except (KeyError, IndexError, TypeError):
                return line
        return line


def load_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The document of ``path``, which must be a mapping.

    Raises:
        ConfigurationError: missing, not readable, not YAML, empty, not a mapping, a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; write one, name another with --config, "
            "or try: resonanz up --demo"
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: is a folder; name the file in it") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: is not valid YAML: {_first_line(error.problem)}") from None
    except YAMLError as error:
        raise ConfigurationError(f"{path}: is not valid YAML: {_first_line(str(error))}") from None
    if document is None:
        raise ConfigurationError(f"{path}: is empty; begin with: clients:")
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}: must be a mapping; begin with: clients:")
    return document, Lines(str(path), document)


def _first_line(text: str | None) -> str:
    return (text or "unknown mistake").splitlines()[0]


def sentences(error: ValidationError, lines: Lines, model: type[BaseModel]) -> list[str]:
    """One sentence for each finding, in the order of the document, each place once."""
    found: dict[Place, str] = {}
    for finding in error.errors(include_url=False, include_context=True, include_input=False):
        place = _real_place(finding["loc"])
        text = _text(finding, place, model)
        found.setdefault(place, text)
    return [lines.sentence(place, text) for place, text in found.items()]


_WHOLE = "must be a whole number; write it without quotes, such as 1200"
_ADVICE = {
    "missing": "is missing; write it",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "string_pattern_mismatch": "may hold lower case letters, digits and hyphens only; write: bakery-winter",
}
_BRANCHES = ("constrained-int", "int", "str", "[key]")


def _real_place(place: Sequence[str | int]) -> Place:
    """Without the steps that pydantic adds for branches of a union."""
    return tuple(step for step in place if not (isinstance(step, str) and (step in _BRANCHES or "[" in step)))


def _text(finding: Any, place: Place, model: type[BaseModel]) -> str:
    kind, message = finding["type"], str(finding["msg"])
    limits = finding.get("ctx", {})
    if kind == "extra_forbidden":
        known = _fields(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"is not known; {hint}"
    if kind in {"greater_than", "greater_than_equal"}:
        edge = limits.get("gt", limits.get("ge"))
        return f"must be {'above' if 'gt' in limits else 'at least'} {edge}; write a greater number"
    if kind == "literal_error":
        return f"must be one of {limits.get('expected')}; write one of them"
    if kind in _ADVICE:
        return _ADVICE[kind]
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    """The names that are known at ``place``, found by walking the models' annotations."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    if not place:
        return known
    field = next((f for n, f in model.model_fields.items() if (f.alias or n) == place[0]), None)
    if field is None:
        return known
    inner = next(_models(field.annotation), None)
    if inner is None:
        return known
    rest = place[1:]
    while rest and (
        isinstance(rest[0], int) or rest[0] not in {f.alias or n for n, f in inner.model_fields.items()}
    ):
        rest = rest[1:]
    return _fields(inner, rest)


def _models(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)
