"""When the deep KPIs of each partition are computed: in a thread, as often as there is time."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from resonanz_streams.deep import DeepFigures, OfWindow, deep_job
from resonanz_streams.deep_news import DeepNews, Untold
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import Compute, plainly

log = logging.getLogger(__name__)

LEAST_SECONDS: Final = 15.0
"""Between two computations, measured from the end of the first."""

_MOST: Final = 0.05
"""Of the time at most, all partitions together; with very many events the figures are older instead."""


class Computed(NamedTuple):
    """Figures, and what is to be told of them."""

    figures: DeepFigures
    news: DeepNews
    untold: Untold


class DeepBook:
    """The newest figures of each partition, and what is still to be told of them.

    ``every_tick``: compute them whenever asked. ``exported``: those that are kept to be exported, else all.
    ``compute``: each KPI.
    """

    def __init__(
        self,
        *,
        every_tick: bool,
        exported: Collection[OfWindow] | None = None,
        seconds: Callable[[], float] = time.monotonic,
        compute: Compute = plainly,
    ) -> None:
        self._compute = compute
        self._seconds = seconds
        self._exported = exported
        self.figures: dict[int, DeepFigures] = {}
        self.news: dict[int, DeepNews] = {}
        self.every_tick = every_tick
        self._due: dict[int, float] = {}

    def end(self, partition: int) -> None:
        """It is another's now."""
        self.figures.pop(partition, None)
        self.news.pop(partition, None)
        self._due.pop(partition, None)

    async def refresh(self, partition: int, engine: PartitionEngine, still: Callable[[], bool]) -> None:
        """Compute them if it is time to. ``still``: whether the partition is owned when that is done."""
        if not self.every_tick and self._seconds() < self._due.get(partition, 0.0):
            return
        begun = self._seconds()
        computed = await self.computed(partition, engine)
        if computed is not None and still():
            self.keep(partition, computed, self._seconds() - begun)

    async def computed(self, partition: int, engine: PartitionEngine) -> Computed | None:
        """As of now; None where none are wanted, or they cannot be computed, which the log says."""
        job = deep_job(engine, self._compute)
        if job is None:
            return None
        news = self.news.get(partition)
        if news is None or news.accounts is not engine.accounts:
            news = DeepNews(engine.accounts, every_tick=self.every_tick)
        try:
            return await asyncio.to_thread(_made, job, news)
        except Exception as error:  # counting goes on without: it has changed nothing there
            log.error(  # noqa: TRY400  # the traceback goes to those who ask for it
                "partition %d: KPIs of what stands cannot be computed (%s); counts go on",
                partition, type(error).__name__,
            )  # fmt: skip
            log.debug("what failed", exc_info=True)
            self.end(partition)
            self._due[partition] = self._seconds() + LEAST_SECONDS
            return None

    def keep(self, partition: int, computed: Computed, took: float) -> None:
        """These are the partition's newest, and took so many seconds."""
        figures, news, untold = computed
        news.wait(untold)
        self.news[partition] = news
        self.figures[partition] = figures if self._exported is None else figures.only(self._exported)
        self._due[partition] = self._seconds() + max(LEAST_SECONDS, took / _MOST * len(self.figures))


def _made(job: Callable[[], DeepFigures], news: DeepNews) -> Computed:
    figures = job()
    return Computed(figures, news, news.of(figures))
