"""F: the mean of a step function through the snapshots, each of which holds at most 48 hours."""

import math
import random

import numpy as np
import pytest

from resonanz_streams.audience import MAX_SNAPSHOTS, AudienceBook

HOUR, DAY = 3_600_000, 86_400_000
T = 1_700_006_400_000


def book_of(*snapshots: tuple[int, int], accounts: int = 1) -> AudienceBook:
    """Snapshots of account 0: (time, followers)."""
    book = AudienceBook(accounts)
    for at_ms, followers in snapshots:
        book.add(0, at_ms, followers)
    return book


def mean(book: AudienceBook, now_ms: int, length_ms: int) -> float:
    return float(book.mean(now_ms, {"w": length_ms})["w"][0])


def test_a_snapshot_holds_until_the_next_one() -> None:
    """
    ::

        t-24h        t-6h    t
          |    300     | 340 |       (18·300 + 6·340) / 24
    """
    assert mean(book_of((T - DAY, 300), (T - 6 * HOUR, 340)), T, DAY) == 310.0


def test_a_snapshot_before_the_window_counts_from_the_window_s_edge() -> None:
    assert mean(book_of((T - 30 * HOUR, 300), (T - 6 * HOUR, 340)), T, DAY) == 310.0


def test_only_the_known_part_of_the_window_is_averaged() -> None:
    """
    ::

        t-24h   t-8h    t-2h  t
          |  ?   |  100  | 500|      (6·100 + 2·500) / 8
    """
    assert mean(book_of((T - 8 * HOUR, 100), (T - 2 * HOUR, 500)), T, DAY) == 200.0


def test_a_snapshot_holds_for_48_hours_and_no_longer() -> None:
    book = book_of((T, 300))
    assert mean(book, T + 48 * HOUR, HOUR) == 300.0
    assert mean(book, T + 49 * HOUR - 1, HOUR) == 300.0, "one millisecond of the hour is known"
    assert math.isnan(mean(book, T + 49 * HOUR, HOUR))


def test_between_two_distant_snapshots_nothing_is_known_after_48_hours() -> None:
    """
    ::

        0         48h        72h   96h
        |   100    |    ?     | 400 |       (48·100 + 24·400) / 72
    """
    book = book_of((T, 100), (T + 72 * HOUR, 400))
    assert mean(book, T + 96 * HOUR, 96 * HOUR) == 200.0
    assert math.isnan(mean(book, T + 72 * HOUR, 24 * HOUR))


def test_a_snapshot_of_the_future_says_nothing_yet() -> None:
    book = book_of((T + HOUR, 900))
    assert math.isnan(mean(book, T, DAY))
    book.add(0, T - HOUR, 300)
    assert mean(book, T, DAY) == 300.0


def test_without_snapshots_nothing_is_known() -> None:
    book = AudienceBook(3)
    assert np.isnan(book.mean(T, {"24h": DAY})["24h"]).all()
    assert AudienceBook(0).mean(T, {"24h": DAY})["24h"].tolist() == []


def test_no_followers_are_a_fact_and_not_a_lack() -> None:
    assert mean(book_of((T - HOUR, 0)), T, DAY) == 0.0


def test_of_two_snapshots_of_one_moment_the_larger_stays_in_any_order() -> None:
    assert mean(book_of((T - HOUR, 300), (T - HOUR, 310)), T, DAY) == 310.0
    assert mean(book_of((T - HOUR, 310), (T - HOUR, 300)), T, DAY) == 310.0


def test_only_what_says_something_new_is_news() -> None:
    book = AudienceBook(1)
    assert book.add(0, T, 300)
    assert not book.add(0, T, 300)
    assert not book.add(0, T, 299)
    assert book.add(0, T, 301)
    assert book.add(0, T - HOUR, 301)


