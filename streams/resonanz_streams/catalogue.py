"""All KPIs that there are here: ours, and those that installed distributions bring.

Theirs are named by entry points of group ``resonanz.kpis``; KPIS.md shows how to write one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final, get_args, get_type_hints

from resonanz_streams.custom_columns import LABEL, checked
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import DEEP_WINDOWS, WINDOWS, Kpi, Merge

GROUP: Final = "resonanz.kpis"
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WORDS: Final = {name: get_args(get_type_hints(Kpi)[name]) for name in ("unit", "shape")}
_TEXTS: Final = ("help", "group", "formula", "numerator", "denominator", "interval")
_TAKEN: Final = re.compile("coverage|client_.*|benchmark")
"""How what stands beside the KPIs in /metrics begins, and what the wall makes of them."""


@cache
def known_kpis() -> tuple[Kpi, ...]:
    """Ours in their order, then the custom ones by the names of their entry points; looked for once.

    Raises:
        ConfigurationError: a sentence for each entry point that gives no KPI that can be used.
    """
    return (*KPIS, *custom_kpis(entry_points(group=GROUP)))


@cache
def kpis_by_id() -> Mapping[str, Kpi]:
    """:func:`known_kpis`, in the same order."""
    return MappingProxyType({kpi.id: kpi for kpi in known_kpis()})


def custom_kpis(points: Iterable[EntryPoint]) -> tuple[Kpi, ...]:
    """What these entry points name. What such a KPI gives is checked whenever it is computed.

    Raises:
        ConfigurationError: see :func:`known_kpis`.
    """
    found: list[Kpi] = []
    problems: list[str] = []
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        taken = {known.id for known in (*KPIS, *found)}
        try:
            kpi = point.load()
            fault = next(_faults(kpi, taken), "")
        except Exception as error:  # noqa: BLE001  # somebody else's module: anything may be wrong with it
            fault = f"cannot be loaded ({type(error).__name__}: {error})"
        if not fault:
            found.append(checked(kpi))
        else:
            by = f" of {point.dist.name}" if point.dist else ""
            problems.append(
                f"entry point {point.name} = {point.value}{by} in group {GROUP}: {fault}; mend it, or "
                "uninstall what brings it"
            )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return tuple(found)


def _faults(kpi: Any, taken: Iterable[str]) -> Iterator[str]:
    """What is wrong with it, each behind what it rests on."""
    if not isinstance(kpi, Kpi):
        yield f"is a {type(kpi).__name__} and no {Kpi.__module__}.{Kpi.__name__}"
        return
    if not (isinstance(kpi.id, str) and _ID.fullmatch(kpi.id)):
        yield f"id {kpi.id!r} may hold lower case letters, digits and underscores only"
    if kpi.id in taken:
        yield f"there is a KPI {kpi.id} already; choose another id"
    if _TAKEN.fullmatch(kpi.id):
        yield f"/metrics calls something else {kpi.id}; choose another id"
    for name, words in _WORDS.items():
        if (word := getattr(kpi, name)) not in words:
            yield f"{name} {word!r} is none; write one of {', '.join(map(repr, words))}"
    windows = DEEP_WINDOWS if kpi.deep else WINDOWS
    if not kpi.windows or isinstance(kpi.windows, str) or set(kpi.windows) - set(windows):
        yield f"windows {kpi.windows!r} must be some of {', '.join(windows)}"
    if not callable(kpi.compute):
        yield "compute is no function"
    if not (isinstance(kpi.most_parts, int) and kpi.most_parts > 0):
        yield f"most_parts {kpi.most_parts!r} must be a number above 0"
    for merge in (kpi.merge, *kpi.merge_parts.values()):
        if merge not in (None, *get_args(Merge)):
            yield f"merge {merge!r} is none; write one of {', '.join(map(repr, get_args(Merge)))}, or None"
    yield from _of_texts(kpi)


def _of_texts(kpi: Kpi) -> Iterator[str]:
    for name in _TEXTS:
        if not (isinstance(text := getattr(kpi, name), str) and text.isprintable()):
            yield f"{name} must be a line of text"
    # As the text format of /metrics has it, in which a backslash would begin something else.
    if not kpi.help or "\\" in kpi.help:
        yield "help must be a line of text, without a backslash"
    for part in kpi.parts:
        if not LABEL.fullmatch(part):
            yield f"part {part!r} must be a name, or a label and a value such as mood:glad"
