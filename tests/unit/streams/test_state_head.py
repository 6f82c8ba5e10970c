"""The state's head and the committed offsets say the same, or nothing is counted."""

from collections.abc import Mapping

import msgspec
import pytest

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.ledger_rows import SCHEMA
from resonanz_streams.state_head import Head, read_head

HEAD = msgspec.msgpack.encode(Head(next_id=0, marks={}, offsets={"likes": 2, "shares": 0}))


@pytest.mark.parametrize(
    "offsets", [{}, {"likes": 2}, {"likes": 2, "shares": 0}, {"likes": 2, "comments": 0}]
)
def test_offsets_that_agree_or_are_forgotten_are_taken(offsets: Mapping[str, int]) -> None:
    head = read_head(HEAD, 0, offsets)
    assert head is not None
    assert head.offsets == {"likes": 2, "shares": 0}


@pytest.mark.parametrize("offsets", [{"likes": 1}, {"likes": 3}, {"likes": 2, "comments": 1}])
def test_offsets_that_somebody_moved_either_way_are_refused(offsets: Mapping[str, int]) -> None:
    with pytest.raises(StopError) as caught:
        read_head(HEAD, 3, offsets)
    assert str(caught.value) == (
        f"partition 3: the state holds {{'likes': 2, 'shares': 0}}, the committed offsets are {offsets}; "
        "somebody moved them; " + RECOUNT
    )


def test_offsets_without_a_state_are_refused() -> None:
    """As when somebody emptied the state's topic: all that was counted before would be missing."""
    assert read_head(None, 0, {"likes": 0}) is None
    with pytest.raises(StopError) as caught:
        read_head(None, 3, {"likes": 2})
    assert str(caught.value) == (
        "partition 3: the committed offsets are {'likes': 2}, but the state that belongs to them is gone; "
        + RECOUNT
    )


def test_a_head_of_before_there_were_recounts_is_read() -> None:
    before = {"schema": SCHEMA, "next_id": 7, "marks": {"likes": 5}, "offsets": {"likes": 2}}
    assert read_head(msgspec.msgpack.encode(before), 0, {"likes": 2}) == Head(
        next_id=7, marks={"likes": 5}, offsets={"likes": 2}, recount=None
    )


@pytest.mark.parametrize("data", [b"\x86\xa2\x98\x98", b"\x81\xa1x" + b"\x91" * 100_000])
def test_a_head_of_any_bytes_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(StopError) as caught:
        read_head(data, 0, {})
    assert str(caught.value).startswith("the state's head cannot be read (")
