"""Rolling windows. In the timelines `(` is an edge that is outside, `]` one that is inside."""

import numpy as np
import psutil
import pytest

from resonanz_streams.windows import RINGS, Deltas, Windows, old_edge_ms

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
T = 1_700_000_000_000 - 1_700_000_000_000 % DAY
"""Midnight: a multiple of every resolution."""


def deltas(*likes: tuple[int, int]) -> Deltas:
    """Likes of account 0: (event time, weight)."""
    zeros = np.zeros(len(likes), dtype=np.int64)
    return Deltas(
        zeros, zeros, np.array([at for at, _ in likes]), np.array([by for _, by in likes], dtype=np.int64)
    )


def windows_at(now_ms: int, *likes: tuple[int, int]) -> Windows:
    windows = Windows(1)
    windows.advance(now_ms)
    windows.add(deltas(*likes))
    return windows


def likes_in(windows: Windows) -> dict[str, int]:
    return {window: int(sums[0, 0]) for window, sums in windows.sums.items()}


@pytest.mark.parametrize(
    ("window", "length", "resolution"),
    [
        ("1m", MINUTE, 10 * SECOND),
        ("5m", 5 * MINUTE, 10 * SECOND),
        ("15m", 15 * MINUTE, 10 * SECOND),
        ("1h", HOUR, 10 * SECOND),
        ("24h", DAY, 5 * MINUTE),
        ("7d", 7 * DAY, HOUR),
        ("28d", 28 * DAY, HOUR),
    ],
)
def test_at_a_multiple_of_the_resolution_a_window_is_exact(window: str, length: int, resolution: int) -> None:
    """
    ::

        t-w  +1                              t   +1
         (    ]------------------------------]    (
         x    x                              x    x
        out   in                             in  out (later than now)
    """
    windows = windows_at(T, (T - length, 1), (T - length + 1, 10), (T, 100), (T + 1, 1000))
    assert likes_in(windows)[window] == 110
    assert old_edge_ms(window, T) == T - length
    assert T % resolution == 0


@pytest.mark.parametrize(
    ("window", "length", "resolution"),
    [("1m", MINUTE, 10 * SECOND), ("24h", DAY, 5 * MINUTE), ("28d", 28 * DAY, HOUR)],
)
def test_between_multiples_a_window_is_never_shorter_than_its_name(
    window: str, length: int, resolution: int
) -> None:
    """
    ::

             edge        t-w
              (     ]     |                   t
              x     x     x                   ]
             out    in    in
    """
    now = T + resolution - 1
    windows = windows_at(now, (T - length, 1), (T - length + 1, 10), (now - length, 100), (now, 1000))
    assert likes_in(windows)[window] == 1110
    assert old_edge_ms(window, now) == T - length


def test_an_event_leaves_one_window_after_the_other() -> None:
    """
    ::

        x            |1m  |5m  |15m  |1h          |24h      |7d            |28d
    """
    windows = windows_at(T, (T, 1))
    seen = []
    for later in (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY):
        windows.advance(T + later - 1)
        before = sum(likes_in(windows).values())
        windows.advance(T + later)
        seen.append((before, sum(likes_in(windows).values())))
    assert seen == [(7, 6), (6, 5), (5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]


def test_a_jump_beyond_every_window_empties_all_and_the_rings_are_clean() -> None:
    windows = windows_at(T, (T, 5), (T - 20 * DAY, 7))
    windows.advance(T + 100 * DAY)
    assert set(likes_in(windows).values()) == {0}
    assert windows.peak_per_minute()().tolist() == [0.0]
    windows.add(deltas((T + 100 * DAY, 1)))
    assert set(likes_in(windows).values()) == {1}
    windows.advance(T + 100 * DAY + 1)
    assert set(likes_in(windows).values()) == {1}


def test_time_that_goes_back_changes_nothing() -> None:
    windows = windows_at(T, (T, 1))
    windows.advance(T - HOUR)
    assert windows.now_ms == T
    assert likes_in(windows)["1m"] == 1


def test_what_is_later_than_now_waits_for_its_time() -> None:
    """
    ::

             now            t+10s          t+20s
              |               x
        1m:   0               1              1
    """
    windows = windows_at(T, (T + 10 * SECOND, 1))
    assert likes_in(windows)["28d"] == 0
    windows.advance(T + 10 * SECOND - 1)
    assert likes_in(windows)["28d"] == 0
    windows.advance(T + 10 * SECOND)
    assert set(likes_in(windows).values()) == {1}


def test_before_the_first_advance_everything_waits() -> None:
    windows = Windows(1)
    windows.add(deltas((T - HOUR, 1), (T, 1)))
    assert set(likes_in(windows).values()) == {0}
    windows.advance(T)
    assert likes_in(windows) == {"1m": 1, "5m": 1, "15m": 1, "1h": 1, "24h": 2, "7d": 2, "28d": 2}


def test_a_ring_that_no_longer_spans_an_event_is_left_alone() -> None:
    """Else an event of two hours ago would count in the bucket that the 1 h ring uses again."""
    ring = RINGS[0]
    windows = windows_at(T, (T - ring.size * ring.resolution_ms, 1))
    assert likes_in(windows) == {"1m": 0, "5m": 0, "15m": 0, "1h": 0, "24h": 1, "7d": 1, "28d": 1}


def test_accounts_and_kinds_stand_apart() -> None:
    windows = Windows(3)
    windows.advance(T)
    windows.add(
        Deltas(np.array([0, 2, 2, 2]), np.array([0, 1, 2, 3]), np.full(4, T), np.array([1, 20, 300, 4000]))
    )
    assert windows.sums["5m"].tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 20, 300, 4000, 0]]


