"""How a replay goes: at which pace, and what it has done so far."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from resonanz_connectors.batch import DeadLetter
from resonanz_connectors.playback import Chunk
from resonanz_streams.clock import Clock

_SLICE_SECONDS: Final = 0.1
_EXAMPLES: Final = 3
Speed = float | Literal["max"]


@dataclass(slots=True)
class Played:
    """What has been published and is durable; ``before``: rows that an earlier run had done; ``refused``:
    rows that could not be understood, of which ``dead_letters`` are the first."""

    before: int = 0
    rows: int = 0
    published: Counter[str] = field(default_factory=Counter)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    refused: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    resumed: bool = False
    finished: bool = False

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.rows += chunk.rows
        self.published += chunk.published
        self.refused += len(chunk.dead_letters)
        self.dead_letters += chunk.dead_letters[: _EXAMPLES - len(self.dead_letters)]
        self.unknown += chunk.unknown


class Pace:
    """Holds chunks back until their time has come, ``speed`` times faster than it went."""

    def __init__(self, speed: Speed, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._speed = None if speed == "max" else speed
        self._clock = clock
        self._sleep = sleep
        self._begin: tuple[int, int] | None = None
        self._last_ms = 0

    @property
    def slice_ms(self) -> int | None:
        """How much of the file's time one chunk may hold."""
        return None if self._speed is None else max(1, int(_SLICE_SECONDS * self._speed * 1000))

    async def wait(self, at_ms: int) -> None:
        """Until what happened at ``at_ms`` is due."""
        if self._speed is None:
            return
        if self._begin is None:
            self._begin, self._last_ms = (self._clock(), at_ms), at_ms
        begin, begin_ms = self._begin
        wait_ms = begin + (at_ms - begin_ms) / self._speed - self._clock()
        # A clock that is set back must not hold the replay up by as much.
        wait_ms = min(wait_ms, (at_ms - self._last_ms) / self._speed)
        self._last_ms = at_ms
        if wait_ms > 0:
            await self._sleep(wait_ms / 1000)
