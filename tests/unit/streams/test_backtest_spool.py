"""Any order comes back in order of time, from chunks and blocks of any size."""

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonanz_streams.backtest_spool import Spool

ROW = np.dtype([("known_ms", "<i8"), ("number", "<i4")])


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as opened:
        yield opened


def rows(*times: int) -> Any:
    return np.array([(time, number) for number, time in enumerate(times)], ROW)


def given_until(spool: Spool, at_ms: int) -> list[tuple[int, int]]:
    return sorted(row for batch in spool.until(at_ms) for row in batch.tolist())


def test_each_row_comes_once_when_its_time_is_reached(file: BinaryIO) -> None:
    spool = Spool(file, ROW, chunk_rows=2)
    spool.add(rows(5, 3, 9, 3, 5))
    assert given_until(spool, 2) == []
    assert given_until(spool, 3) == [(3, 1), (3, 3)]
    assert given_until(spool, 3) == []
    assert given_until(spool, 8) == [(5, 0), (5, 4)]
    assert given_until(spool, 100) == [(9, 2)]
    assert given_until(spool, 1000) == []


def test_nothing_at_all(file: BinaryIO) -> None:
    spool = Spool(file, ROW)
    spool.add(rows())
    assert given_until(spool, 1) == []


def test_many_rows_of_one_time_come_in_batches(file: BinaryIO) -> None:
    spool = Spool(file, ROW, chunk_rows=50_000)
    spool.add(rows(*[7] * 200_000))
    sizes = [len(batch) for batch in spool.until(7)]
    assert sum(sizes) == 200_000
    assert max(sizes) < 120_000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 20), max_size=300), max_size=5),
    st.lists(st.integers(0, 25), max_size=8),
    st.integers(1, 200),
)
def test_what_is_given_is_what_was_added(parts: list[list[int]], asked: list[int], chunk: int) -> None:
    with tempfile.TemporaryFile() as file:
        spool = Spool(file, ROW, chunk_rows=chunk)
        for part in parts:
            spool.add(rows(*part))
        left = sorted(row for part in parts for row in rows(*part).tolist())
        for at_ms in sorted(asked):
            due = [row for row in left if row[0] <= at_ms]
            assert given_until(spool, at_ms) == due
            left = left[len(due) :]
        assert given_until(spool, 100) == left
