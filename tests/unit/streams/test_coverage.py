"""What share of a window was watched. `█` was watched, `░` was not."""

from typing import Any

import numpy as np
import pytest

from resonanz_streams.coverage import EARLIER_DAYS, GRACE_MS, CoverageBook, packed, unpacked
from resonanz_streams.events import Status

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 1_700_006_400_000


def beat(account: str = "file:a", **changes: Any) -> Status:
    """A heartbeat at T of a connector that is complete up to T since ever."""
    status = {
        "connector": "file", "at_ms": T, "state": "ok", "since_ms": T - 100 * DAY, "complete_through_ms": T
    }  # fmt: skip
    return Status(**{"account": account, **status, **changes})


def book_of(*statuses: Status, accounts: tuple[str, ...] = ("file:a",)) -> CoverageBook:
    book = CoverageBook(accounts)
    for status in statuses:
        book.observe(status)
    return book


def share(book: CoverageBook, length_ms: int, now_ms: int = T) -> float:
    return float(book.share(now_ms, {"w": now_ms - length_ms})["w"][0])


def test_a_complete_connector_covers_all() -> None:
    assert share(book_of(beat()), DAY) == 1.0


def test_without_a_heartbeat_nothing_is_covered() -> None:
    assert share(book_of(), DAY) == 0.0


def test_an_account_known_since_an_hour_is_not_known_for_a_day() -> None:
    """
    ::

        t-24h               t-6h     t
          ░░░░░░░░░░░░░░░░░░░████████
    """
    assert share(book_of(beat(since_ms=T - 6 * HOUR)), DAY) == 0.25
    assert share(book_of(beat(since_ms=T - 6 * HOUR)), HOUR) == 1.0


def test_what_was_watched_before_an_account_counted_is_not_covered() -> None:
    """
    ::

        t-24h               t-6h     t
          ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒████████    watched throughout, counted from t-6h
    """
    book = book_of(beat(), beat("file:b"), accounts=("file:a", "file:b"))
    book.count_from("file:a", T - 6 * HOUR)
    book.count_from("file:z", T)
    assert book.share(T, {"w": T - DAY})["w"].tolist() == [0.25, 1.0]
    assert book.share(T + 5_000, {"w": T + 5_000 - HOUR})["w"].tolist() == [1.0, 1.0]
    book.count_from("file:a", T - DAY - 2 * HOUR)
    watched = book.days(T, {"h": T - HOUR, "d": T - DAY})
    assert watched("h")[:, :2].tolist() == [[True, False], [True, True]]
    assert watched("d")[:, :2].tolist() == [[False, False], [True, True]]
    book.count_from("file:a", T + 10_000)
    assert book.share(T + 12_000, {"w": T - 48_000})["w"].tolist() == [2_000 / 60_000, 1.0]


def test_gaps_are_left_out() -> None:
    """
    ::

        t-24h   -20h  -14h            -3h  -1h?   t
          ██████░░░░░░████████████████░░░░░███████       6 h + 2 h are missing
    """
    gaps = [(T - 3 * HOUR, T - HOUR), (T - 20 * HOUR, T - 14 * HOUR)]
    book = book_of(beat(gaps=gaps))
    assert share(book, DAY) == pytest.approx(16 / 24)
    assert share(book, HOUR) == 1.0
    assert share(book, 2 * HOUR) == 0.5
    assert share(book, 18 * HOUR) == pytest.approx(12 / 18)


def test_gaps_may_overlap_touch_and_stand_in_any_order() -> None:
    gaps = [(T - 4 * HOUR, T - 2 * HOUR), (T - 5 * HOUR, T - 3 * HOUR), (T - 2 * HOUR, T - HOUR)]
    assert share(book_of(beat(gaps=gaps)), 8 * HOUR) == 0.5


def test_a_gap_that_ends_before_it_begins_is_none() -> None:
    assert share(book_of(beat(gaps=[(T - HOUR, T - 3 * HOUR)])), DAY) == 1.0


def test_a_gap_inside_another_adds_nothing() -> None:
    gaps = [(T - 6 * HOUR, T - 2 * HOUR), (T - 5 * HOUR, T - 4 * HOUR)]
    assert share(book_of(beat(gaps=gaps)), 8 * HOUR) == 0.5


