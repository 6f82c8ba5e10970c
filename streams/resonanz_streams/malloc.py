"""Large arrays go back to the system when they are freed; garbage is looked for seldom."""

import ctypes
import gc
from typing import Final

LARGE_BYTES: Final = 2 * 2**20
"""A run of records is smaller: giving those back each time would cost more than it brings."""

_M_MMAP_THRESHOLD: Final = -3


def give_back_large_arrays() -> bool:
    """Let glibc return every array of LARGE_BYTES or more to the system; False where there is no glibc.

    Left alone it keeps what was freed once, up to 32 MB a piece: merging a large ledger over and over then
    leaves as much memory unused as it uses.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))


def collect_seldom() -> None:
    """Everything loaded so far lives as long as the process; a run's events would else set off full
    collections over it, which cost more than decoding them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
