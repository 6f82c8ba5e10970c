"""A connector's life: restore, follow, make durable, beat, and a clean end. Used by the base only."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final

from resonanz_connectors.batch import Batch, SourceError
from resonanz_connectors.progress import State
from resonanz_streams.errors import RetryError
from resonanz_streams.events import Status
from resonanz_streams.transports.ports import Outgoing

if TYPE_CHECKING:
    from resonanz_connectors.base import Connector

log = logging.getLogger(__name__)

BACKOFF_FIRST_SECONDS: Final = 1.0
BACKOFF_LONGEST_SECONDS: Final = 60.0
BEAT_SECONDS: Final = 2.0
_ACCOUNTS_A_SECOND: Final = 500
_SLOWEST_BEAT_SECONDS: Final = 10.0
_DOWN_AFTER: Final = 2
_ABSENT_MS: Final = 15_000
"""Heartbeats of one connector lie apart by one beat at most, if a flush wrote only some of them."""

Ends = Mapping[tuple[str, int], int]


class Life:
    """One run of a connector, from its stored cursor to its last heartbeat."""

    def __init__(self, connector: "Connector") -> None:
        self._connector = connector
        self._context = connector.context
        self._progress = connector.progress
        # One at a time writes and flushes: else nobody knows whose record a failed flush lost.
        self._lock = asyncio.Lock()
        self._interrupted = False
        self._ended = False
        self._unwritten = False
        self._failures = 0
        self._heard = False
        self._heard_ms = self._beat_ms = connector.context.clock()

    async def run(self) -> None:
        """Until the stream ends or ``stop`` is set.

        Raises:
            StopError: from the stream, or the stored cursors cannot be read.
        """
        await self._restore()
        if self._context.stop.is_set():
            return
        follow = asyncio.create_task(self._follow())
        beat = asyncio.create_task(self._beat())
        follow.add_done_callback(lambda _: beat.cancel())
        try:
            await asyncio.wait({follow, beat}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            follow.cancel()
            beat.cancel()
            await asyncio.gather(follow, beat, return_exceptions=True)
            await self._farewell()
        for task in (follow, beat):
            if not task.cancelled():
                task.result()

    # -- where an earlier process left off -----------------------------------------------------------

    async def _restore(self) -> None:
        attempt = 0
        while not self._context.stop.is_set():
            try:
                known = await self._context.cursors.load(self._connector.name)
            except RetryError as error:
                attempt += 1
                await self._pause(attempt, error)
            else:
                self._resume(known)
                return

    def _resume(self, known: Mapping[str, Status]) -> None:
        if not known:
            return
        newest = max(known.values(), key=lambda status: status.at_ms)
        self._connector.cursor = newest.cursor
        self._beat_ms = max(newest.at_ms, self._beat_ms)
        self._interrupted = not self._connector.resumes or newest.cursor is None
        for name in self._progress.keys() & known.keys():
            status = known[name]
            self._progress[name].restore(status)
            if newest.at_ms - status.at_ms > _ABSENT_MS:
                # The account was out of the configuration while the cursor moved on.
                self._progress[name].gap(status.complete_through_ms, newest.complete_through_ms)

    # -- following the source ------------------------------------------------------------------------

    async def _follow(self) -> None:
        while not self._context.stop.is_set():
            started_ms = self._context.clock()
            try:
                async with contextlib.aclosing(self._batches()) as batches:
                    async for batch in batches:
                        await self._deliver(batch, started_ms)
            except RetryError as error:
                self._failed(error)
                await self._pause(self._failures, error)
            else:
                self._ended = not self._context.stop.is_set()
                return

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        """The stream's batches, until ``stop`` is set: a waiting stream does not hold the end up."""
        stream = self._connector.stream()
        stopped = asyncio.create_task(self._context.stop.wait())
        try:
            while not self._context.stop.is_set():
                step = asyncio.create_task(_next(stream))
                try:
                    await asyncio.wait({step, stopped}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not step.done():
                        step.cancel()
                        await asyncio.gather(step, return_exceptions=True)
                if step.cancelled() or (batch := step.result()) is None:
                    return
                yield batch
        finally:
            stopped.cancel()
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    def _failed(self, error: RetryError) -> None:
        self._failures += 1
        self._interrupted = self._interrupted or not self._connector.resumes
        self._connector.count_error(error.reason if isinstance(error, SourceError) else "unreachable")

    async def _pause(self, attempt: int, error: RetryError) -> None:
        """Exponential with jitter, and never shorter than the source asked for. Says what it waits for."""
        longest = min(BACKOFF_LONGEST_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempt - 1, 16))
        asked = getattr(error, "retry_after_seconds", None) or 0.0
        seconds = max(longest * self._context.random.uniform(0.5, 1.0), asked)
        log.warning("%s: %s; trying again in %.0f s", self._connector.name, error, seconds)
        await self._context.sleep(seconds, self._context.stop)

    # -- publishing ----------------------------------------------------------------------------------

    async def _deliver(self, batch: Batch, started_ms: int) -> None:
        """Make the batch durable, however long it takes; only then count it as done."""
        records = batch.outgoing()
        first = self._connector.cursor is None and batch.cursor is not None
        async with self._lock:
            ends = await self._written(records) if records else {}
            if ends is None:
                return
            self._failures, self._heard, self._heard_ms = 0, True, self._context.clock()
            if self._interrupted:
                self._close_gap(started_ms if batch.watched_from_ms is None else batch.watched_from_ms)
            self._count(batch, ends)
        if first:
            await self._until_saved()

    async def _until_saved(self) -> None:
        """A first cursor at once: what a source begins with must not be made up a second time."""
        attempt = 0
        while not self._context.stop.is_set():
            try:
                await self._save(self._state())
            except RetryError as error:
                attempt += 1
                self._unwritten = True
                self._connector.count_error("broker")
                await self._pause(attempt, error)
            else:
                return

    def _close_gap(self, since_ms: int) -> None:
        """The source is followed again, from ``since_ms`` on; what came before is lost."""
        for progress in self._progress.values():
            if not progress.fresh:
                progress.gap(progress.complete_through_ms, since_ms)
                progress.complete(since_ms)
        self._interrupted = False

    async def _written(self, records: list[Outgoing]) -> Ends | None:
        """Publish until durable; None if asked to stop before that (the cursor has not moved)."""
        attempt = 0
        while True:
            try:
                ends = await self._context.offload(self._write, records)
            except RetryError as error:
                attempt += 1
                self._unwritten = True
                self._connector.count_error("broker")
                await self._pause(attempt, error)
                if self._context.stop.is_set():
                    return None
            else:
                self._unwritten = False
                return ends

    def _write(self, records: list[Outgoing]) -> Ends:
        self._context.publisher.publish(records)
        return self._context.publisher.flush()

    def _count(self, batch: Batch, ends: Ends) -> None:
        if batch.cursor is not None:
            self._connector.cursor = batch.cursor
        for name, at_ms in batch.newest().items():
            self._progress[name].event(at_ms)
        through = batch.complete_through_ms
        for progress in self._progress.values():
            if ends:
                progress.written(ends)
            mark = through.get(progress.account) if isinstance(through, Mapping) else through
            if mark is not None:
                progress.complete(mark)

    # -- heartbeats ----------------------------------------------------------------------------------

    def _state(self) -> State:
        """``ok`` once the source has answered and as long as it does."""
        if self._failures >= _DOWN_AFTER:
            return "down"
        silent = self._context.clock() - self._heard_ms > self._connector.quiet_limit_ms
        return "degraded" if self._failures or silent or not self._heard else "ok"

    async def _beat(self) -> None:
        fleet = len(self._progress) / _ACCOUNTS_A_SECOND
        seconds = min(_SLOWEST_BEAT_SECONDS, max(BEAT_SECONDS, fleet))
        while not self._context.stop.is_set():
            try:
                await self._save(self._state())
            except RetryError as error:
                self._unwritten = True
                self._connector.count_error("broker")
                log.warning("%s: the heartbeat could not be written: %s", self._connector.name, error)
            await self._context.sleep(seconds, self._context.stop)

    async def _save(self, state: State) -> None:
        async with self._lock:
            if self._unwritten and self._context.stop.is_set() and not self._ended:
                # A broker that failed a moment ago would only hold up the end.
                return
            # Readers keep the newest by at_ms, so a clock that jumps back must not silence it.
            self._beat_ms = max(self._beat_ms, self._context.clock())
            cursor, ended = self._connector.cursor, self._ended
            statuses = [
                progress.status(self._connector.name, self._beat_ms, state=state, cursor=cursor, ended=ended)
                for progress in self._progress.values()
                # Of what has never been watched nothing can be said before the source has answered or failed.
                if self._heard or self._failures or not progress.fresh
            ]
            for status in statuses:
                status.rate_remaining = self._connector.rate_remaining
                status.credential_expires_ms = self._connector.credential_expires_ms
            if statuses:
                await self._context.offload(self._context.cursors.save, statuses)
                self._unwritten = False

    async def _farewell(self) -> None:
        """The last heartbeat: an end marker is written however long it takes, a stop tries once."""
        attempt = 0
        while True:
            try:
                state = self._state() if self._connector.succeeded else "down"
                await self._save("ok" if self._ended else state)
            except RetryError as error:
                if not self._ended or self._context.stop.is_set():
                    log.warning("%s: the last heartbeat is not written: %s", self._connector.name, error)
                    return
                attempt += 1
                await self._pause(attempt, error)
            else:
                return


async def _next(stream: AsyncIterator[Batch]) -> Batch | None:
    return await anext(stream, None)
