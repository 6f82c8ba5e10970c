"""What the accounts of a group add up to, before anything is divided."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from resonanz_streams.actors import Number, number, reached
from resonanz_streams.aggregates.members import Group, Place, Told, rest_of
from resonanz_streams.authentic import is_authentic
from resonanz_streams.cohorts import total
from resonanz_streams.events import Actors, KpiEntry
from resonanz_streams.kpis.base import EMPTY, REASONS, Kpi, Merge


@dataclass(frozen=True, slots=True)
class Term:
    """What one account adds, as of ``at_ms``. ``denominator`` None: the KPI has none. ``reason``: why its own
    figure is null, though it is known that there is nothing. ``interval``: whether that has one. ``known``:
    whether it has a figure of its own."""

    told: Told
    at_ms: int
    numerator: float
    denominator: float | None
    coverage: float
    reason: str = ""
    interval: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class Sum:
    """What ``accounts`` of a group add up to, as of ``at_ms`` or later; without any, ``reason`` says why.

    ``coverage``: of all its accounts. ``interval``: whether one of them has an interval. ``people``: their
    number, if it is of them.
    """

    accounts: int
    at_ms: int | None = None
    numerator: float = math.nan
    denominator: float = math.nan
    coverage: float = 0.0
    reason: str = ""
    interval: bool = False
    people: Number | None = None


def merge_of(kpi: Kpi, part: str | None) -> Merge | None:
    """How a part of a KPI is merged."""
    return kpi.merge if part is None else kpi.merge_parts.get(part, kpi.merge)


def summed(kpi: Kpi, place: Place, group: Group) -> Sum:
    """The sum over a group of at least one account."""
    merge = merge_of(kpi, place.part)
    if merge is None or group.beyond(kpi):
        return nothing(place, group, "not_mergeable")
    rest = rest_of(kpi.parts, place.part)
    found = [_term(kpi, told, place, group, rest) for told in group.told]
    terms = [one for one in found if isinstance(one, Term)]
    missing = [one for one in found if isinstance(one, str)]
    if merge in _OF_ACTORS:
        fit = _with_actors(terms, place.window, merge)
        missing += ["not_mergeable"] * (len(terms) - len(fit))
        terms = fit
    if not terms:
        return nothing(place, group, _first(missing) or "not_covered")
    added = Sum(
        accounts=len(terms),
        at_ms=min(one.at_ms for one in terms),
        coverage=total([one.coverage for one in terms]) / len(group),
        reason=_first(one.reason for one in terms),
        interval=any(one.interval for one in terms),
    )
    try:
        return _SUMS.get(merge, _plain)(added, terms, place.window)
    except ValueError:  # somebody else wrote the people of a snapshot
        return nothing(place, group, "not_mergeable")


def nothing(place: Place, group: Group, reason: str) -> Sum:
    """Nobody enters, for this reason; how far they are watched is known all the same."""
    parts = [told.parts(place) for told in group.told]
    found = [each.get(place.part) or each.get(None) for each in parts]
    coverage = total([one.coverage or 0.0 for one in found if one is not None]) / len(group)
    return Sum(0, coverage=coverage, reason=reason)


def _first(reasons: Iterable[str]) -> str:
    """The one that stands first in the list of all, which one of another version's may lack; "" of none."""
    return min((reason for reason in reasons if reason), key=_rank, default="")


def _rank(reason: str) -> tuple[int, str]:
    return REASONS.index(reason) if reason in REASONS else len(REASONS), reason


# -- what one account says -----


def _term(kpi: Kpi, told: Told, place: Place, group: Group, rest: str | None) -> Term | str:
    """A term, or the reason why the account does not enter."""
    parts = told.parts(place)
    entry, whole = parts.get(place.part), parts.get(None)
    if rest is None or whole is None:
        if entry is not None:
            return _known(told, entry)
        if is_authentic(place.part) and not told.deep:
            return "not_covered"
        # A part that is not told: there is none of it.
        name = kpi.beside.get(f"{(place.part or '').partition(':')[0]}:…")
        beside = None if name is None else parts.get(name)
        return _blank(told, whole, 0.0) if beside is None else _blank(told, beside, beside.denominator or 0.0)
    term = _blank(told, whole, whole.denominator or 0.0)
    if isinstance(term, str):
        return term
    if entry is not None and entry.value is None:
        return _known(told, entry)
    several = [entry] if entry is not None else []
    if place.part == rest:
        shown = group.shown(place, rest)
        several += [
            it for part, it in parts.items() if rest_of((rest,), part) == rest and part not in {rest, *shown}
        ]
    counts = [one.numerator or 0.0 for one in several]
    return replace(term, numerator=total(counts), interval=any(one.lo is not None for one in several))


