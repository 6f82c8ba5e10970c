"""The base of every source: publish, make durable, only then remember; say how it is going.

A connector implements :meth:`Connector.stream`, yields a :class:`Batch` whenever it has come further,
and raises :class:`SourceError` when its source fails. The base sees to the rest: durable before the
cursor (at least once; readers count once), heartbeats, back-off, gaps, pseudonyms, a clean end.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import ClassVar, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from resonanz_connectors.batch import Batch, DeadLetter, SourceError
from resonanz_connectors.context import Context
from resonanz_connectors.progress import Progress, State
from resonanz_streams.errors import ConfigurationError, RetryError
from resonanz_streams.events import Status
from resonanz_streams.registry import Account
from resonanz_streams.transports.ports import Outgoing

__all__ = ["Batch", "Connector", "Context", "DeadLetter", "Options", "Person", "SourceError"]

log = logging.getLogger(__name__)

BACKOFF_FIRST_SECONDS: Final = 1.0
BACKOFF_LONGEST_SECONDS: Final = 60.0
BEAT_SECONDS: Final = 2.0
_ACCOUNTS_A_SECOND: Final = 500
_SLOWEST_BEAT_SECONDS: Final = 10.0
_DOWN_AFTER: Final = 2
_ABSENT_MS: Final = 60_000

Ends = Mapping[tuple[str, int], int]


class Options(BaseModel):
    """What may stand under ``connectors.<name>``; a connector adds its fields in a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Person(NamedTuple):
    """An actor as events carry it: the pseudonym, and whether it is one of the client's own people."""

    actor: str
    own: bool


