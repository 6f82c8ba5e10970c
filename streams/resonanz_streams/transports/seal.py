"""A row of the state with its checksum: what a disk, or somebody's hand, has changed must not become a
number."""

from typing import Final

from xxhash import xxh3_64_digest, xxh3_64_intdigest

from resonanz_streams.errors import RECOUNT, StopError

_MARK: Final = b"\x01"
_HEAD: Final = len(_MARK) + 8


def sealed(key: bytes, value: bytes) -> bytes:
    """``value`` as it is stored under ``key``."""
    return _MARK + _checksum(key, value) + value


def opened(key: bytes, stored: bytes, partition: int) -> bytes:
    """The reverse of :func:`sealed`.

    Raises:
        StopError: it is not what was stored under this key.
    """
    value = stored[_HEAD:]
    if stored[:_HEAD] != _MARK + _checksum(key, value):
        raise StopError(
            f"partition {partition}: row {key[:40]!r} of the state is damaged, or an earlier version of "
            f"resonanz wrote it; {RECOUNT}"
        )
    return value


def _checksum(key: bytes, value: bytes) -> bytes:
    # The key too: a row that has come to stand under another one is as wrong.
    return xxh3_64_digest(value, xxh3_64_intdigest(key))
