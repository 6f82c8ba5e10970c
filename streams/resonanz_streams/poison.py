"""A line on which counting itself fails: found on trial, quarantined, and the partition goes on.

Who fails halfway holds half of a run, so nothing of that engine is used again: the worker starts over from
what is durable. From then on a second engine takes every run first, a step ahead of the real one. A run
that it fails on is taken apart on trial; the lines that fail alone are quarantined, the others count.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from resonanz_streams.dead_letters import Line, Lines, Rejected
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.errors import RECOUNT, RetryError, StopError
from resonanz_streams.transports.ports import Recovered, Run
from resonanz_streams.unread import unread

log = logging.getLogger(__name__)

TRIES: Final = 3
"""Failures in a row after which no line is to blame."""

CARE_RUNS: Final = 200
"""How many runs are taken with care after a failure: each costs twice the time meanwhile."""


class Trial:
    """An engine whose numbers go nowhere: it does with each run all that will be done with it later."""

    def __init__(self, engine: PartitionEngine, *, event_clock: bool) -> None:
        self._engine = engine
        self._event_clock = event_clock

    def take(self, topic: str, partition: int, lines: Sequence[Line], clock_ms: int) -> None:
        """Count these lines, let their time pass, make rows of them and what KPIs are computed from; whatever
        fails comes out. A KPI that fails is no line's fault: it is left out."""
        engine = self._engine
        start = engine.offsets.get(topic, 0)
        end = start + len(lines)
        engine.apply(
            Run(topic, partition, start, end, [line.data for line in lines], range(start, end)), clock_ms
        )
        times = [at_ms for at_ms in (engine.newest_ms, None if self._event_clock else clock_ms) if at_ms]
        if times:
            engine.advance(max(times))
        engine.take_flush()
        engine.inputs()


def isolated(
    begin: Callable[[], Trial], run: Run, lines: Sequence[Line], clock_ms: int
) -> tuple[list[Line], list[Rejected]]:
    """The lines that can be counted, in order, and the others; ``begin`` makes a trial from before the run.

    About ``log2(n)`` new trials for each bad line. A line that fails only together with one before it is bad.

    Raises:
        Exception: the trial fails with nothing to count: no line is to blame.
    """
    good: list[Line] = []
    bad: list[Rejected] = []

    def again() -> Trial:
        trial = begin()
        trial.take(run.topic, run.partition, good, clock_ms)
        return trial

    trial = again()
    parts = [list(lines)]
    while parts:
        part = parts.pop()
        try:
            trial.take(run.topic, run.partition, part, clock_ms)
            good += part
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it is one line's
            trial = again()
            if len(part) == 1:
                bad.append(Rejected(part[0], "quarantined", f"counting it failed: {type(error).__name__}"))
            else:
                parts += [part[len(part) // 2 :], part[: len(part) // 2]]
    return good, bad


def without_others(run: Run, lines: Sequence[Line]) -> Run:
    """The run with these of its lines only; its offsets stay."""
    values: dict[int, list[bytes]] = {offset: [] for offset in run.offsets}
    for line in lines:
        values[line.offset].append(line.data)
    joined = [b"\n".join(values[offset]) for offset in run.offsets]
    return Run(run.topic, run.partition, run.first_offset, run.next_offset, joined, run.offsets)


def sentence_of(bad: Sequence[Rejected]) -> str:
    """What became of these, in a sentence for the log."""
    if not bad:
        return "what could not be counted could be when it was tried again"
    first, last = bad[0].line.offset, bad[-1].line.offset
    where = f"offset {first}" if first == last else f"offsets {first} to {last}"
    return f"quarantined, for it could not be counted: {len(bad)} of the lines at {where} ({bad[0].error})"


class Care:
    """Which partitions are taken with care, and how often counting failed there.

    ``base``: what is durable of a partition, all that was counted before included; ``restored``: an engine
    that begins there.
    """

    def __init__(
        self,
        base: Callable[[int], Awaitable[Recovered]],
        restored: Callable[[int, Recovered], PartitionEngine],
        *,
        event_clock: bool,
    ) -> None:
        self.failures: Counter[int] = Counter()
        self._base = base
        self._restored = restored
        self._event_clock = event_clock
        self._trials: dict[int, Trial] = {}
        self._in_a_row: Counter[int] = Counter()
        self._left: dict[int, int] = {}

    async def tried(self, run: Run, engine: PartitionEngine, clock_ms: int) -> tuple[Run, Sequence[Rejected]]:
        """The run without the lines on which counting fails, and those; where no care is needed, as it is.

        To be called for one run at a time, of whatever topic: it waits for the store, and a trial that
        another run began meanwhile would know only one of the two. The worker has one agent, which reads
        all topics and waits for each run.

        Raises:
            ResonanzError: what is durable cannot be had.
            Exception: no line is to blame.
        """
        partition = run.partition
        if partition not in self._left:
            return run, ()
        lines = Lines(unread(run, engine.offsets.get(run.topic))[0]).all()
        if partition not in self._trials:
            self._trials[partition] = self._trial(partition, await self._base(partition))
        try:
            self._trials[partition].take(run.topic, partition, lines, clock_ms)
        except Exception as error:  # whatever it is, the next look is closer
            log.debug("what failed", exc_info=error)
        else:
            self._passed(partition)
            return run, ()
        del self._trials[partition]
        begin = partial(self._trial, partition, await self._base(partition))
        good, bad = await asyncio.to_thread(isolated, begin, run, lines, clock_ms)
        log.error("%s/%d: %s", run.topic, partition, sentence_of(bad))
        return without_others(run, good), bad

    def _trial(self, partition: int, base: Recovered) -> Trial:
        return Trial(self._restored(partition, base), event_clock=self._event_clock)

    def renewed(self, partition: int) -> None:
        """Its engine goes by another registry now: the next trial, too."""
        self._trials.pop(partition, None)

    def start_over(self) -> None:
        """What is not durable is forgotten."""
        self._trials.clear()

    def failed(self, partition: int, error: BaseException) -> RetryError | StopError:
        """Note a failure; what the worker must do now."""
        self.failures[partition] += 1
        self._in_a_row[partition] += 1
        self._left[partition] = CARE_RUNS
        if self._in_a_row[partition] >= TRIES:
            return StopError(
                f"partition {partition}: counting failed {TRIES} times in a row ({error!r}), and no record "
                f"alone is to blame; {RECOUNT}"
            )
        return RetryError(
            f"partition {partition}: a record cannot be counted ({type(error).__name__}); it is looked for "
            "among all that came since the last flush"
        )

    def _passed(self, partition: int) -> None:
        self._left[partition] -= 1
        if not self._left[partition]:
            del self._left[partition], self._in_a_row[partition]
            self._trials.pop(partition, None)

    def found(self, partition: int) -> None:
        """The bad lines of a run are written where dead letters go."""
        self._in_a_row[partition] = 0
        self._left[partition] = CARE_RUNS
