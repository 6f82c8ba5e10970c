"""Server-sent events: the changes of the board, at each viewer's own pace.

A round is what changed since the viewer's position, sent in chunks. While a chunk waits for a slow
viewer nothing is kept for it: the next round starts from the board as it is by then.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from resonanz_dashboards.board_state import BoardState, Entry, Visible

HEARTBEAT_SECONDS: Final = 5.0
ROUND_SECONDS: Final = 0.25
CHUNK: Final = 100
MAX_STREAMS: Final = 256


@dataclass(frozen=True, slots=True)
class Filter:
    """What one viewer asked for; ``windows`` empty means all of them."""

    visible: Visible
    windows: frozenset[str] = frozenset()


class Streams:
    """The open streams. Their number is bounded: ``full`` says that there is no room for another."""

    def __init__(self, board: BoardState, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self.open = 0
        self._board = board
        self._heartbeat_seconds = heartbeat_seconds

    @property
    def full(self) -> bool:
        """Whether another viewer must be turned away."""
        return self.open >= MAX_STREAMS

    async def events(self, wanted: Filter, last_event_id: str | None) -> AsyncIterator[bytes]:
        """The events of one viewer until it leaves or the wall stops."""
        board = self._board
        self.open += 1
        try:
            position = _position(board, last_event_id)
            while not board.closing:
                yield _state(board)
                newest = board.version
                for event in _round(board, position, wanted):
                    yield event
                position = newest
                await asyncio.sleep(ROUND_SECONDS)
                await board.wait(position, self._heartbeat_seconds)
        finally:
            self.open -= 1


def snapshot(entry: Entry, windows: frozenset[str] = frozenset()) -> bytes:
    """An account's latest KpiSnapshot as JSON, with what its connectors say beside it.

    Client and platform are those of the configuration: who may see an account is decided by them.
    """
    lines = [text for window, text in entry.windows.items() if not windows or window in windows]
    head = {
        "v": 1,
        "at_ms": entry.at_ms,
        "client": entry.account.client,
        "platform": entry.account.platform,
        "account": entry.account.id,
        "coverage": entry.coverage,
        "connectors": list(entry.connectors.values()),
    }
    return msgspec.json.encode(head)[:-1] + b',"kpis":[' + b",".join(lines) + b"]}"


def feed(board: BoardState) -> dict[str, Any]:
    """Whether figures still come in, as every answer that shows figures says it."""
    return {
        "boot": board.boot,
        "now_ms": board.now_ms(),
        "clock": "event" if board.event_time else "wall",
        "feed": board.feed,
        "feed_detail": board.feed_detail,
        "feed_since_ms": board.feed_since_ms,
    }


def _round(board: BoardState, position: int, wanted: Filter) -> Iterator[bytes]:
    missed = board.changed_since(position, wanted.visible)
    for first in range(0, len(missed), CHUNK):
        yield _snapshots(board, missed[first : first + CHUNK], wanted.windows)


def _snapshots(board: BoardState, chunk: Sequence[tuple[int, Entry]], windows: frozenset[str]) -> bytes:
    # The id is the position as it was when the round began. An entry that has changed since is sent
    # as it is now, and once more in the next round: nothing is missed, whichever id a viewer resumes at.
    body = b",".join(snapshot(entry, windows) for _, entry in chunk)
    identity = f"{board.boot}-{chunk[-1][0]}".encode()
    return b"event: snapshots\nid: " + identity + b'\ndata: {"snapshots":[' + body + b"]}\n\n"


def _state(board: BoardState) -> bytes:
    return b"event: state\ndata: " + msgspec.json.encode(feed(board)) + b"\n\n"


def _position(board: BoardState, last_event_id: str | None) -> int:
    """Where to resume; another process's position says nothing here, so its viewer gets everything."""
    boot, _, version = (last_event_id or "").partition("-")
    return min(int(version), board.version) if boot == board.boot and version.isdecimal() else 0