def test_order_and_repetition_change_nothing() -> None:
    rng = random.Random(3)
    snapshots = [(T - rng.randrange(40 * DAY), rng.randrange(10_000)) for _ in range(300)]
    lengths = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}
    expected = {window: means.tolist() for window, means in book_of(*snapshots).mean(T, lengths).items()}
    for _ in range(5):
        again = book_of(*rng.sample(snapshots * 2, 600))
        again.forget(T)
        assert {window: means.tolist() for window, means in again.mean(T, lengths).items()} == expected


def test_a_year_read_ahead_is_still_there_when_time_gets_to_it() -> None:
    """With the event clock now may be months behind the snapshots that were read."""
    book = book_of(*[(T + day * DAY, 100 + day) for day in range(365)])
    book.forget(T + 28 * DAY)
    assert mean(book, T + 28 * DAY, 28 * DAY) == 100 + 27 / 2
    book.forget(T + 100 * DAY)
    assert mean(book, T + 100 * DAY, 28 * DAY) == 100 + 72 + 27 / 2


def test_what_holds_in_no_window_any_more_is_let_go() -> None:
    """
    ::

         t-31d     t-30d-1h             t-28d      t
           x          |  48 h           (          ]
          gone     kept: holds up to the oldest edge of 28 d
    """
    book = book_of((T - 31 * DAY, 1), (T - 30 * DAY - HOUR, 2), (T, 3))
    book.forget(T)
    assert len(book.pack(0)) == 2 * 16
    assert not book.add(0, T - 30 * DAY - HOUR - 1, 9)
    assert book.is_late(T - 30 * DAY - HOUR - 1)
    assert not book.is_late(T - 30 * DAY - HOUR)


def test_forgetting_changes_no_mean() -> None:
    book, forgetful = AudienceBook(1), AudienceBook(1)
    for hour in range(60 * 24):
        for one in (book, forgetful):
            one.add(0, T + hour * HOUR, 1000 + hour)
        forgetful.forget(T + hour * HOUR)
    now = T + 60 * DAY - 1
    assert mean(forgetful, now, 28 * DAY) == mean(book, now, 28 * DAY)
    assert len(forgetful.pack(0)) < len(book.pack(0))


def test_an_account_keeps_no_more_than_a_row_can_hold() -> None:
    """Somebody tells followers every second: the oldest leave, the row stays below what a broker takes."""
    book = AudienceBook(1)
    for second in range(MAX_SNAPSHOTS + 10):
        book.add(0, T + second * 1000, second)
    packed = book.pack(0)
    assert len(packed) == MAX_SNAPSHOTS * 16 == 640_000
    assert np.frombuffer(packed, "<i8")[:2].tolist() == [T + 10_000, 10]


def test_what_is_stored_comes_back() -> None:
    book = book_of((T - DAY, 300), (T - 6 * HOUR, 340))
    other = AudienceBook(2)
    other.unpack(1, book.pack(0), "file:b")
    assert other.mean(T, {"24h": DAY})["24h"].tolist() == [pytest.approx(math.nan, nan_ok=True), 310.0]
    assert other.pack(1) == book.pack(0)
    assert other.add(1, T, 1), "and can grow"


def test_accounts_stand_apart() -> None:
    book = AudienceBook(3)
    book.add(0, T - HOUR, 10)
    book.add(2, T - 3 * HOUR, 30)
    book.add(2, T - HOUR, 50)
    means = book.mean(T, {"24h": DAY})["24h"].tolist()
    assert means[0] == 10.0
    assert math.isnan(means[1])
    assert means[2] == pytest.approx((2 * 30 + 50) / 3)


def test_an_account_s_last_snapshot_holds_whatever_the_next_account_s_first_one_says() -> None:
    book = AudienceBook(2)
    book.add(0, T, 10)
    book.add(1, T + 10 * HOUR, 20)
    assert book.mean(T + 40 * HOUR, {"1h": HOUR})["1h"].tolist() == [10.0, 20.0]