def _known(told: Told, entry: KpiEntry) -> Term | str:
    at_ms, coverage = told.at_ms[entry.kpi, entry.window], entry.coverage or 0.0
    if entry.value is not None:
        numerator = entry.value if entry.numerator is None else entry.numerator
        return Term(told, at_ms, numerator, entry.denominator, coverage, interval=entry.lo is not None)
    if entry.reason in EMPTY:
        numbers = entry.numerator or 0.0, entry.denominator or 0.0
        return Term(told, at_ms, *numbers, coverage, entry.reason or "", known=False)
    return entry.reason or "not_covered"


def _blank(told: Told, whole: KpiEntry | None, denominator: float) -> Term | str:
    """Of a part that does not stand beside its whole."""
    known = _known(told, whole) if whole is not None else "not_covered"
    if isinstance(known, str):
        return known
    return Term(told, known.at_ms, 0.0, denominator, known.coverage, known.reason, known=False)


# -- what they add up to -----


def _plain(added: Sum, terms: Sequence[Term], _: str) -> Sum:
    known = [one.denominator for one in terms if one.denominator is not None]
    return replace(
        added,
        numerator=total([one.numerator for one in terms]),
        denominator=total(known) if known else math.nan,
    )


def _potential(added: Sum, terms: Sequence[Term], _: str) -> Sum:
    return replace(_plain(added, terms, _), denominator=total(list(_newest(terms).values())))


def _newest(terms: Sequence[Term]) -> Mapping[str, float]:
    """The denominator of each client, as its newest snapshot has it."""
    found: dict[str, tuple[int, float]] = {}
    for one in terms:
        client, said = one.told.client, (one.at_ms, one.denominator or 0.0)
        found[client] = max(found.get(client, said), said)
    return {client: denominator for client, (_, denominator) in found.items()}


def _time(added: Sum, terms: Sequence[Term], _: str) -> Sum:
    return replace(_plain(added, terms, _), denominator=max(one.denominator or 0.0 for one in terms))


def _max(added: Sum, terms: Sequence[Term], _: str) -> Sum:
    found = [(one.numerator, one.denominator or 0.0) for one in terms if one.known]
    if not found:  # nothing is the largest
        return replace(added, numerator=math.nan, reason=added.reason or "not_covered")
    numerator, denominator = max(found)
    return replace(added, numerator=numerator, denominator=denominator)


def _people(added: Sum, terms: Sequence[Term], window: str) -> Sum:
    """People of one client are known by one name at all its accounts; those of several clients are not."""
    numbers = [
        _alone(its) or number(one.told.actors[window].smallest for one in its)
        for its in _by_client(terms).values()
    ]
    people = Number(*(sum(each) for each in zip(*map(_bounds, numbers), strict=True)))
    return replace(_plain(added, terms, window), numerator=float(people.value), people=people)


def _by_client(terms: Sequence[Term]) -> Mapping[str, Sequence[Term]]:
    found: dict[str, list[Term]] = {}
    for one in terms:
        found.setdefault(one.told.client, []).append(one)
    return found


def _alone(terms: Sequence[Term]) -> Number | None:
    """How many people a client's only account counts itself; None of several, which may share some."""
    if len(terms) > 1:
        return None
    return Number(*[round(terms[0].numerator)] * 3)


def _bounds(people: Number) -> tuple[int, int, int]:
    return people.value, people.lo, people.hi


def _targets(added: Sum, terms: Sequence[Term], window: str) -> Sum:
    sizes = _newest(terms)
    hits = [
        its[0].numerator
        if len(its) == 1
        else float(reached([one.told.actors[window].reached or b"" for one in its]))
        for its in _by_client(terms).values()
    ]
    return replace(added, numerator=total(hits), denominator=total(list(sizes.values())))


_SUMS: Final[Mapping[Merge, Callable[[Sum, Sequence[Term], str], Sum]]] = {
    "potential": _potential,
    "time": _time,
    "max": _max,
    "people": _people,
    "targets": _targets,
}
_OF_ACTORS: Final = frozenset({"people", "targets"})


def _with_actors(terms: Sequence[Term], window: str, merge: Merge) -> list[Term]:
    """Those whose people are told, and of a target list those of the one that the newest of a client has. A
    client's only account needs neither: it counts its people itself."""
    fit: list[Term] = []
    for its in _by_client(terms).values():
        told = [one for one in its if window in one.told.actors]
        if merge == "targets" and told:
            _, newest = max((one.at_ms, _list(one.told.actors[window])) for one in told)
            told = [one for one in told if _has(one.told.actors[window], newest)]
        fit += its if len(its) == 1 else told
    return fit


def _has(actors: Actors, target_list: str) -> bool:
    return actors.reached is not None and _list(actors) == target_list


def _list(actors: Actors) -> str:
    return actors.target_list or ""