class Connector(ABC):
    """One source. A subclass sets ``options_type`` and implements :meth:`stream`.

    ``resumes`` False: the source cannot be asked for the past, so every interruption is a gap.
    ``quiet_limit_ms``: without any batch for so long the connector calls itself degraded.
    Inside ``stream``, ``cursor`` is where to go on: the last one whose records are durable.
    """

    options_type: ClassVar[type[Options]] = Options
    resumes: ClassVar[bool] = True
    quiet_limit_ms: ClassVar[int] = 60_000

    options: Options
    cursor: str | None = None
    rate_remaining: int | None = None
    credential_expires_ms: int | None = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self.name = context.name
        self.options = validated(self.options_type, context)
        self.accounts: Mapping[str, Account] = {account.id: account for account in context.accounts}
        now_ms = context.clock()
        self._progress = {name: Progress(name, now_ms) for name in self.accounts}
        self._lock = asyncio.Lock()
        self._interrupted = False
        self._ended = False
        self._failures = 0
        self._heard = False
        self._heard_ms = self._beat_ms = now_ms

    @abstractmethod
    def stream(self) -> AsyncIterator[Batch]:
        """Follow the source from ``self.cursor`` on (``async def`` with ``yield``).

        It ends by itself only if the source has an end (a file). Started again after a SourceError.

        Raises:
            SourceError: to be called again after a pause.
            StopError: going on makes no sense until a person has done something.
        """

    # -- what stream() may call ----------------------------------------------------------------------

    def person(self, account: str, actor: str) -> Person:
        """The pseudonym of ``actor`` towards the account's client; the only way into an event."""
        client = self.accounts[account].client
        pseudonym = self.context.registry.pseudonym(client, actor)
        return Person(pseudonym, pseudonym in self.context.registry.clients[client].own_actors)

    def gap(self, from_ms: int, to_ms: int, accounts: Iterable[str] | None = None) -> None:
        """Record that nothing of [from_ms, to_ms) will come; kept in the heartbeat for 29 days."""
        for progress in self._of(accounts):
            progress.gap(from_ms, to_ms)

    def mark(self, state: State, accounts: Iterable[str], *, reason: str | None = None) -> None:
        """The state of single accounts (their token expired); ``ok`` takes it back."""
        for progress in self._of(accounts):
            progress.state = state
            if reason:
                progress.error(reason)

    def count_error(self, reason: str, accounts: Iterable[str] | None = None) -> None:
        """Count an error in the heartbeat without stopping."""
        for progress in self._of(accounts):
            progress.error(reason)

    def watch_from(self, at_ms: int, accounts: Iterable[str] | None = None) -> None:
        """The source begins at ``at_ms``, before or after now; for accounts never watched before."""
        for progress in self._of(accounts):
            progress.watch_from(at_ms)

    def complete_through(self, account: str) -> int:
        """Up to where everything of ``account`` has been published."""
        return self._progress[account].complete_through_ms

    def _of(self, accounts: Iterable[str] | None) -> Iterable[Progress]:
        return self._progress.values() if accounts is None else [self._progress[name] for name in accounts]

    # -- life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the source ends or ``context.stop`` is set.

        Raises:
            StopError: from ``stream``.
        """
        await self._restore()
        if self.context.stop.is_set():
            return
        follow = asyncio.create_task(self._follow())
        beat = asyncio.create_task(self._beat())
        try:
            await asyncio.wait({follow, beat}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (follow, beat):
                task.cancel()
            await asyncio.gather(follow, beat, return_exceptions=True)
            await self._farewell()
        for task in (follow, beat):
            if not task.cancelled():
                task.result()

    async def _restore(self) -> None:
        attempt = 0
        while not self.context.stop.is_set():
            try:
                known = await self.context.cursors.load(self.name)
            except RetryError as error:
                attempt += 1
                log.warning("%s: the broker is away: %s", self.name, error)
                await self._pause(attempt)
            else:
                self._resume(known)
                return

    def _resume(self, known: Mapping[str, Status]) -> None:
        if not known:
            return
        newest = max(known.values(), key=lambda status: status.at_ms)
        self.cursor, self._beat_ms = newest.cursor, max(newest.at_ms, self._beat_ms)
        self._interrupted = not self.resumes or self.cursor is None
        for name in self._progress.keys() & known.keys():
            status = known[name]
            self._progress[name] = Progress.restored(status)
            if newest.at_ms - status.at_ms > _ABSENT_MS:
                # The account was out of the configuration while the cursor moved on.
                self._progress[name].gap(status.complete_through_ms, newest.complete_through_ms)

    async def _follow(self) -> None:
        while not self.context.stop.is_set():
            started_ms = self.context.clock()
            try:
                async with contextlib.aclosing(self._batches()) as batches:
                    async for batch in batches:
                        await self._deliver(batch, started_ms)
            except RetryError as error:
                self._failed(error)
                await self._pause(self._failures, getattr(error, "retry_after_seconds", None))
            else:
                self._ended = not self.context.stop.is_set()
                return

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        """The stream's batches, until ``stop`` is set: a waiting stream does not hold the end up."""
        stream = self.stream()
        stopped = asyncio.create_task(self.context.stop.wait())
        try:
            while not stopped.done():
                step = asyncio.ensure_future(_next(stream))
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
        self._interrupted = self._interrupted or not self.resumes
        self.count_error(error.reason if isinstance(error, SourceError) else "unreachable")
        log.warning("%s: %s", self.name, error)

    async def _pause(self, attempt: int, at_least_seconds: float | None = None) -> None:
        longest = min(BACKOFF_LONGEST_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempt - 1, 16))
        seconds = max(longest * self.context.random.uniform(0.5, 1.0), at_least_seconds or 0.0)
        await self.context.sleep(seconds, self.context.stop)

    # -- publishing --------------------------------------------------------------------------------

    async def _deliver(self, batch: Batch, started_ms: int) -> None:
        """Make the batch durable, however long it takes; only then count it as done."""
        records = batch.outgoing()
        async with self._lock:
            ends = await self._written(records) if records else {}
            if ends is None:
                return
            self._failures, self._heard, self._heard_ms = 0, True, self.context.clock()
            if self._interrupted:
                since_ms = started_ms if batch.watched_from_ms is None else batch.watched_from_ms
                for progress in self._progress.values():
                    if not progress.fresh:
                        progress.gap(progress.complete_through_ms, since_ms)
                        progress.complete(since_ms)
                self._interrupted = False
            self._count(batch, ends)

    async def _written(self, records: list[Outgoing]) -> Ends | None:
        """Publish until durable; None if asked to stop before that (the cursor has not moved)."""
        attempt = 0
        while True:
            try:
                return await self.context.offload(self._write, records)
            except RetryError as error:
                attempt += 1
                self.count_error("broker")
                log.warning("%s: the broker is away: %s", self.name, error)
            await self._pause(attempt)
            if self.context.stop.is_set():
                return None

    def _write(self, records: list[Outgoing]) -> Ends:
        self.context.publisher.publish(records)
        return self.context.publisher.flush()

    def _count(self, batch: Batch, ends: Ends) -> None:
        if batch.cursor is not None:
            self.cursor = batch.cursor
        for name, at_ms in batch.newest().items():
            self._progress[name].event(at_ms)
        through = batch.complete_through_ms
        for progress in self._progress.values():
            if ends:
                progress.written(ends, self.context.registry.partitions)
            mark = through.get(progress.account) if isinstance(through, Mapping) else through
            if mark is not None:
                progress.complete(mark)

    # -- heartbeats --------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """``ok`` once the source has answered and as long as it does."""
        if self._failures >= _DOWN_AFTER:
            return "down"
        silent = self.context.clock() - self._heard_ms > self.quiet_limit_ms
        return "degraded" if self._failures or silent or not self._heard else "ok"

    async def _beat(self) -> None:
        fleet = len(self._progress) / _ACCOUNTS_A_SECOND
        seconds = min(_SLOWEST_BEAT_SECONDS, max(BEAT_SECONDS, fleet))
        while not self.context.stop.is_set():
            try:
                await self._save(self.state)
            except RetryError as error:
                self.count_error("broker")
                log.warning("%s: the heartbeat could not be written: %s", self.name, error)
            await self.context.sleep(seconds, self.context.stop)

    async def _save(self, state: State) -> None:
        async with self._lock:
            # Readers keep the newest by at_ms, so a clock that jumps back must not silence it.
            self._beat_ms = max(self._beat_ms, self.context.clock())
            statuses = [
                progress.status(self.name, self._beat_ms, state=state, cursor=self.cursor, ended=self._ended)
                for progress in self._progress.values()
            ]
            for status in statuses:
                status.rate_remaining = self.rate_remaining
                status.credential_expires_ms = self.credential_expires_ms
            if statuses:
                await self.context.offload(self.context.cursors.save, statuses)

    async def _farewell(self) -> None:
        """The last heartbeat: an end marker is written however long it takes, a stop tries once."""
        attempt = 0
        while True:
            try:
                await self._save("ok" if self._ended else "down")
            except RetryError as error:
                attempt += 1
                log.warning("%s: the last heartbeat could not be written: %s", self.name, error)
            else:
                return
            if not self._ended or self.context.stop.is_set():
                return
            await self._pause(attempt)


async def _next(stream: AsyncIterator[Batch]) -> Batch | None:
    return await anext(stream, None)


def validated(model: type[Options], context: Context) -> Options:
    """The options, or one sentence for each mistake in them."""
    try:
        return model.model_validate(dict(context.options))
    except ValidationError as error:
        sentences = []
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            place = ".".join(str(part) for part in ("connectors", context.name, *problem["loc"]))
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                message = f"is not an option; write one of {', '.join(sorted(model.model_fields)) or 'none'}"
            sentences.append(f"{place}: {message[:1].lower()}{message[1:]}")
        raise ConfigurationError("\n".join(sentences)) from None
