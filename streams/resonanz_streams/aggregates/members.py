"""The accounts of a group, and what each of them says."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import UNSET

from resonanz_streams.authentic import is_authentic, with_suspects
from resonanz_streams.cohorts import total
from resonanz_streams.events import Actors, KpiEntry, KpiSnapshot
from resonanz_streams.kpis.base import EMPTY, Kpi
from resonanz_streams.net.topics import OTHER, TOP

_TRACE: Final = 1e-6
"""Of rounding, where an interaction of several topics was divided."""


Wants = Callable[[str, str], bool]
"""Whether a KPI over a window is asked for."""


class Place(NamedTuple):
    """What a figure is of."""

    kpi: str
    window: str
    part: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """An account and its newest snapshots, one of each topic that has one; ``fresh``: whether they may stand
    for now; ``deep``: whether that of topic ``kpis.deep`` is among them."""

    account: str
    client: str
    snapshots: Sequence[KpiSnapshot]
    fresh: bool
    deep: bool = False


class Told:
    """What a fresh account says: ``entries`` of each KPI and window by part, ``at_ms``: as of when,
    ``actors`` by window, ``deep``: whether also what is computed from all that stands."""

    def __init__(self, member: Member, wants: Wants) -> None:
        self.client = member.client
        self.deep = member.deep
        self.entries: dict[tuple[str, str], dict[str | None, KpiEntry]] = {}
        self.at_ms: dict[tuple[str, str], int] = {}
        self.actors: Mapping[str, Actors] = {}
        for snapshot in member.snapshots:
            for entry in snapshot.kpis:
                place = entry.kpi, entry.window
                if not wants(*place):
                    continue
                self.entries.setdefault(place, {})[entry.part] = entry
                # Authentic parts stand beside a newer whole.
                if place not in self.at_ms or not is_authentic(entry.part):
                    self.at_ms[place] = snapshot.at_ms
            if snapshot.actors is not UNSET:
                self.actors = snapshot.actors

    def parts(self, place: Place) -> Mapping[str | None, KpiEntry]:
        """The entries of a place's KPI and window. An authentic part that is not told is the same as what it
        is a part of, if such parts are told of the account at all."""
        found = self.entries.get((place.kpi, place.window), {})
        if self.deep and is_authentic(place.part) and place.part not in found:
            same = found.get(with_suspects(place.part))
            return found if same is None else found | {place.part: same}
        return found

    def tells_all(self, place: Place, rest: str) -> bool:
        """Whether no part is counted under the rest, of parts with this one: then they are fewer than may be
        told, and none is null, so they sum to what all of them are parts of."""
        parts = self.parts(place)
        whole = parts.get(None)
        if whole is None or whole.value is None:
            return whole is not None and whole.reason in EMPTY
        among = {part: it.numerator for part, it in parts.items() if rest_of((rest,), part) == rest}
        known = [number for number in among.values() if number is not None]
        return (
            rest in among
            and len(known) == len(among) <= TOP
            and any(
                abs(total(known) - one) <= _TRACE
                for one in (whole.numerator, whole.denominator)
                if one is not None
            )
        )


def rest_of(names: Collection[str], part: str | None) -> str | None:
    """The part that holds what has no part of its own, of parts like ``topic:bread`` of which the largest
    are told only; None of others. ``names``: those that a KPI has."""
    rest = f"{(part or '').partition(':')[0]}:{OTHER}"
    return rest if rest in names else None


class Group:
    """Accounts that are looked at together, for the figures that are wanted.

    ``told``: by those that are fresh, ordered by account.
    """

    def __init__(self, members: Sequence[Member], wants: Wants) -> None:
        self._wants = wants
        self.members = sorted(members, key=lambda member: member.account)
        self.told = [Told(member, wants) for member in self.members if member.fresh and member.snapshots]
        self._clients = len({member.client for member in members})
        self._shown: dict[tuple[str, str, str], frozenset[str | None]] = {}

    def __len__(self) -> int:
        return len(self.members)

    def beyond(self, kpi: Kpi) -> bool:
        """Whether a KPI that makes sense within one client is asked for of several."""
        return kpi.within_client and self._clients > 1

    def _hopeless(self, kpi: Kpi, part: str | None) -> bool:
        """Whether a part is null with its whole, and for the same reason: a post's, for example."""
        alike = kpi.merge is None and kpi.merge_parts.get(part or "") is None
        return part is not None and (alike or self.beyond(kpi))

    def places(self, kpis: Mapping[str, Kpi]) -> Iterator[Place]:
        """What there is to tell of the group, each once. Where no account is fresh, what there would be."""
        seen: dict[Place, None] = {}
        for member in self.members:
            for snapshot in member.snapshots if member.fresh or not self.told else ():
                for entry in snapshot.kpis:
                    if self._wants(entry.kpi, entry.window):
                        seen[Place(entry.kpi, entry.window, entry.part)] = None
        for place in seen:
            kpi = kpis.get(place.kpi)
            if kpi is not None and len(self) > 1 and self._hopeless(kpi, place.part):
                continue
            rest = None if kpi is None else rest_of(kpi.parts, place.part)
            if rest in {None, place.part} or place.part in self.shown(place, rest or ""):
                yield place

    def shown(self, place: Place, rest: str) -> frozenset[str | None]:
        """Of parts with this rest those that every account tells, or has nothing of: what an account counts
        under its rest, nobody can add up."""
        known = self._shown.get((*place[:2], rest))
        if known is None:
            names = {part for told in self.told for part in told.parts(place) if part != rest}
            names = {part for part in names if rest_of((rest,), part) == rest}
            for told in self.told:
                if not told.tells_all(place, rest):
                    names &= told.parts(place).keys()
            known = self._shown[*place[:2], rest] = frozenset(names)
        return known
