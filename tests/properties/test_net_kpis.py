"""The KPIs of what stands equal a naive recomputation, whatever the log's order, duplicates and removals."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tests import naive_kpis
from tests.inputs import NOW_MS, clients_with, inputs_of
from tests.nets import DAY, HOUR, Told, figures, net_of_events

from resonanz_streams.business_time import BusinessHours, parse_week
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WINDOWS_MS, Floats, Ints, Voice
from resonanz_streams.net.suspects import Burst

Event = dict[str, Any]
BEGIN_MS = (NOW_MS - 28 * DAY) // HOUR * HOUR + 1
"""Where the longest window's oldest bucket begins."""

ACCOUNTS = ("a", "b")
PEOPLE = ("ann", "bob", "cid", "dan")
BURSTS = ((20, 60_000), (1, 1), (1, HOUR), (2, 5 * HOUR), (2, 2 * DAY))
"""How many of one person are no burst yet, within how long."""

TOPICS = ("oat", "other", "rye", *(f"t{number:02d}" for number in range(15)))
VENUES = ("forum", "other", *(f"v{number:02d}" for number in range(11)))


def ages() -> SearchStrategy[int]:
    """About the edges of windows and of the SLA, a few hours, or anything."""
    edges = st.sampled_from((DAY, 7 * DAY, 28 * DAY, 4 * HOUR, 0))
    return st.one_of(
        edges.flatmap(lambda edge: st.sampled_from((-1, 0, 1, 120_000)).map(lambda by: max(0, edge + by))),
        st.integers(0, 12).map(lambda hours: hours * HOUR),
        st.integers(0, 30 * DAY),
    )


