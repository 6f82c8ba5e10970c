"""The one row that says what the others of a partition's state are."""

from collections.abc import Mapping

import msgspec

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.ledger_rows import SCHEMA
from resonanz_streams.net_states import NEVER
from resonanz_streams.unreadable import UNREADABLE


class Recount(msgspec.Struct, frozen=True):
    """Up to which offsets, and when, a state was counted anew: by the configuration of then."""

    ends: dict[str, int]
    at_ms: int


class Head(msgspec.Struct, kw_only=True):
    """``next_id``: of rows. ``marks``: newest event time per topic. ``offsets``: those committed with it,
    as an assertion. ``cut_ms``: before it, lack of memory made the ledger forget. ``now_ms``: what the
    windows had reached. ``partitions``: into how many the accounts were divided (0: not written down).
    ``recount``: the last one; None if the state comes from a worker's first reading."""

    schema: int = SCHEMA
    next_id: int
    marks: dict[str, int]
    offsets: dict[str, int]
    cut_ms: int = NEVER
    now_ms: int | None = None
    partitions: int = 0
    recount: Recount | None = None


def read_head(data: bytes | None, partition: int, offsets: Mapping[str, int]) -> Head | None:
    """The head of a state whose committed offsets are ``offsets``; None where nothing was ever counted.

    Raises:
        StopError: the state is of another version, or does not belong to the offsets.
    """
    if data is None:
        if any(offsets.values()):
            raise StopError(
                f"partition {partition}: the committed offsets are {dict(offsets)}, but the state that "
                f"belongs to them is gone; {RECOUNT}"
            )
        return None
    try:
        head = msgspec.msgpack.decode(data, type=Head)
    except UNREADABLE as error:
        raise StopError(f"the state's head cannot be read ({error}); {RECOUNT}") from None
    if head.schema != SCHEMA:
        raise StopError(
            f"the state was written by schema {head.schema}, this version reads {SCHEMA}; "
            f"run the version that wrote it, or {RECOUNT}"
        )
    # Both ways: further on, the records in between would be missing without a word.
    if any(head.offsets.get(topic, 0) != offset for topic, offset in offsets.items()):
        raise StopError(
            f"partition {partition}: the state holds {head.offsets}, the committed offsets are "
            f"{dict(offsets)}; somebody moved them; {RECOUNT}"
        )
    gone = sorted(topic for topic, offset in head.offsets.items() if offset and topic not in offsets)
    if offsets and gone:
        # A broker that forgets a group forgets all of it at once.
        raise StopError(
            f"partition {partition}: the committed offsets of {gone[0]} are gone, those of other topics are "
            f"not: the topic was deleted, or somebody deleted them; {RECOUNT}"
        )
    return head
