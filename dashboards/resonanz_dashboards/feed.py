"""Keeps the board fed from the broker, also across times when the broker is away."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from resonanz_dashboards.board_state import BoardState
from resonanz_streams.errors import ResonanzError, RetryError
from resonanz_streams.transports.ports import Tail

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
SLICE: Final = 200
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0)

OpenTail = Callable[[], Tail]


async def follow(board: BoardState, open_tail: OpenTail) -> None:
    """Read on for ever. A broker that is away is said on the board and asked again, ever more slowly.

    Anything that is no RetryError closes the tail and opens another, which reads from the beginning:
    the board takes the latest of each key, so that is only work.
    """
    tail: Tail | None = None
    failures = 0
    try:
        while True:
            try:
                if tail is None:
                    tail = open_tail()
                await _read_on(board, tail)
                failures = 0
            except Exception as error:  # noqa: BLE001  # a wall that stopped reading would look alive
                _say_away(board, error)
                if tail is not None and not isinstance(error, RetryError):
                    with contextlib.suppress(Exception):  # it has failed already
                        await tail.close()
                    tail = None
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
    finally:
        if tail is not None:
            await tail.close()


async def _read_on(board: BoardState, tail: Tail) -> None:
    records = await tail.poll(POLL_SECONDS)
    # In slices: ten thousand snapshots at once would hold every viewer up for a second.
    for first in range(0, len(records), SLICE):
        board.take(records[first : first + SLICE])
        await asyncio.sleep(0)
    board.sample()
    if board.feed == "away":
        log.warning("the broker answers again")
        board.set_feed("starting")
    if tail.caught_up():
        board.set_feed("live")


def _say_away(board: BoardState, error: Exception) -> None:
    """On the board and, once for each cause, in the log."""
    foreseen = isinstance(error, (ResonanzError, OSError))
    sentence = str(error) if foreseen else "The wall failed to read the figures; its log says why."
    if board.feed != "away" or sentence != board.feed_detail:
        log.warning("no figures from the broker: %s", error, exc_info=None if foreseen else error)
    board.set_feed("away", sentence)
