"""What platforms tell of posts: of each figure the newest snapshot holds, and no more is kept than that."""

import msgspec
import numpy as np
import pytest

from resonanz_streams.errors import StopError
from resonanz_streams.identity import hashes
from resonanz_streams.insights import MAX_SNAPSHOTS, UNKNOWN, InsightBook

HOUR, DAY = 3_600_000, 86_400_000
T = 1_700_006_400_000
P, Q = (int(one) for one in hashes(["p", "q"]))


def book_at(now_ms: int, *snapshots: tuple[int, int, int], row: int = 0) -> InsightBook:
    """Snapshots of post p: (time, reach, impressions)."""
    book = InsightBook()
    book.forget(now_ms)
    for at_ms, *figures in snapshots:
        book.add(row, P, at_ms, figures)
    return book


def known(book: InsightBook, now_ms: int, post: int = P, row: int = 0) -> tuple[float, float]:
    """Reach and impressions of a post; -1 where nobody knows."""
    book.forget(now_ms)
    figures = book.at(now_ms)(np.array([row]), np.array([post], dtype=np.uint64))
    reach, impressions = (float(np.nan_to_num(figure[0], nan=-1.0)) for figure in figures)
    return reach, impressions


def stored(book: InsightBook, row: int = 0) -> int:
    """How many snapshots of both figures the row of an account holds."""
    return sum(len(posts) // 8 for _, posts, _, _ in msgspec.msgpack.decode(book.pack(row)))


def test_the_newest_that_is_not_later_than_now_holds() -> None:
    """
    ::

        t-5h    t-1h      t       t+2h
         100     300      ┤        900
    """
    book = book_at(T, (T + 2 * HOUR, 900, 7), (T - HOUR, 300, 5), (T - 5 * HOUR, 100, 3))
    assert known(book, T) == (300, 5)
    assert known(book, T + 2 * HOUR - 1) == (300, 5)
    assert known(book, T + 2 * HOUR) == (900, 7)


def test_a_figure_that_is_not_told_leaves_the_one_before_in_force() -> None:
    book = book_at(T, (T - 2 * HOUR, 100, UNKNOWN), (T - HOUR, UNKNOWN, 50))
    assert known(book, T) == (100, 50)
    assert not book.add(0, P, T, (UNKNOWN, UNKNOWN))


def test_zero_is_told_and_not_unknown() -> None:
    assert known(book_at(T, (T - HOUR, 0, UNKNOWN)), T) == (0, -1)


def test_only_what_says_something_new_is_news() -> None:
    book = book_at(T)
    assert book.add(0, P, T - HOUR, (100, UNKNOWN))
    assert not book.add(0, P, T - HOUR, (100, UNKNOWN))
    assert not book.add(0, P, T - HOUR, (99, UNKNOWN))
    assert book.add(0, P, T - HOUR, (101, UNKNOWN))
    assert book.add(0, P, T - HOUR, (101, 5))
    assert not book.add(0, P, T - 2 * HOUR, (500, 500)), "a newer one holds already"
    assert known(book, T) == (101, 5)


def test_what_a_newer_one_replaces_is_let_go() -> None:
    book = book_at(T)
    for hour in range(24 * 20):
        book.forget(T + hour * HOUR)
        book.add(0, P, T + hour * HOUR, (hour, 2 * hour))
        assert stored(book) == 2
    assert known(book, T + 20 * DAY) == (479, 958)


def test_what_is_older_than_the_longest_window_says_nothing() -> None:
    book = book_at(T, (T - 28 * DAY + 1, 5, 6))
    assert known(book, T) == (5, 6)
    assert known(book, T + HOUR) == (-1, -1)
    assert stored(book) == 0
    assert not book.add(0, P, T - 28 * DAY, (9, 9))


def test_a_snapshot_of_then_is_taken_as_of_the_call() -> None:
    book = book_at(T, (T - HOUR, 100, 5))
    taken = book.at(T)
    book.add(0, P, T, (200, 9))
    assert [float(one[0]) for one in taken(np.array([0]), np.array([P], np.uint64))] == [100, 5]


def test_posts_and_accounts_stand_apart() -> None:
    book = book_at(T, (T - HOUR, 100, 5))
    book.add(0, Q, T - HOUR, (7, 8))
    book.add(3, P, T - HOUR, (1, 2))
    assert [known(book, T, Q), known(book, T, P, 3), known(book, T, Q, 3)] == [(7, 8), (1, 2), (-1, -1)]
    assert known(InsightBook(), T) == (-1, -1)


def test_an_account_keeps_no_more_than_a_row_can_hold_and_says_so() -> None:
    """Somebody tells of ever more posts: the oldest are unknown then, never wrong."""
    book = book_at(T)
    posts = hashes([str(number) for number in range(MAX_SNAPSHOTS + 1)])
    for number, post in enumerate(posts[:-1].tolist()):
        book.add(0, post, T - DAY + number, (number, UNKNOWN))
    assert not book.cut(0)
    assert book.add(0, int(posts[-1]), T, (5, UNKNOWN))
    assert book.cut(0)
    assert not book.cut(1)
    reach, _ = book.at(T)(np.zeros(len(posts), np.int64), posts)
    assert np.isnan(reach[:1000]).all()
    assert reach[1000:].tolist() == [*range(1000, MAX_SNAPSHOTS), 5]
    assert len(book.pack(0)) < 300_000
    assert not book.add(0, int(posts[0]), T - DAY, (0, UNKNOWN)), "there was no room for it"
    again = InsightBook()
    again.unpack(0, book.pack(0), "file:a")
    again.forget(T)
    assert again.cut(0)
    again.forget(T + 28 * DAY)
    assert not again.cut(0), "no window reaches back so far"


def test_what_is_stored_comes_back_and_can_grow() -> None:
    book = book_at(T, (T - HOUR, 100, 5), (T + HOUR, 900, 9))
    other = InsightBook()
    other.forget(T)
    other.unpack(1, book.pack(0), "file:b")
    assert other.pack(1) == book.pack(0)
    assert known(other, T, row=1) == (100, 5)
    assert other.add(1, P, T, (200, 6))
    assert known(other, T, row=1) == (200, 6)


@pytest.mark.parametrize(
    "data",
    [b"", b"123", b"\x91\x94\x00\xc4\x01a\xc4\x00\xc4\x00", b"\x91\x94\x00\xc4\x00\xc4\x00\xc4\x00"],
    ids=["nothing", "no row", "half a number", "one figure"],
)
def test_what_is_no_row_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(StopError, match=r"the reach of posts of file:a cannot be read .*resonanz rebuild"):
        InsightBook().unpack(0, data, "file:a")