def test_a_gap_at_the_edge_of_the_window_counts_only_its_part_inside() -> None:
    assert share(book_of(beat(gaps=[(T - 30 * HOUR, T - 18 * HOUR)])), DAY) == 0.75


def test_after_a_connector_stopped_coverage_falls_with_time() -> None:
    """
    ::

        t                t+12h             t+24h
        ██████████████████░░░░░░░░░░░░░░░░░
    """
    book = book_of(beat(complete_through_ms=T))
    assert share(book, DAY, now_ms=T + 12 * HOUR) == 0.5
    assert share(book, HOUR, now_ms=T + 12 * HOUR) == 0.0


def test_a_healthy_connector_that_lags_a_little_counts_as_complete() -> None:
    book = book_of(beat(complete_through_ms=T - GRACE_MS))
    assert share(book, MINUTE) == 1.0
    assert share(book_of(beat(complete_through_ms=T - GRACE_MS - 1)), MINUTE) == pytest.approx(
        44_999 / MINUTE
    )


@pytest.mark.parametrize("changes", [{"state": "degraded"}, {"state": "down"}, {"ended": True}])
def test_a_connector_that_is_not_well_or_has_ended_gets_no_grace(changes: dict[str, Any]) -> None:
    book = book_of(beat(complete_through_ms=T - 6_000, **changes))
    assert share(book, MINUTE) == pytest.approx(0.9)


def test_a_connector_ahead_of_now_covers_no_more_than_all() -> None:
    """With the event clock connectors are complete far beyond now."""
    assert share(book_of(beat(complete_through_ms=T + 50 * DAY)), DAY) == 1.0


def test_two_connectors_of_an_account_fill_each_other_s_gaps() -> None:
    """
    ::

        t-24h                        -6h   t
        one    ████████████░░░░░░░░░░██████
        two                ███████         (since t-12h, stopped at t-9h)
    """
    one = beat(gaps=[(T - 12 * HOUR, T - 6 * HOUR)])
    two = beat(connector="webhook", since_ms=T - 12 * HOUR, complete_through_ms=T - 9 * HOUR, state="down")
    assert share(book_of(one, two), DAY) == pytest.approx(21 / 24)


def test_only_the_newest_heartbeat_of_a_connector_counts() -> None:
    old = beat(at_ms=T - 1, since_ms=T - HOUR)
    assert share(book_of(beat(), old), DAY) == 1.0
    assert share(book_of(old, beat()), DAY) == 1.0


def test_the_heartbeat_of_an_account_of_others_changes_nothing() -> None:
    book = book_of(beat("file:b"))
    assert share(book, DAY) == 0.0
    assert book.complete_through() is None
    assert book.knows("file:a")
    assert not book.knows("file:b")


def test_everything_is_complete_up_to_the_slowest_account_with_a_connector() -> None:
    accounts = ("file:a", "file:b", "file:c")
    book = book_of(beat("file:a"), beat("file:b", complete_through_ms=T - HOUR), accounts=accounts)
    assert book.complete_through() == T - HOUR
    book.observe(beat("file:b", connector="webhook", complete_through_ms=T - MINUTE))
    assert book.complete_through() == T - MINUTE, "the better one of two connectors"
    book.observe(beat("file:c", complete_through_ms=T - DAY))
    assert book.complete_through() == T - DAY


def test_a_period_of_its_own_for_each_account_that_ended_long_ago() -> None:
    """Gap of b from 30 h to 24 h before T; c begins at its connector's first hour."""
    book = book_of(
        beat("file:a"),
        beat("file:b", gaps=[(T - 30 * HOUR, T - 24 * HOUR)]),
        beat("file:c", since_ms=T - 36 * HOUR),
        accounts=("file:a", "file:b", "file:c"),
    )
    begin, end = T - np.array([50, 48, 37]) * HOUR, T - np.array([49, 24, 33]) * HOUR
    assert book.between(T)(begin, end).tolist() == [1.0, 0.75, 0.75]
    assert book.between(T, known_from_ms=T - 30 * HOUR)(begin, end).tolist() == [0.0, 0.0, 0.0]
    assert book.between(T, known_from_ms=T - 36 * HOUR)(begin, end).tolist() == [0.0, 0.25, 0.75]