def test_a_bucket_is_empty_when_its_turn_comes_again() -> None:
    """The ring of an hour has 361 buckets of 10 s: the one of t is used again at t + 3,610 s."""
    windows = windows_at(T, (T, 5))
    again = T + 3_610 * SECOND
    for step in range(1, 362):
        windows.advance(T + step * 10 * SECOND)
    windows.add(deltas((again, 1)))
    windows.advance(again + 10 * SECOND)
    windows.add(deltas((again + 10 * SECOND, 1)))
    windows.advance(again + MINUTE)
    assert likes_in(windows)["1m"] == 1
    windows.advance(again + HOUR)
    assert likes_in(windows)["1h"] == 1


def test_several_changes_of_one_bucket_in_one_batch_all_count() -> None:
    windows = windows_at(T, *[(T - 1, 1)] * 1000, (T - 1, -3))
    assert likes_in(windows)["1m"] == 997


def test_sums_beyond_32_bits_stay_exact_until_they_leave() -> None:
    most = 2**31 - 1
    windows = windows_at(T, (T, most), (T, most))
    windows.add(deltas((T, most), (T - 1, -1)))
    assert set(likes_in(windows).values()) == {3 * most - 1}
    windows.advance(T + DAY)
    assert likes_in(windows) == {
        "1m": 0, "5m": 0, "15m": 0, "1h": 0, "24h": 0, "7d": 3 * most - 1, "28d": 3 * most - 1
    }  # fmt: skip


def test_buckets_beyond_32_bits_leave_as_they_came() -> None:
    """
    ::

        t-30min          t           t+30min
           2·(2³¹-1)     1           the first leaves the hour, and was the busiest of the day
    """
    most = 2**31 - 1
    windows = windows_at(T, (T - 30 * MINUTE, most), (T, 1))
    windows.add(deltas((T - 30 * MINUTE, most)))
    windows.advance(T + 30 * MINUTE)
    assert likes_in(windows)["1h"] == 1
    assert likes_in(windows)["24h"] == 2 * most + 1
    assert windows.peak_per_minute()().tolist() == [2 * most / 5]


def test_sums_below_minus_32_bits_stay_exact_too() -> None:
    least = -(2**31 - 1)
    windows = windows_at(T, (T, least))
    windows.add(deltas((T, least)))
    windows.add(deltas((T, -2)))
    assert likes_in(windows)["1m"] == 2 * least - 2


def test_the_peak_is_the_busiest_five_minutes_of_a_day() -> None:
    """
    ::

           00:00   05   10   15  …  24:00
             | 3  ] 10 ] 1  ]
    """
    windows = windows_at(T + DAY - 1, (T + 1, 3), (T + 5 * MINUTE + 1, 4), (T + 10 * MINUTE, 6))
    windows.add(deltas((T + 10 * MINUTE + 1, 1)))
    peak = windows.peak_per_minute()
    assert peak().tolist() == [2.0]


def test_the_peak_forgets_what_left_the_day() -> None:
    windows = windows_at(T, (T - DAY + 1, 50), (T - HOUR, 5))
    peak = windows.peak_per_minute()
    assert peak().tolist() == [10.0]
    windows.advance(T + 5 * MINUTE)
    assert peak().tolist() == [1.0]


def test_a_peak_of_nothing_or_of_falling_totals_is_zero() -> None:
    assert Windows(2).peak_per_minute()().tolist() == [0.0, 0.0]
    assert windows_at(T, (T, -5)).peak_per_minute()().tolist() == [0.0]


def test_no_accounts_are_no_trouble() -> None:
    windows = Windows(0)
    windows.advance(T)
    windows.advance(T + DAY)
    assert windows.sums["1m"].shape == (0, 5)
    assert windows.peak_per_minute()().tolist() == []


def test_accounts_without_events_take_no_memory_as_time_passes() -> None:
    """Every bucket is cleared on the way. All of the rings are 203 MB."""
    windows = Windows(10_000)
    windows.advance(T)
    before = psutil.Process().memory_info().rss
    for now_ms in range(T, T + HOUR, 10 * SECOND):
        windows.advance(now_ms)
    windows.advance(T + 30 * DAY)
    assert psutil.Process().memory_info().rss - before < 20 * 2**20
