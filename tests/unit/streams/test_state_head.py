"""The state's head and the committed offsets say the same, or nothing is counted."""

from collections.abc import Mapping

import msgspec
import pytest

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.state_head import Head, read_head

HEAD = msgspec.msgpack.encode(Head(next_id=0, marks={}, offsets={"likes": 2, "shares": 0}))


@pytest.mark.parametrize(
    "offsets", [{}, {"likes": 2}, {"likes": 2, "shares": 0}, {"likes": 2, "comments": 0}]
)
def test_offsets_that_agree_or_are_forgotten_are_taken(offsets: Mapping[str, int]) -> None:
    assert read_head(HEAD, 0, offsets).offsets == {"likes": 2, "shares": 0}


@pytest.mark.parametrize("offsets", [{"likes": 1}, {"likes": 3}, {"likes": 2, "comments": 1}])
def test_offsets_that_somebody_moved_either_way_are_refused(offsets: Mapping[str, int]) -> None:
    with pytest.raises(StopError) as caught:
        read_head(HEAD, 3, offsets)
    assert str(caught.value) == (
        f"partition 3: the state holds {{'likes': 2, 'shares': 0}}, the committed offsets are {offsets}; "
        "somebody moved them; " + RECOUNT
    )
