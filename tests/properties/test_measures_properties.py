"""Followers and coverage against a look at every single hour."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonanz_streams.audience import AudienceBook
from resonanz_streams.coverage import CoverageBook
from resonanz_streams.events import Status

HOUR = 3_600_000
HOURS = st.integers(0, 200)
SNAPSHOTS = st.lists(st.tuples(HOURS, st.integers(0, 2**31 - 1)), max_size=12)


def known_at(snapshots: list[tuple[int, int]], hour: int) -> int | None:
    """The newest snapshot not later than the hour and at most 48 hours old; the larger of two at a time."""
    before = [(at, people) for at, people in snapshots if hour - 48 < at <= hour]
    return max(before)[1] if before else None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(SNAPSHOTS, min_size=1, max_size=3),
    st.integers(1, 250),
    st.integers(1, 300),
    st.randoms(use_true_random=False),
)
def test_followers_are_the_mean_of_the_known_hours(
    accounts: list[list[tuple[int, int]]], now: int, length: int, rng: Random
) -> None:
    book = AudienceBook(len(accounts))
    told = [(row, at, people) for row, snapshots in enumerate(accounts) for at, people in snapshots]
    for row, at, people in rng.sample(told, len(told)):
        book.add(row, at * HOUR, people)
    means = book.mean(now * HOUR, {"w": length * HOUR})["w"].tolist()
    for mean, snapshots in zip(means, accounts, strict=True):
        hours = [known_at(snapshots, hour) for hour in range(now - length, now)]
        known = [people for people in hours if people is not None]
        expected = sum(known) / len(known) if known else math.nan
        assert mean == pytest.approx(expected, rel=1e-12, nan_ok=True)


@st.composite
def statuses(draw: st.DrawFn) -> Status:
    gaps = draw(st.lists(st.tuples(HOURS, HOURS), max_size=4))
    return Status(
        connector=draw(st.sampled_from(("file", "webhook"))),
        account=draw(st.sampled_from(("file:a", "file:b"))),
        at_ms=draw(st.integers(0, 5)),
        state="down",
        since_ms=draw(HOURS) * HOUR,
        complete_through_ms=draw(HOURS) * HOUR,
        gaps=[(start * HOUR, end * HOUR) for start, end in gaps],
    )


def watched(status: Status, hour: int) -> bool:
    at = hour * HOUR
    inside = status.since_ms <= at < status.complete_through_ms
    return inside and not any(start <= at < end for start, end in status.gaps)


@settings(max_examples=300, deadline=None)
@given(st.lists(statuses(), max_size=6), st.integers(1, 250), st.integers(1, 300))
def test_coverage_is_the_share_of_hours_that_somebody_watched(
    told: list[Status], now: int, length: int
) -> None:
    book = CoverageBook(("file:a", "file:b"))
    newest: dict[tuple[str, str], Status] = {}
    for status in told:
        book.observe(status)
        key = (status.account, status.connector)
        if key not in newest or newest[key].at_ms <= status.at_ms:
            newest[key] = status
    shares = book.share(now * HOUR, {"w": (now - length) * HOUR})["w"].tolist()
    for share, account in zip(shares, ("file:a", "file:b"), strict=True):
        mine = [status for status in newest.values() if status.account == account]
        hours = [any(watched(status, hour) for status in mine) for hour in range(now - length, now)]
        assert share == pytest.approx(sum(hours) / length)
