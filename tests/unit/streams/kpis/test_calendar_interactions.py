"""Interactions of calendar periods, and the same per potential."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, figures, like, net_of_events

from resonanz_streams.kpis import calendar_interactions, calendar_interactions_per_potential
from resonanz_streams.kpis.base import Floats, Ints, Place
from resonanz_streams.net.periods import PERIODS, periods


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def at(text: str) -> dict[str, Any]:
    return like(text, 0, at=ms(text))


def counts(now: str, zone: str, *events: str) -> dict[str, int]:
    table = net_of_events([at(event) for event in events], now_ms=ms(now))
    return {period.name: int(period.counts[0]) for period in periods(table, (zone,))}


def spans(now: str, zone: str) -> dict[str, list[str]]:
    """From the first millisecond to the one after the last, as UTC has them."""
    table = net_of_events([], now_ms=ms(now))
    return {
        period.name: [
            datetime.fromtimestamp((edge[0] + 1) // 1000, UTC).strftime("%m-%d %H:%M")
            for edge in (period.after_ms.tolist(), period.until_ms.tolist())
        ]
        for period in periods(table, (zone,))
    }


def test_periods_begin_at_midnight_of_the_client_s_clock_and_weeks_on_monday() -> None:
    """Wednesday 2026-03-11 09:00 in Berlin."""
    assert spans("2026-03-11T08:00+00:00", "Europe/Berlin") == {
        "today": ["03-10 23:00", "03-11 08:00"],
        "yesterday": ["03-09 23:00", "03-10 23:00"],
        "this_week": ["03-08 23:00", "03-11 08:00"],
        "last_week": ["03-01 23:00", "03-08 23:00"],
        "this_month": ["02-28 23:00", "03-11 08:00"],
    }


@pytest.mark.parametrize(
    ("now", "zone", "today", "yesterday"),
    [
        # 23 hours and 25 hours in Berlin, 24.5 on Lord Howe, and in Cairo a day that begins at 01:00.
        ("2026-03-30T12:00+00:00", "Europe/Berlin", 14, 23),
        ("2026-10-26T12:00+00:00", "Europe/Berlin", 13, 25),
        ("2026-04-06T12:00+00:00", "Australia/Lord_Howe", 22.5, 24.5),
        ("2026-04-24T12:00+00:00", "Africa/Cairo", 14, 24),
        ("2026-04-25T12:00+00:00", "Africa/Cairo", 15, 23),
    ],
)
def test_days_are_as_long_as_the_clock_makes_them(
    now: str, zone: str, today: float, yesterday: float
) -> None:
    found = {p.name: p for p in periods(net_of_events([], now_ms=ms(now)), (zone,))}
    # until − after of today is one millisecond more: now itself belongs to it.
    lengths = {name: int((p.until_ms - p.after_ms)[0]) for name, p in found.items()}
    assert (lengths["today"] - 1) / 3_600_000 == today
    assert lengths["yesterday"] / 3_600_000 == yesterday


def test_the_first_millisecond_of_a_day_is_its_own() -> None:
    events = ("2026-03-10T23:59:59.999+01:00", "2026-03-11T00:00:00+01:00", "2026-03-11T09:00+01:00")
    found = counts("2026-03-11T09:00+01:00", "Europe/Berlin", *events)
    assert found == {"today": 2, "yesterday": 1, "this_week": 3, "last_week": 0, "this_month": 3}


def test_the_last_week_and_a_month_that_began_in_it() -> None:
    days = ("04-30T12:00", "05-01T00:00", "05-03T23:59", "05-04T00:00")
    events = [f"2026-{day}+02:00" for day in days]
    found = counts("2026-05-05T12:00+02:00", "Europe/Berlin", *events)
    assert found == {"today": 0, "yesterday": 1, "this_week": 1, "last_week": 3, "this_month": 3}


def test_each_account_by_its_own_clock() -> None:
    events = [like(name, 0, at=ms("2026-03-10T23:30+00:00"), account=name) for name in "ab"]
    table = net_of_events(events, "ab", now_ms=ms("2026-03-11T08:00+00:00"))
    today, yesterday, *_ = periods(table, ("Europe/Berlin", "UTC"))
    assert (today.counts.tolist(), yesterday.counts.tolist()) == ([1, 0], [0, 1])


def test_a_month_that_began_before_what_is_remembered_is_absent() -> None:
    for day, reason in (("28", ""), ("29", "beyond_horizon")):
        net = net_of_events([at("2026-07-20T12:00+00:00")], now_ms=ms(f"2026-07-{day}T12:00+00:00"))
        found = figures(calendar_interactions.KPI, inputs_of([(0, 0, 0, 0)], net=net), "28d")
        assert found["this_month"].reason == reason
        assert found["last_week"].value == 1.0
    assert found["this_month"] == Figure(None, None, None, None, None, "beyond_horizon")
    month = calendar_interactions.KPI.compute(inputs_of([(0, 0, 0, 0)], net=net), "28d")[-1]
    assert month.coverage is not None
    assert month.coverage.tolist() == [0.0]


def test_what_was_not_watched_is_no_zero() -> None:
    def watched(place: Place, _begin: Ints, _end: Ints) -> Floats:
        seen.append(place)
        return np.array([0.0 if place[2] == "yesterday" else 0.5])

    seen: list[Place] = []
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events([]), watched=watched)
    found = figures(calendar_interactions.KPI, inputs, "28d")
    assert found["yesterday"] == Figure(None, None, None, None, None, "not_covered")
    assert found["today"].value == 0.0
    assert set(seen) == {("calendar_interactions", "28d", period) for period in PERIODS}
    columns = calendar_interactions.KPI.compute(inputs, "28d")
    assert [float((column.coverage if column.coverage is not None else [9])[0]) for column in columns] == [
        0.5, 0.0, 0.5, 0.5, 0.5,
    ]  # fmt: skip


def test_per_thousand_of_the_potential() -> None:
    net = net_of_events([like(str(number), 1) for number in range(4)])
    inputs = inputs_of([(0, 0, 0, 0)], net=net, potential=[300], clients=clients_with(1))
    found = figures(calendar_interactions_per_potential.KPI, inputs, "28d")["today"]
    assert found.value == pytest.approx(13.333, abs=0.001)
    assert found.lo == pytest.approx(3.63, abs=0.01)
    assert found.hi == pytest.approx(34.1, abs=0.1)
    nobody = inputs_of([(0, 0, 0, 0)], net=net)
    assert figures(calendar_interactions_per_potential.KPI, nobody, "28d")["today"].reason == "no_potential"
