"""A simulated agency: rhythms, cascades, talk, bots, doubles, removals and incidents, all from one seed.

The first start fills the past, then it runs at the pace of the clock. The cursor holds when that first
start was and how far it has come, so a restart goes on with the very same events.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from resonanz_connectors.base import Batch, Connector, Options
from resonanz_connectors.context import Context
from resonanz_connectors.simulator_feed import Arrivals, Feed
from resonanz_connectors.simulator_incidents import DEFAULT, Incident, Planned, plan
from resonanz_connectors.simulator_lines import Writer
from resonanz_connectors.simulator_model import HOUR_MS, Public
from resonanz_connectors.simulator_truth import Truth
from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.registry import Account, Registry
from resonanz_streams.topics import DAY_MS

TICK_SECONDS: Final = 0.5
_FEWEST_HOURS: Final = 1
_CELLS: Final = 25_000
_TRUTH_EVERY_MS: Final = 60_000


class SimulatorOptions(Options):
    """``rate`` scales how busy all are. ``incidents``: see there; an empty list means none. ``truth``: a
    JSONL file of what a reader must count, kept up to date every minute and at the end, with one of the
    dialogues beside it."""

    seed: int = 1
    rate: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    backfill_days: Annotated[int, Field(ge=0, le=120)] = 28
    incidents: tuple[Incident, ...] = DEFAULT
    truth: Path | None = None


class World:
    """Everything that follows from the options, the accounts and the first start."""

    def __init__(
        self, registry: Registry, accounts: Sequence[Account], options: SimulatorOptions, start_ms: int
    ) -> None:
        self._registry = registry
        self._accounts = accounts
        self.public = Public(registry, accounts, options.seed, options.rate)
        self.start_ms = start_ms
        self.begin_ms = (start_ms - options.backfill_days * DAY_MS) // HOUR_MS * HOUR_MS
        self.incidents: Sequence[Planned] = plan(options.incidents, accounts, self.public.daily, start_ms)

    def feed(self, from_ms: int) -> Feed:
        """What arrives from ``from_ms`` on."""
        return Feed(
            self.public, self.incidents, world_ms=self.begin_ms, start_ms=self.start_ms, from_ms=from_ms
        )

    def writer(self) -> Writer:
        """Makes batches of it."""
        return Writer(self._registry, self._accounts, self.public)

    def truth(self) -> Truth:
        """Counts it."""
        return Truth(self._registry, self._accounts, self.incidents)

    def cursor(self, at_ms: int) -> str:
        """The first start, and how far it has come."""
        return f"{self.start_ms}:{at_ms}"

    @property
    def step_ms(self) -> int:
        """How much time to take in one go: a day, less for very many accounts."""
        hours = max(_FEWEST_HOURS, min(24, _CELLS // max(1, len(self._accounts))))
        return hours * HOUR_MS


def generate(
    registry: Registry,
    accounts: Sequence[Account],
    *,
    from_ms: int,
    to_ms: int,
    start_ms: int | None = None,
    options: SimulatorOptions | None = None,
) -> Iterator[Batch]:
    """Everything that arrives in [from_ms, to_ms), in order; a pure function of its arguments.

    ``start_ms`` is the first start, from which incidents and the past count (default: to_ms).
    """
    options = options or SimulatorOptions(incidents=())
    world = World(registry, accounts, options, to_ms if start_ms is None else start_ms)
    feed, writer = world.feed(from_ms), world.writer()
    while from_ms < to_ms:
        from_ms = min(to_ms, from_ms + world.step_ms)
        yield writer.batch(feed.advance(from_ms), world.cursor(from_ms))


class Simulator(Connector):
    """Simulates an agency: daily rhythms, viral cascades, bots, unlikes, outages. For demos and tests."""

    options_type = SimulatorOptions
    options: SimulatorOptions

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ordered = tuple(context.accounts)
        self._dead: frozenset[str] = frozenset()
        self._truth: Truth | None = None
        self._untold: Arrivals | None = None
        self._truth_due_ms = 0
        # Says at once, and not only when it runs, that an incident names an unknown account.
        plan(self.options.incidents, self._ordered, self._world(context.clock()).public.daily, 0)

    def _world(self, start_ms: int) -> World:
        return World(self.context.registry, self._ordered, self.options, start_ms)

    async def stream(self) -> AsyncIterator[Batch]:
        """First the past in large steps, then live."""
        offload, clock = self.context.offload, self.context.clock
        start_ms, at_ms = _read(self.cursor)
        world = self._world(clock() if start_ms is None else start_ms)
        if at_ms is None:
            at_ms = world.begin_ms
        # An account that is new to a simulator that has run before begins where that one stands.
        self.watch_from(at_ms)
        feed, writer = world.feed(at_ms), world.writer()
        self._truth = await self._told(world, at_ms)
        # When all this began must be durable before anything of it is: incidents hang on it.
        yield Batch(cursor=world.cursor(at_ms))
        try:
            while not self.context.stop.is_set():
                now_ms = clock()
                if now_ms > at_ms:
                    at_ms = min(now_ms, at_ms + world.step_ms)
                    arrivals = await offload(feed.advance, at_ms)
                    self._tell(world, arrivals)
                    batch = await offload(writer.batch, arrivals, world.cursor(at_ms))
                    self._untold = arrivals
                    yield self._silenced(batch)
                    self._tell_truth()
                    if at_ms >= max(now_ms, self._truth_due_ms):
                        self._truth_due_ms = at_ms + _TRUTH_EVERY_MS
                        await offload(self._write_truth)
                if at_ms >= now_ms:
                    await self.context.sleep(TICK_SECONDS, self.context.stop)
        finally:
            # A stop finds the generator at its yield; whether that batch was published, the cursor says.
            if self.cursor == world.cursor(at_ms):
                self._tell_truth()
            self._write_truth()

    def _tell(self, world: World, arrivals: Arrivals) -> None:
        """Let a dead connector look dead while it is, and leave its gap behind."""
        dead: set[str] = set()
        for incident in world.incidents:
            if incident.kind != "dead":
                continue
            if incident.from_ms < arrivals.to_ms < incident.to_ms:
                dead.update(incident.accounts)
            if arrivals.from_ms < incident.to_ms <= arrivals.to_ms:
                self.gap(incident.from_ms, incident.to_ms, incident.accounts)
        self.mark("down", dead - self._dead, reason="unreachable")
        self.mark("ok", self._dead - dead)
        self._dead = frozenset(dead)

    def _silenced(self, batch: Batch) -> Batch:
        """A dead connector knows of nothing more: its accounts are not complete any further."""
        through = batch.complete_through_ms
        if not self._dead or not isinstance(through, int):
            return batch
        alive = {name: through for name in self.accounts if name not in self._dead}
        return Batch(
            events=batch.events,
            records=batch.records,
            cursor=batch.cursor,
            complete_through_ms=alive,
            last_event_ms=batch.last_event_ms,
        )

    async def _told(self, world: World, at_ms: int) -> Truth | None:
        """What has been published so far, told again from the seed: a restart loses nothing of it."""
        if self.options.truth is None:
            return None
        truth, feed, told_ms = world.truth(), world.feed(world.begin_ms), world.begin_ms
        while told_ms < at_ms:
            told_ms = min(at_ms, told_ms + world.step_ms)
            arrivals = await self.context.offload(feed.advance, told_ms)
            truth.take(arrivals)
        return truth

    def _tell_truth(self) -> None:
        if self._truth is not None and self._untold is not None:
            self._truth.take(self._untold)
        self._untold = None

    def _write_truth(self) -> None:
        if self._truth is None or self.options.truth is None:
            return
        path = self.context.folder / self.options.truth
        try:
            self._truth.write(path)
        except OSError as error:
            raise StopError(f"{path}: the truth cannot be written: {error.strerror}") from None


def _read(cursor: str | None) -> tuple[int | None, int | None]:
    if cursor is None:
        return None, None
    start, _, at = cursor.partition(":")
    try:
        return int(start), int(at)
    except ValueError:
        raise ConfigurationError(
            f"the stored cursor {cursor!r} is none of the simulator's; give this simulator another name"
        ) from None
