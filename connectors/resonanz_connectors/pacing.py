"""How a replay goes: at which pace, and what it has done so far."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from resonanz_connectors.playback import Chunk

_SLICE_SECONDS: Final = 0.1
Speed = float | Literal["max"]


@dataclass(slots=True)
class Played:
    """What has been published and is durable; ``before``: rows that an earlier run had done."""

    before: int = 0
    rows: int = 0
    published: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    resumed: bool = False
    finished: bool = False

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.rows += chunk.rows
        self.published += chunk.published
        self.dead_letters += len(chunk.dead_letters)
        self.unknown += chunk.unknown


class Pace:
    """Holds chunks back until their time has come, ``speed`` times faster than it went."""

    def __init__(self, speed: Speed, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._speed = None if speed == "max" else speed
        self._sleep = sleep
        self._begin: tuple[float, int] | None = None

    @property
    def slice_ms(self) -> int | None:
        """How much of the file's time one chunk may hold."""
        return None if self._speed is None else max(1, int(_SLICE_SECONDS * self._speed * 1000))

    async def wait(self, at_ms: int) -> None:
        """Until what happened at ``at_ms`` is due."""
        if self._speed is None:
            return
        begin, begin_ms = self._begin = self._begin or (time.monotonic(), at_ms)
        seconds = begin + (at_ms - begin_ms) / 1000 / self._speed - time.monotonic()
        if seconds > 0:
            await self._sleep(seconds)