def test_a_period_up_to_now_is_complete_while_heartbeats_lag_a_little() -> None:
    book = book_of(beat())
    now = T + GRACE_MS
    watched = book.between(now)
    assert watched(np.array([T - HOUR]), np.array([now])).tolist() == [1.0]
    assert watched(np.array([T - HOUR]), np.array([now - 5000])).tolist() == [1.0]
    late = book.between(now + 1)
    assert late(np.array([T - HOUR]), np.array([T + HOUR // 4])).tolist() == [0.8]
    # What it says is as of then, whatever is heard later.
    book.observe(beat(complete_through_ms=T + HOUR, at_ms=T + HOUR))
    assert late(np.array([T - HOUR]), np.array([T + HOUR // 4])).tolist() == [0.8]


def test_without_accounts_nothing_is_complete() -> None:
    assert book_of(accounts=()).complete_through() is None
    assert book_of(accounts=()).share(T, {"1h": T - HOUR})["1h"].tolist() == []


@pytest.mark.parametrize(
    ("since_ms", "through_ms"),
    [(T - HOUR - 2**43, T), (T - HOUR + 2**43, 2**62), (-(2**63), 2**63 - 1), (-1, T), (T, -(2**63))],
)
def test_a_time_that_none_can_be_does_not_spoil_the_neighbours(since_ms: int, through_ms: int) -> None:
    """A connector of somebody else mistook microseconds for milliseconds, or worse."""
    accounts = ("file:a", "file:b", "file:c")
    book = book_of(
        beat("file:a", since_ms=T - 6 * HOUR),
        beat("file:b", since_ms=since_ms, complete_through_ms=through_ms, gaps=[(T, since_ms)]),
        beat("file:c", since_ms=T - 12 * HOUR),
        accounts=accounts,
    )
    shares = book.share(T, {"24h": T - DAY})["24h"].tolist()
    assert (shares[0], shares[2]) == (0.25, 0.5)
    assert 0 <= shares[1] <= 1


def watched(book: CoverageBook, start_ms: int, **options: int) -> list[int]:
    """Of how many days ago the window from then to T was watched."""
    found = book.days(T, {"w": start_ms}, **options)("w")
    assert found.shape == (1, EARLIER_DAYS)
    return [day for day, was in enumerate(found[0].tolist(), 1) if was]


def test_which_earlier_days_were_watched() -> None:
    """
    ::

        27 … 11   10   9    8    7    6    5    4    3    2    1   days ago
        ░░░░░░░░░░░░░████████████████████▓███████░░░░░░░░░██████████   ▓: an hour and a half is missing
    """
    gaps = [(T - 6 * DAY - HOUR, T - 6 * DAY + HOUR // 2), (T - 5 * DAY, T - 3 * DAY)]
    book = book_of(beat(since_ms=T - 10 * DAY, gaps=gaps))
    assert watched(book, T - DAY) == [1, 2, 5, 6, 7, 8, 9], "an hour of a day is less than a twentieth"
    assert watched(book, T - HOUR) == [1, 2, 5, 7, 8, 9], "but it is the whole hour before"
    assert watched(book_of(), T - DAY) == []


def test_a_day_is_watched_from_a_share_of_95_percent_on() -> None:
    lost = DAY // 20
    assert 1 in watched(book_of(beat(gaps=[(T - DAY - lost, T - DAY)])), T - DAY)
    assert 1 not in watched(book_of(beat(gaps=[(T - DAY - lost - 1, T - DAY)])), T - DAY)


def test_of_what_the_ledger_has_forgotten_no_day_was_watched() -> None:
    known = T - 4 * DAY
    assert watched(book_of(beat()), T - DAY, known_from_ms=known) == [1, 2, 3]
    assert watched(book_of(beat()), T - HOUR, known_from_ms=known) == [1, 2, 3]
    assert watched(book_of(beat()), T - DAY) == list(range(1, 28))


def test_which_days_stays_as_it_was_when_more_is_told() -> None:
    book = book_of(beat(since_ms=T - 3 * DAY))
    days = book.days(T, {"w": T - DAY})
    book.observe(beat(since_ms=0, at_ms=T + 1))
    assert days("w").sum() == 2
    assert book.days(T, {"w": T - DAY})("w").sum() == 27


def test_days_as_a_number_and_back() -> None:
    days = np.zeros((2, EARLIER_DAYS), dtype=np.bool_)
    days[0, [0, 2, 26]] = True
    assert packed(days).tolist() == [1 + 4 + 2**26, 0]
    assert (unpacked(packed(days)) == days).all()
