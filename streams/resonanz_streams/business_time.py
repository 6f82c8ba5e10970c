"""Business hours: which they are, and how much of them lies between two instants."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Week = tuple[tuple[tuple[int, int], ...], ...]
"""Of each day from Monday on the minutes from which and until which somebody is there, in order."""

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
DAY_MS: Final = 86_400_000
_FEW: Final = 20
_MINUTE_MS: Final = 60_000
_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = f"(?:{'|'.join(DAYS)})"
_SPAN: Final = r"\d\d:\d\d-\d\d:\d\d"
_RULE: Final = re.compile(
    rf"(?P<days>{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*) "
    rf"(?P<times>{_SPAN}(?: *, *{_SPAN})*)(?P<end> *; *| *, *|\Z)"
)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")
_FORM: Final = (
    'write days and times such as "Mo-Fr 08:00-18:00" or "Mo-Fr 08:00-12:00,13:00-18:00; Sa 09:00-13:00"'
)


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """``zone``: whose clock the week follows. ``holidays``: the calendar of days on which nobody is there, as
    :func:`check_holidays` takes it."""

    week: Week
    zone: str
    holidays: str | None = None


def parse_week(text: str) -> Week:
    """The week that a simple specification means: a subset of what OpenStreetMap calls opening_hours.

    Raises:
        ValueError: what is wrong with it, and what to write instead.
    """
    week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    closed: set[int] = set()
    place, rule = 0, _RULE.match(text)
    while rule is not None:
        days = [day for span in rule["days"].split(",") for day in _days(span)]
        for span in re.split(" *, *", rule["times"]):
            minutes = _minutes(span)
            for day in days:
                if day in closed:
                    # OpenStreetMap's rule: what follows a semicolon replaces what was said of a day.
                    raise ValueError(
                        f"{DAYS[day]} stands on both sides of a semicolon; write all its hours in one place"
                    )
                _add(week[day], minutes, DAYS[day])
        place = rule.end()
        if ";" in rule["end"]:
            closed = {day for day, spans in enumerate(week) if spans}
        if not rule["end"]:
            return tuple(tuple(sorted(spans)) for spans in week)
        rule = _RULE.match(text, place)
    raise ValueError(_FORM)


def _days(span: str) -> Iterator[int]:
    first, _, last = span.partition("-")
    start = DAYS.index(first)
    for step in range((DAYS.index(last or first) - start) % len(DAYS) + 1):
        yield (start + step) % len(DAYS)


def _minutes(span: str) -> tuple[int, int]:
    edges = [_TIME.fullmatch(time) for time in span.split("-")]
    if None in edges:
        raise ValueError(f"{span} has a time that no clock shows; {_FORM}")
    start, end = (
        60 * int(edge[1] or edge[3]) + int(edge[2] or edge[4]) for edge in edges if edge is not None
    )
    if start == end:
        raise ValueError(f"{span} is empty; write a later end, or leave it out")
    if start > end:
        raise ValueError(
            f'{span} ends before it begins; write up to midnight as "Mo 22:00-24:00, Tu 00:00-06:00"'
        )
    return start, end


def _add(spans: list[tuple[int, int]], new: tuple[int, int], day: str) -> None:
    for start, end in spans:
        if new[0] < end and start < new[1]:
            raise ValueError(f"{day} {_clock(new)} overlaps {day} {_clock((start, end))}; join them")
    spans.append(new)


def _clock(span: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in span)


# -- holidays -----


def check_holidays(calendar: str) -> str:
    """The same, if the library ``holidays`` knows it: a country, such as DE, or one of its subdivisions, such
    as DE-BE.

    Raises:
        ValueError: it does not.
    """
    from holidays import list_supported_countries

    known = list_supported_countries(include_aliases=False)
    country, dash, part = calendar.partition("-")
    if country not in known:
        raise ValueError(f"no holidays of {country!r} are known; write a country such as DE, or DE-BE")
    if dash and part not in known[country]:
        parts = "-" + ", ".join(known[country][:_FEW]) + ", …" * (len(known[country]) > _FEW)
        some = f"write {country}{parts if known[country] else ''}"
        raise ValueError(f"{calendar!r}: {country} has no part {part!r}; {some}")
    return calendar


@lru_cache(maxsize=4096)
def _holidays(calendar: str, year: int) -> Ints:
    """Days since 1970, ascending."""
    from holidays import country_holidays

    country, _, part = calendar.partition("-")
    found = country_holidays(country, subdiv=part or None, years=year)
    return np.array(sorted((day - _EPOCH).days for day in found), dtype=np.int64)


# -- time -----


class Openings:
    """Disjoint spans [start, end) in which somebody is there, ascending, epoch ms."""

    def __init__(self, starts: Ints, ends: Ints) -> None:
        self.starts, self.ends = starts, ends
        self._before = np.concatenate(([0], np.cumsum(ends - starts)))

    def between(self, from_ms: Ints, to_ms: Ints) -> Ints:
        """How much of them lies between two instants, pair by pair, in ms."""
        return self._until(to_ms) - self._until(from_ms)

    def _until(self, at_ms: Ints) -> Ints:
        if not len(self.starts):
            return np.zeros(len(at_ms), dtype=np.int64)
        place = np.searchsorted(self.starts, at_ms, side="right") - 1
        last = np.maximum(place, 0)
        within = np.minimum(at_ms, self.ends[last]) - self.starts[last]
        return np.where(place < 0, 0, self._before[last] + within)


def openings(hours: BusinessHours, first_ms: int, last_ms: int) -> Openings:
    """Those between two instants."""
    return _openings(hours, first_ms // DAY_MS, last_ms // DAY_MS)


@lru_cache(maxsize=1024)
def _openings(hours: BusinessHours, first_day: int, last_day: int) -> Openings:
    # A day more on each side: a client's day begins up to 14 h before or after that of UTC.
    local = _by_the_clock(hours, first_day - 1, last_day + 1)
    pieces = []
    for begin, end, offset in offsets(hours.zone, first_day * DAY_MS, (last_day + 1) * DAY_MS):
        spans = np.clip(local - offset, begin, end)
        pieces.append(spans[spans[:, 0] < spans[:, 1]])
    spans = np.concatenate(pieces)
    return Openings(spans[:, 0].copy(), spans[:, 1].copy())


def _by_the_clock(hours: BusinessHours, first_day: int, last_day: int) -> Ints:
    """Shape (n, 2): from and until, in ms that the client's clock shows, as if it never changed."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    if hours.holidays is not None:
        years = range(_year(first_day), _year(last_day) + 1)
        closed = np.concatenate([_holidays(hours.holidays, year) for year in years])
        days = days[~np.isin(days, closed)]
    weekdays = (days + _EPOCH.weekday()) % len(DAYS)
    spans = [
        day * DAY_MS + np.array(minutes, dtype=np.int64) * _MINUTE_MS
        for day, weekday in zip(days.tolist(), weekdays.tolist(), strict=True)
        for minutes in hours.week[weekday]
    ]
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _year(day: int) -> int:
    return (_EPOCH + timedelta(days=day)).year


def offsets(zone: str, begin_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
    """The stretches [begin, end) in which a zone's clock is ahead of UTC by the same time, in ms."""
    clock = ZoneInfo(zone)

    def ahead(at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(clock).utcoffset() or timedelta()
        return offset // timedelta(milliseconds=1)

    start, offset = begin_ms, ahead(begin_ms)
    for day in range(begin_ms, end_ms, DAY_MS):
        after = min(day + DAY_MS, end_ms)
        changed = ahead(after)
        if changed != offset:
            seconds = range(day, after, 1000)
            change = day + 1000 * bisect_left(seconds, True, key=lambda at: ahead(at) != offset)
            yield start, change, offset
            start, offset = change, changed
    yield start, end_ms, offset
