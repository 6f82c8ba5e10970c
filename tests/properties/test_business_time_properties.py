"""Business time equals what a walk through every minute finds, over holidays and changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resonanz_streams.business_time import DAYS, BusinessHours, openings, parse_week

# A change of the clock each, in 2026: in spring and autumn, by half an hour, at midnight, and none at all.
AROUND = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/St_Johns": ("2026-03-08T05:30", "2026-11-01T04:30"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "Africa/Cairo": ("2026-04-23T22:00", "2026-10-29T21:00"),
    "Asia/Kathmandu": ("2026-01-01T00:00", "2026-12-25T00:00"),
}
GERMAN = ((1, 1), (4, 3), (4, 6), (5, 1), (10, 3), (12, 25), (12, 26))
CLOSED = {
    None: (),
    "DE": tuple(date(2026, *day) for day in GERMAN),
    "DE-BE": tuple(date(2026, *day) for day in (*GERMAN, (3, 8))),
}
Spans = list[tuple[int, int]]


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    edges = sorted(draw(st.lists(st.integers(0, 96), min_size=2, max_size=4, unique=True)))
    return [(15 * edges[place], 15 * edges[place + 1]) for place in range(0, len(edges) - 1, 2)]


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def walked(
    week: dict[int, Spans], zone: str, closed: tuple[date, ...], begin: datetime, end: datetime
) -> int:
    """Minutes, one by one."""
    found, at, of_zone = 0, begin, ZoneInfo(zone)
    while at < end:
        there = at.astimezone(of_zone)
        minute = there.hour * 60 + there.minute
        if there.date() not in closed:
            found += any(first <= minute < last for first, last in week.get(there.weekday(), ()))
        at += timedelta(minutes=1)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.integers(0, 6), spans(), min_size=1),
    st.sampled_from([(zone, at) for zone, both in AROUND.items() for at in both]),
    st.sampled_from((None, "DE", "DE-BE")),
    st.tuples(st.integers(-1440, 1440), st.integers(0, 2000)),
    st.integers(0, 20),
)
def test_business_time_equals_a_walk_through_every_minute(
    week: dict[int, Spans],
    change: tuple[str, str],
    calendar: str | None,
    span: tuple[int, int],
    wider: int,
) -> None:
    text = "; ".join(
        f"{DAYS[day]} " + ",".join(f"{clock(first)}-{clock(last)}" for first, last in of_day)
        for day, of_day in week.items()
    )
    zone, at = change
    begin = datetime.fromisoformat(at).replace(tzinfo=UTC) + timedelta(minutes=span[0])
    end = begin + timedelta(minutes=span[1])
    first, last = (int(at.timestamp() * 1000) for at in (begin, end))
    # How far the spans are laid out does not matter.
    known = openings(BusinessHours(parse_week(text), zone, calendar), first, last + wider * 86_400_000)
    found = known.between(np.array([first]), np.array([last]))
    assert found.tolist() == [60_000 * walked(week, zone, CLOSED[calendar], begin, end)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 30 * 86_400_000), min_size=2, max_size=20))
def test_parts_sum_to_the_whole_and_time_never_runs_back(ages: list[int]) -> None:
    base = 1_774_000_000_000
    known = openings(
        BusinessHours(parse_week("Mo-Sa 07:15-19:45"), "Europe/Berlin", "DE"), base, base + max(ages)
    )
    times = base + np.array(sorted(ages))
    parts = known.between(times[:-1], times[1:])
    assert (parts >= 0).all()
    assert (parts <= np.diff(times)).all()
    assert parts.sum() == known.between(times[:1], times[-1:])[0]
