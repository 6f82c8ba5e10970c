"""Since when accounts count that came while a worker ran, as it is stored."""

import pytest
from tests.engines import NOW_MS

from resonanz_streams.adoptions import Adoptions
from resonanz_streams.coverage import CoverageBook
from resonanz_streams.errors import StopError

DAY = 86_400_000
SINCE = {b"c/file:a": b"1700000000000"}


def adoptions() -> Adoptions:
    return Adoptions(CoverageBook(["file:a"]))


def test_they_are_written_once_and_kept_until_no_window_reaches_them() -> None:
    known = adoptions()
    known.add({"file:a"}, NOW_MS)
    assert known.take(NOW_MS) == SINCE
    assert known.take(NOW_MS) == {}
    again = adoptions()
    again.load(SINCE)
    assert again.take(NOW_MS + 57 * DAY) == {}
    assert again.take(NOW_MS + 57 * DAY + 1) == {b"c/file:a": None}
    assert again.take(NOW_MS + 58 * DAY) == {}


def test_what_comes_back_counts_from_then_on() -> None:
    known = adoptions()
    known.load({b"c/file:a": b"5", b"c/file:gone": b"1700000000000"})
    known.add({"file:a"}, NOW_MS)
    assert known.take(NOW_MS) == SINCE


@pytest.mark.parametrize("row", [{b"c/file:a": b"soon"}, {b"c/file:\xff": b"1"}])
def test_a_row_that_cannot_be_read_says_what_to_do(row: dict[bytes, bytes]) -> None:
    with pytest.raises(StopError, match=r"the state's row .* cannot be read .*resonanz rebuild"):
        adoptions().load(row)
