"""A row of the state that is not what was written is refused, wherever it was changed."""

import pytest

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.transports.seal import opened, sealed


def test_what_was_sealed_is_opened_again() -> None:
    assert opened(b"l/0", sealed(b"l/0", b"rows"), 3) == b"rows"
    assert opened(b"m", sealed(b"m", b""), 3) == b""


def test_the_stored_form_stays_readable() -> None:
    assert sealed(b"l/0", b"rows").hex() == "01500b6fb7e0e76ddf" + b"rows".hex()


def test_every_single_flipped_bit_is_refused() -> None:
    stored = sealed(b"l/0", b"some rows")
    for bit in range(8 * len(stored)):
        changed = bytearray(stored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StopError):
            opened(b"l/0", bytes(changed), 0)


@pytest.mark.parametrize(
    "stored", [b"", b"\x01", b"\x86\xa6schema\x01", sealed(b"l/1", b"rows"), b"\x01" * 9]
)
def test_what_was_never_sealed_under_this_key_is_refused_with_a_sentence(stored: bytes) -> None:
    with pytest.raises(StopError) as caught:
        opened(b"l/0", stored, 3)
    assert str(caught.value) == (
        "partition 3: row b'l/0' of the state is damaged, or an earlier version of resonanz wrote it; "
        + RECOUNT
    )
