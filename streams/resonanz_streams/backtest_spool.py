"""Rows in order of time, however many there are and in whatever order they come.

Memory holds one chunk while rows come in; full chunks are sorted and wait in a temporary file. Reading
takes a block of each chunk that has rows for the time asked, from a fixed allowance for all of them.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]

CHUNK_ROWS: Final = 2**18
_ALLOWANCE_BYTES: Final = 2**26
_SMALLEST_BLOCK: Final = 64
_BATCH_ROWS: Final = 2**16


class Spool:
    """Structured rows with a field ``known_ms``, by which they are given back.

    ``file`` is a temporary file of its own. First come all calls of :meth:`add`, then :meth:`until`.
    """

    def __init__(self, file: BinaryIO, dtype: np.dtype[np.void], *, chunk_rows: int = CHUNK_ROWS) -> None:
        self._file = file
        self._filling = np.empty(chunk_rows, dtype)
        self._filled = 0
        self._waiting: list[_Chunk] = []
        self._reading: list[_Chunk] = []
        self._sealed = False

    def add(self, rows: Rows) -> None:
        """Take rows in any order."""
        done = 0
        while done < len(rows):
            part = rows[done : done + len(self._filling) - self._filled]
            self._filling[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            done += len(part)
            if self._filled == len(self._filling):
                self._write()

    def _write(self) -> None:
        rows = self._filling[: self._filled]
        times = np.ascontiguousarray(rows["known_ms"])
        if (times[1:] < times[:-1]).any():
            rows = rows[np.argsort(times, kind="stable")]
        start = self._file.seek(0, 2)
        self._file.write(rows.tobytes())
        self._waiting.append(_Chunk(self._file, rows.dtype, start, len(rows), int(times.min())))
        self._filled = 0

    def _seal(self) -> None:
        if self._filled:
            self._write()
        self._filling = self._filling[:0].copy()
        # The earliest last, where a list gives it away cheaply.
        self._waiting.sort(key=lambda chunk: -chunk.first_ms)
        share = _ALLOWANCE_BYTES // max(1, len(self._waiting) * self._filling.dtype.itemsize)
        for chunk in self._waiting:
            chunk.block_rows = max(_SMALLEST_BLOCK, share)
        self._sealed = True

    def until(self, at_ms: int) -> Iterator[Rows]:
        """What has not been given yet and is known by ``at_ms``, in batches, in no order within the call."""
        if not self._sealed:
            self._seal()
        while self._waiting and self._waiting[-1].first_ms <= at_ms:
            self._reading.append(self._waiting.pop())
        batch: list[Rows] = []
        size = 0
        for chunk in self._reading:
            for rows in chunk.until(at_ms):
                batch.append(rows)
                size += len(rows)
                if size >= _BATCH_ROWS:
                    yield np.concatenate(batch)
                    batch, size = [], 0
        if batch:
            yield batch[0] if len(batch) == 1 else np.concatenate(batch)
        self._reading = [chunk for chunk in self._reading if not chunk.ended]


class _Chunk:
    """A sorted stretch of the file, of which one block at a time is in memory."""

    def __init__(
        self, file: BinaryIO, dtype: np.dtype[np.void], start: int, rows: int, first_ms: int
    ) -> None:
        self.first_ms = first_ms
        self.block_rows = rows
        self._file = file
        self._next = start
        self._left = rows
        self._block = np.empty(0, dtype)
        self._times = np.empty(0, np.int64)
        self._place = 0

    @property
    def ended(self) -> bool:
        """Whether all has been given."""
        return not self._left and self._place == len(self._block)

    def until(self, at_ms: int) -> Iterator[Rows]:
        """The rows after those given before, up to ``at_ms``."""
        while not self.ended:
            if self._place == len(self._block):
                self._read()
            end = int(np.searchsorted(self._times, at_ms, side="right"))
            if end > self._place:
                yield self._block[self._place : end]
                self._place = end
            if end < len(self._block):
                return

    def _read(self) -> None:
        count = min(self.block_rows, self._left)
        dtype = self._block.dtype
        self._file.seek(self._next)
        self._block = np.frombuffer(self._file.read(count * dtype.itemsize), dtype)
        self._times = np.ascontiguousarray(self._block["known_ms"])
        self._next += count * dtype.itemsize
        self._left -= count
        self._place = 0