@st.composite
def items(draw: st.DrawFn, kind: str) -> Event:
    """What an event says besides when: the same in all its operations."""
    item: Event = {"kind": kind, "account": draw(st.sampled_from(("a", "a", "a", "b", "z")))}
    if draw(st.integers(0, 3)) == 0:
        item["venue"] = "elsewhere"
        if draw(st.booleans()):
            item["venue_name"] = draw(st.sampled_from(VENUES))
    if kind == "post":
        named = {"object": draw(st.sampled_from(("p", "q")))} if draw(st.booleans()) else {}
        return item | {"id": draw(st.sampled_from(("p", "q", "1"))), **named}
    names = st.sampled_from(PEOPLE)
    item["id"] = draw(st.sampled_from(("c1", "c2", "c3", "c4", "c5")))
    item["actor"] = draw(st.one_of(st.none(), names)) if kind != "like" else draw(names)
    item["object"] = draw(st.sampled_from(("p", "p", "q", "z", None)))
    if kind == "comment":
        item["thread"] = draw(st.sampled_from(("p", "q", None)))
        item["parent"] = draw(st.sampled_from(("c1", "c2", "c3", "c4", "c5", "c6", None)))
    if draw(st.integers(0, 2)) == 0:
        item["own"] = True
    if draw(st.booleans()):
        item["topics"] = draw(st.lists(st.sampled_from(TOPICS), max_size=20 if kind == "share" else 3))
    if draw(st.integers(0, 3)) == 0:
        item["flags"] = draw(st.lists(st.sampled_from(("bot", "spam", "burst", "raffle")), max_size=2))
    count = draw(st.sampled_from((1, 1, 1, 1, 3, -2)))
    return item if count == 1 else item | {"count": count}


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Items with one to four operations each, some of them twice, in any order."""
    found = []
    for kind, most in (("post", 4), ("like", 8), ("comment", 12), ("share", 5)):
        found += draw(st.lists(items(kind), max_size=most, unique_by=_identity))
    log = []
    for item in found:
        log.append(item | {"at": NOW_MS - draw(ages())})
        for age, op in draw(st.lists(st.tuples(ages(), st.sampled_from(("add", "remove"))), max_size=2)):
            log.append(item | {"at": NOW_MS - age, "op": op})
    if log:
        log += draw(st.lists(st.sampled_from(log), max_size=4))
    return draw(st.permutations(log))


def insights() -> SearchStrategy[list[Told]]:
    """What platforms say of posts, some of it of later than now."""
    figures = st.sampled_from((None, 0, 7, 40, 100))
    times = st.one_of(ages(), st.integers(-HOUR, -1)).map(lambda age: NOW_MS - age)
    one = st.builds(
        Told, st.sampled_from(ACCOUNTS), st.sampled_from(("p", "q", "1")), times, figures, figures
    )
    return st.lists(one, max_size=12)


def _identity(item: Event) -> tuple[Any, ...]:
    return (item["account"], *naive_kpis.key_of(item))


def near(found: float | None, expected: naive_kpis.Number) -> bool:
    """Counts are equal, what is divided is equal but for rounding."""
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, int):
        return found == expected
    return found == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


def followers_then(steps: dict[int, float]) -> Callable[[Ints, Ints], Floats]:
    return lambda _, times: np.array([steps[int(time) // DAY % len(steps)] for time in times.tolist()])


HOURS: tuple[tuple[tuple[str, str | None], naive_kpis.Hours] | None, ...] = (
    None,
    (("Mo-Fr 08:00-18:00", "DE-NW"), (tuple((day, 8, 18) for day in range(5)), (date(2023, 11, 1),))),
    (
        ("Mo,Th 06:00-12:00,14:00-16:00; Su 10:00-24:00", None),
        (((0, 6, 12), (0, 14, 16), (3, 6, 12), (3, 14, 16), (6, 10, 24)), ()),
    ),
)
"""Business hours and holidays as they are configured, and as the naive recomputation takes them."""


@settings(max_examples=200, deadline=None)
@given(
    both=st.tuples(logs(), insights()),
    sla=st.sampled_from((0, HOUR, 4 * HOUR, DAY, 2 * DAY)),
    targets=st.lists(st.sampled_from((*PEOPLE, "eve")), max_size=6),
    clock=st.tuples(st.sampled_from(("UTC", "Europe/Berlin", "America/St_Johns")), st.sampled_from(HOURS)),
    followers=st.lists(st.sampled_from((np.nan, 0.0, 100.0, 333.0)), min_size=1, max_size=3),
    brands=st.one_of(st.just([]), st.lists(st.sampled_from(TOPICS), min_size=2, max_size=5, unique=True)),
    days=st.sets(st.integers(1, 27)),
    burst=st.sampled_from(BURSTS),
    longer=st.sampled_from((0, 1, 299_999)),
)
def test_every_deep_kpi_equals_its_naive_recomputation(
    *,
    both: tuple[list[Event], list[Told]],
    sla: int,
    targets: list[str],
    clock: tuple[str, Any],
    followers: list[float],
    brands: list[str],
    days: set[int],
    burst: tuple[int, int],
    longer: int,
) -> None:
    log, told = both
    steps = dict(enumerate(followers))
    zone, hours = clock
    business = hours and BusinessHours(parse_week(hours[0][0]), zone, hours[0][1])
    inputs = inputs_of(
        [(0, 0, 0, 0)] * 2,
        net=net_of_events(log, ACCOUNTS, told=told),
        followers=[followers[0]] * 2,
        followers_at=followers_then(steps),
        days=days,
        clients=clients_with(
            2,
            sla_ms=sla,
            targets=[targets] * 2,
            zones=[zone] * 2,
            hours=[business] * 2,
            burst=Burst(*burst),
            voices=[Voice("1", brands[0], tuple(reversed(brands))) if brands else None] * 2,
        ),
    )

    inputs = replace(inputs, length_ms={window: ms + longer for window, ms in WINDOWS_MS.items()})

    def at(time: int) -> float | None:
        found = steps[time // DAY % len(steps)]
        return None if np.isnan(found) else found

    for row, account in enumerate(ACCOUNTS):
        for window in ("1h", "24h", "7d", "28d"):
            start = NOW_MS - WINDOWS_MS[window] - longer
            world = naive_kpis.World(
                log,
                account,
                BEGIN_MS,
                NOW_MS,
                start,
                sla,
                at,
                at(0),
                targets,
                zone,
                brands,
                hours and hours[1],
                [*told],
                days,
                burst,
                WINDOWS_MS[window],
            )
            ids = {kpi.id for kpi in KPIS if kpi.deep and window in kpi.windows}
            expected = {name: triple for name, triple in naive_kpis.kpis(world).items() if name[0] in ids}
            found = {
                (kpi.id, part): (figure.value, figure.numerator, figure.denominator)
                for kpi in KPIS
                if kpi.id in ids
                for part, figure in figures(kpi, inputs, window, row).items()
            }
            assert set(found) == set(expected)
            for name, triple in expected.items():
                assert all(map(near, found[name], triple)), (window, name, found[name], triple)


@settings(max_examples=100, deadline=None)
@given(logs(), insights(), st.randoms(use_true_random=False))
def test_neither_order_nor_duplicates_change_a_bit(log: list[Event], told: list[Told], rng: Any) -> None:
    again, told_again = [*log, *log[::2]], [*told, *told[::2]]
    rng.shuffle(again)
    rng.shuffle(told_again)
    both = [
        inputs_of(
            [(0, 0, 0, 0)] * 2,
            net=net_of_events(events, ACCOUNTS, told=of_posts),
            followers=[300, 7],
            followers_at=followers_then({0: 300.0, 1: 7.0}),
            clients=clients_with(2, targets=[PEOPLE] * 2),
        )
        for events, of_posts in ((log, told), (again, told_again))
    ]
    for kpi in KPIS:
        if kpi.deep:
            for row in range(2):
                assert figures(kpi, both[0], "28d", row) == figures(kpi, both[1], "28d", row)
