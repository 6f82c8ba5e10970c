"""YAML with the line of every value, and pydantic's findings as sentences that name it."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from resonanz_streams.errors import ConfigurationError

Place = tuple[str | int, ...]


class Lines:
    """Knows on which line of which file a place of the document stands."""

    def __init__(self, file: str, document: Any = None) -> None:
        self._file = file
        self._document = document

    def sentences(self, found: Iterable[tuple[Place, str]]) -> list[str]:
        """One for each place, in the order of the document."""
        ordered = sorted(found, key=lambda item: self._line(item[0]) or 0)
        return [self.sentence(place, text) for place, text in ordered]

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


class _Constructor(RoundTripConstructor):
    """Leaves dates as they are written: who reads them says what is wrong with them, and where."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str)


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
        yaml = YAML(typ="rt")
        yaml.Constructor = _Constructor
        document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: is not valid YAML: {_problem(error)}") from None
    except YAMLError as error:
        raise ConfigurationError(f"{path}: is not valid YAML: {_first_line(str(error))}") from None
    except ValueError as error:
        raise ConfigurationError(
            f"{path}: a value is not what its tag says: {_first_line(str(error))}"
        ) from None
    except RecursionError:
        raise ConfigurationError(f"{path}: is nested too deeply; no setting needs that") from None
    except Exception as error:  # noqa: BLE001  # the parser's own defects: mappings as keys, odd tags
        raise ConfigurationError(
            f"{path}: cannot be read ({type(error).__name__}); write plain words before each colon"
        ) from None
    if document is None:
        raise ConfigurationError(f"{path}: is empty; begin with: clients:")
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}: must be a mapping; begin with: clients:")
    return document, Lines(str(path), document)


def _problem(error: MarkedYAMLError) -> str:
    text = _first_line(error.problem)
    if isinstance(error, DuplicateKeyError):
        # The parser repeats both values, and one of them may be a secret.
        return f"{text.partition(' with value ')[0]}; leave one of them"
    return f"{text}; indent with spaces" if "'\\t'" in text else text


def _first_line(text: str | None) -> str:
    return (text or "unknown mistake").splitlines()[0]


def findings(error: ValidationError, document: Any, model: type[BaseModel]) -> dict[Place, str]:
    """What is wrong at each place, in words; of several things at a place the first.

    Where a number or a list may stand, pydantic says of a list also that it is no number.
    """
    found: dict[Place, str] = {}
    no_number: dict[Place, str] = {}
    for finding in error.errors(include_url=False, include_context=True, include_input=False):
        place, value = _real_place(finding["loc"], document)
        text = _EMPTY if value is None else _text(finding, place, model)
        is_list = finding["type"] in _INTEGERS and isinstance(value, list)
        (no_number if is_list else found).setdefault(place, text)
    for place, text in no_number.items():
        if not any(other[: len(place)] == place for other in found):
            found[place] = text
    return found


_EMPTY = "is empty; write a value, or leave the line out"
_INTEGERS = ("int_type", "int_parsing", "int_from_float")
_WHOLE = "must be a whole number; write it without quotes, such as 1200"
_NUMBER = "must be a number; write it without quotes, such as 0.5"
_DAY = "must be a day; write it as 2026-01-31"
_NAMES = "must hold names and values; write it as name: value"
_ADVICE = {
    "missing": "is missing; write it",
    **dict.fromkeys(_INTEGERS, _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), _DAY),
    "date_from_datetime_inexact": _DAY,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _NAMES),
    "string_type": "must be text; put it in quotes",
    "string_too_short": "is empty; write something",
    "too_short": "is empty; name some, or leave the line out",
    "list_type": "must be a list; write it as [one, two]",
    "invalid_key": "holds a name that is no text; put it in quotes",
}
_LIMITS = {
    "gt": "must be above {}; write a greater number",
    "ge": "must be at least {}; write a greater number",
    "lt": "must be below {}; write a smaller number",
    "le": "must be at most {}; write a smaller number",
    "max_length": "must be at most {} characters long; shorten it",
}
_ABSENT = object()


def _real_place(place: Sequence[str | int], document: Any) -> tuple[Place, Any]:
    """Without the steps that pydantic adds for keys and for branches of a union: those that neither stand
    in the document nor could be missing from it. Also the value there, if there is one."""
    real: list[str | int] = []
    node = document
    for step in place:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            if not isinstance(node, Mapping) or step == "[key]" or not isinstance(step, str):
                continue
            node = _ABSENT
        real.append(step)
    return tuple(real), node


def _text(finding: Any, place: Place, model: type[BaseModel]) -> str:
    kind, message = finding["type"], str(finding["msg"])
    if kind == "extra_forbidden":
        known = _fields(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"is not known; {hint}"
    if kind in _ADVICE:
        return _ADVICE[kind]
    limits = finding.get("ctx", {})
    for name, advice in _LIMITS.items():
        if name in limits:
            return advice.format(str(limits[name]).removesuffix(".0"))
    if kind == "literal_error":
        return f"must be one of {limits.get('expected')}; write one of them"
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
