"""Stand-ins for tests of connectors: a publisher with dials, a clock to set, a store in memory."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from resonanz_streams.errors import RetryError
from resonanz_streams.events import Status
from resonanz_streams.topics import partition_of
from resonanz_streams.transports.ports import Outgoing

Result = TypeVar("Result")
_TURNS: Final = 60


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def inline(call: Callable[..., Result], /, *args: Any) -> Result:
    """Stands for ``asyncio.to_thread``: the call is over when it returns, so time need not wait."""
    return call(*args)


class SettableClock:
    """A clock that moves only when told to, and the sleep that goes with it."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.slept: list[float] = []
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def __call__(self) -> int:
        """Epoch ms."""
        return self.now_ms

    async def sleep(self, seconds: float, stop: asyncio.Event) -> None:
        """Until the clock has been moved that far, or ``stop`` is set."""
        self.slept.append(seconds)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self.now_ms + max(1, round(seconds * 1000))
        heapq.heappush(self._waiting, (due, next(self._order), woken))
        stopped = asyncio.create_task(_set(stop))
        try:
            await asyncio.wait({woken, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            woken.cancel()

    async def advance(self, seconds: float) -> None:
        """Move on, waking every sleeper at its time, in order."""
        await settle()
        until = self.now_ms + round(seconds * 1000)
        while self._waiting and self._waiting[0][0] <= until:
            due, _, woken = heapq.heappop(self._waiting)
            if not woken.done():
                self.now_ms = max(self.now_ms, due)
                woken.set_result(None)
                await settle()
        self.now_ms = until
        await settle()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


class RecordingPublisher:
    """Keeps what became durable in ``durable``.

    Dials: ``away`` refuses everything; ``fail_flushes`` makes the next n flushes fail, and of what they
    were to write only the first half is durable, which the caller cannot know.
    """

    def __init__(self, partitions: int = 4) -> None:
        self.durable: list[Outgoing] = []
        self.away = False
        self.fail_flushes = 0
        self.failures = 0
        self._partitions = partitions
        self._queued: list[Outgoing] = []
        self._ends: dict[tuple[str, int], int] = {}

    def publish(self, records: Sequence[Outgoing]) -> None:
        """Queue."""
        if self.away:
            self.failures += 1
            raise RetryError("the broker is away: start it")
        self._queued.extend(records)

    def flush(self) -> Mapping[tuple[str, int], int]:
        """Make durable, or fail as the dials say."""
        queued, self._queued = self._queued, []
        if self.away or self.fail_flushes:
            self.failures += 1
            self.fail_flushes = max(0, self.fail_flushes - 1)
            self._keep([] if self.away else queued[: len(queued) // 2])
            raise RetryError("a record could not be written: publish it again")
        self._keep(queued)
        return dict(self._ends)

    def _keep(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            number = record.partition
            if number is None:
                number = partition_of(record.key.decode(), self._partitions) if record.key else 0
            place = record.topic, number
            self._ends[place] = self._ends.get(place, 0) + 1
            self.durable.append(record)

    def close(self) -> None:
        """Flush and release."""
        self.flush()


@dataclass(frozen=True, slots=True)
class Saved:
    """A heartbeat, and how many records were durable when it was written."""

    status: Status
    durable: int


class MemoryCursorStore:
    """Keeps heartbeats in memory. ``away`` refuses; ``history`` is everything ever saved."""

    def __init__(self, publisher: RecordingPublisher | None = None) -> None:
        self.newest: dict[tuple[str, str], Status] = {}
        self.history: list[Saved] = []
        self.away = False
        self._publisher = publisher

    async def load(self, connector: str) -> Mapping[str, Status]:
        """What was saved last."""
        if self.away:
            raise RetryError("the broker is away: start it")
        return {account: status for (name, account), status in self.newest.items() if name == connector}

    def save(self, statuses: Sequence[Status]) -> None:
        """Keep."""
        if self.away:
            raise RetryError("the broker is away: start it")
        durable = len(self._publisher.durable) if self._publisher else 0
        for status in statuses:
            self.newest[status.connector, status.account] = status
            self.history.append(Saved(status, durable))

    def of(self, account: str) -> list[Status]:
        """Every heartbeat of an account, in order."""
        return [saved.status for saved in self.history if saved.status.account == account]


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait for ``condition``, for sources with real sockets or files; fails after ``seconds``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"it did not happen within {seconds:g} s")
        await asyncio.sleep(0.005)


async def ended(task: Awaitable[None], *, seconds: float = 10.0) -> None:
    """Wait for a connector's end; fails after ``seconds``."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, seconds)
