"""Cursors in the heartbeats' topic."""

import asyncio
from collections.abc import Sequence

import pytest

from resonanz_connectors.cursors import TopicCursors
from resonanz_connectors.fakes import RecordingPublisher
from resonanz_streams.errors import StopError
from resonanz_streams.events import Status
from resonanz_streams.transports.ports import Record


class ListTail:
    """What was published, two records a poll."""

    def __init__(self, publisher: RecordingPublisher) -> None:
        self._left = list(publisher.durable)
        self.closed = False

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        assert timeout_seconds > 0
        found, self._left = self._left[:2], self._left[2:]
        return [Record(r.topic, 0, n, r.key, r.value) for n, r in enumerate(found)]

    def caught_up(self) -> bool:
        return not self._left

    async def close(self) -> None:
        self.closed = True


def status(connector: str, account: str, at_ms: int, cursor: str) -> Status:
    return Status(
        connector=connector,
        account=account,
        at_ms=at_ms,
        state="ok",
        since_ms=0,
        complete_through_ms=at_ms,
        cursor=cursor,
        gaps=[(1, 2)],
    )


def test_the_newest_heartbeat_of_each_account_of_this_connector_comes_back() -> None:
    publisher = RecordingPublisher()
    tails: list[ListTail] = []

    def opened(topics: Sequence[str]) -> ListTail:
        assert topics == ["connectors.status"]
        tails.append(ListTail(publisher))
        return tails[-1]

    cursors = TopicCursors(publisher, opened)
    cursors.save([status("forum", "forum:a", 1, "1"), status("forum", "forum:b", 1, "1")])
    cursors.save([status("forums", "forum:a", 2, "foreign"), status("forum", "forum:a", 2, "2")])
    assert [record.key for record in publisher.durable][:2] == [b"forum/forum:a", b"forum/forum:b"]
    assert asyncio.run(cursors.load("forum")) == {
        "forum:a": status("forum", "forum:a", 2, "2"),
        "forum:b": status("forum", "forum:b", 1, "1"),
    }
    assert tails[0].closed


def test_a_heartbeat_that_cannot_be_read_stops_instead_of_beginning_anew() -> None:
    publisher = RecordingPublisher()
    cursors = TopicCursors(publisher, lambda _: ListTail(publisher))
    cursors.save([status("forum", "forum:a", 1, "1")])
    publisher.durable[0] = type(publisher.durable[0])("connectors.status", b"forum/forum:a", b"{")
    with pytest.raises(StopError, match="cannot be read"):
        asyncio.run(cursors.load("forum"))
