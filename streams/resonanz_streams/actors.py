"""Who interacted, in few bytes, so that the people of several accounts can be counted once.

Of a window the smallest hashes of its different people are kept, at most 512. Fewer are all of them: their
number, and that of the people of several such accounts together, is exact. Where more came, all hashes up to
the largest one kept are known, and the number follows from how many these are: hashes are evenly spread.
Nothing hangs on the order of people or accounts, and the same people give the same bytes.

Source: A. Dasgupta, K. Lang, L. Rhodes, J. Thaler, A Framework for Estimating Stream Expression
Cardinalities, ICDT 2016 (theta sketches).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from resonanz_streams.intervals import ALPHA

Keys = NDArray[np.uint64]

MOST: Final = 512
"""Hashes of a window: beyond so many people their number is an estimate, ±8.7 % at 95 %."""

WIDTH: Final = 6
"""Bytes of a hash: two of 512 people have the same with a chance of 5 · 10⁻¹⁰."""

_SPAN: Final = float(1 << (8 * WIDTH))


@dataclass(frozen=True, slots=True)
class Number:
    """How many people: exact where ``lo`` and ``hi``, which are at 95 %, are the same."""

    value: int
    lo: int
    hi: int


def packed(people: Keys) -> bytes:
    """The smallest hashes of different people, who come in ascending order."""
    # The upper bytes: the order stays, whatever is cut off.
    return people[:MOST].astype(">u8").view(np.uint8).reshape(-1, 8)[:, :WIDTH].tobytes()


def number(accounts: Iterable[bytes]) -> Number:
    """How many different people these accounts have together.

    Raises:
        ValueError: something is no list of hashes.
    """
    lists = [_unpacked(each) for each in accounts]
    together = np.unique(np.concatenate(lists)) if lists else np.zeros(0, dtype=np.uint64)
    if all(len(each) < MOST for each in lists):
        return Number(len(together), len(together), len(together))
    # Beyond the smallest of the largest hashes kept, some accounts' people are not known.
    known = together[together <= min(each[-1] for each in lists if len(each) >= MOST)]
    kept, reached = len(known), (float(known[-1]) + 1) / _SPAN
    lo, hi = special.gammaincinv(kept, np.array([ALPHA / 2, 1 - ALPHA / 2])) / reached
    return Number(round((kept - 1) / reached), max(kept, int(lo)), int(np.ceil(hi)))


def _unpacked(data: bytes) -> Keys:
    if len(data) % WIDTH or len(data) > MOST * WIDTH:
        raise ValueError(f"{len(data)} bytes are no hashes of people")
    whole = np.zeros((len(data) // WIDTH, 8), dtype=np.uint8)
    whole[:, 8 - WIDTH :] = np.frombuffer(data, dtype=np.uint8).reshape(-1, WIDTH)
    return whole.view(">u8").ravel().astype(np.uint64)


def places(people: Keys, targets: Keys) -> bytes:
    """Which of the target list, ascending and each once, are among different people: one bit a person."""
    return np.packbits(np.isin(targets, people, assume_unique=True)).tobytes()


def reached(accounts: Sequence[bytes]) -> int:
    """How many people of a list these accounts have reached together.

    Raises:
        ValueError: the lists are not the same.
    """
    if len({len(each) for each in accounts}) > 1:
        raise ValueError("these are places of different lists")
    bits = np.zeros(len(accounts[0]) if accounts else 0, dtype=np.uint8)
    for each in accounts:
        bits |= np.frombuffer(each, dtype=np.uint8)
    return int(np.bitwise_count(bits).sum())
