"""Server-sent events: the changes of the board, at each viewer's own pace.

A round is what changed since the viewer's position, sent in chunks. While a chunk waits for a slow
viewer nothing is kept for it: the next round starts from the board as it is by then.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from resonanz_dashboards.access import Scope
from resonanz_dashboards.board_state import BoardState, Visible
from resonanz_dashboards.entries import Entry
from resonanz_dashboards.selection import ALL, Selection, encoded

HEARTBEAT_SECONDS: Final = 5.0
ROUND_SECONDS: Final = 0.25
CHUNK: Final = 100
MAX_STREAMS: Final = 256
AWAY: Final = "The broker does not answer."
VIEWER_PACE: Final = 4000
TOTAL_PACE: Final = 40_000
"""Accounts a second that one viewer's page can take in, and that this process can send to all of them."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What one viewer asked for. ``allowed``: whether the viewer still may; when not, the stream ends."""

    scope: Scope
    visible: Visible
    selection: Selection = ALL
    allowed: Callable[[], bool] = field(default=lambda: True)


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
            while not board.closing and wanted.allowed():
                news, newest = board.news, board.version
                yield _state(board, wanted.scope)
                missed = board.changed_since(position, wanted.visible)
                for first in range(0, len(missed), CHUNK):
                    yield _snapshots(board, missed[first : first + CHUNK], wanted.selection)
                    await asyncio.sleep(0)  # the others' turn
                position = newest
                pause = min(pause_seconds(len(missed), self.open), self._heartbeat_seconds)
                await board.pause(pause)
                await board.wait(news, self._heartbeat_seconds - pause)
        finally:
            self.open -= 1


def pause_seconds(sent: int, viewers: int) -> float:
    """How long a viewer who was just sent ``sent`` accounts waits for the next round.

    It bounds what all viewers together cost. What changes meanwhile is sent once, as it is by then.
    """
    return max(ROUND_SECONDS, sent / min(VIEWER_PACE, TOTAL_PACE / viewers))


def feed(board: BoardState, scope: Scope) -> dict[str, Any]:
    """Whether figures still come in, as every answer that shows figures says it.

    Why not is the agency's business: the sentence may name its machines.
    """
    detail = board.feed_detail if scope.client is None or not board.feed_detail else AWAY
    return {
        "boot": board.boot,
        "now_ms": board.now_ms(),
        "wall_ms": board.wall_ms(),
        "clock": "event" if board.event_time else "wall",
        "feed": board.feed,
        "feed_detail": detail,
        "feed_since_ms": board.feed_since_ms,
    }


def _snapshots(board: BoardState, chunk: Sequence[tuple[int, Entry]], selection: Selection) -> bytes:
    # The id is the position as it was when the round began. An entry that has changed since is sent
    # as it is now, and once more in the next round: nothing is missed, whichever id a viewer resumes at.
    body = b",".join(encoded(entry, selection) for _, entry in chunk)
    identity = f"{board.boot}-{chunk[-1][0]}".encode()
    return b"event: snapshots\nid: " + identity + b'\ndata: {"snapshots":[' + body + b"]}\n\n"


def _state(board: BoardState, scope: Scope) -> bytes:
    return b"event: state\ndata: " + msgspec.json.encode(feed(board, scope)) + b"\n\n"


def _position(board: BoardState, last_event_id: str | None) -> int:
    """Where to resume; another process's position says nothing here, so its viewer gets everything."""
    boot, _, version = (last_event_id or "").partition("-")
    return min(int(version), board.version) if boot == board.boot and version.isdecimal() else 0
