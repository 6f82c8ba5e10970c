"""The worker process: a Faust app, its cycle, the connectors' heartbeats, and /metrics.

``faust -A resonanz_streams.worker worker`` finds the one module-level app here; it is built from
``resonanz.yaml`` (or the file that RESONANZ_CONFIG names) when it is asked for.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import msgspec

from resonanz_streams.app import ResonanzApp, build_app
from resonanz_streams.clock import Clock, SteadyClock
from resonanz_streams.clock_check import ClockCheck
from resonanz_streams.engine_for import chosen_kpis
from resonanz_streams.errors import ConfigurationError, FencedError, ResonanzError, RetryError, StopError
from resonanz_streams.events import VERSION, Status
from resonanz_streams.exporter import Exporter, serve
from resonanz_streams.exporter_access import access_rule
from resonanz_streams.exposition import series_of
from resonanz_streams.malloc import collect_seldom, give_back_large_arrays
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.metrics import build_metrics
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry
from resonanz_streams.reload import Reloader
from resonanz_streams.reload_series import ReloadSeries
from resonanz_streams.settings import Settings
from resonanz_streams.snapshots import share_of_time
from resonanz_streams.topics import STATUS, TOPICS
from resonanz_streams.transports.brokers import open_admin, open_store, open_tail
from resonanz_streams.transports.ports import StateStore, Tail
from resonanz_streams.unreadable import UNREADABLE

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 30.0

_HEARTBEATS = 2
"""By then the coordinator has answered one that was sent after a write of ours was fenced."""


class Worker:
    """Runs apps one after the other: when the broker goes away, a fresh one starts from what is durable."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        host: str,
        port: int,
        instance: str = "",
        clock: Clock | None = None,
        store: StateStore | None = None,
        tail: Callable[[], Tail] | None = None,
        measures: MakeMeasures = Measures,
        reloader: Reloader | None = None,
    ) -> None:
        self._reloader = reloader
        self._settings = settings
        self._registry = registry
        self._host = host
        self._port = port
        # Two workers of a host cannot have the same port.
        self._instance = instance or (f"{socket.gethostname()}-{port}" if port else "")
        self._clock = clock = SteadyClock() if clock is None else clock
        self._store = store or open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        self.pipeline = Pipeline(settings, registry, self._store, clock, measures)
        self._clock_check = ClockCheck(clock, self.pipeline) if isinstance(clock, SteadyClock) else None
        self._stopping = asyncio.Event()
        self._open_tail = tail or partial(open_tail, settings.broker, [STATUS], prefix=settings.topic_prefix)
        self._listening: asyncio.Task[None] | None = None
        self._heard = False
        self._decoder = msgspec.json.Decoder(Status)

    def stop(self) -> None:
        """Ask for a clean end: last flush, then out."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve and count until :meth:`stop`.

        Raises:
            StopError: the port is taken, or going on would lose or double data.
            ConfigurationError: beyond loopback without a token.
        """
        async with self._beside():
            try:
                await self._run_apps()
            finally:
                await self._store.close()

    async def accompany(self, app: ResonanzApp) -> None:
        """Serve and turn the cycle for an app that somebody else started, until it is cancelled."""
        async with self._beside():
            await self._cycles(app)

    @contextlib.asynccontextmanager
    async def _beside(self) -> AsyncIterator[None]:
        """What runs beside every app: /metrics, and the connectors' heartbeats."""
        metrics = build_metrics(self.pipeline, self._clock)
        exporter = Exporter(
            self.pipeline,
            metrics,
            series_of(self._settings.export, chosen_kpis(self._settings)),
            ready=self._not_ready_because,
        )
        application = exporter.application(access_rule(lambda: self._settings, self._host))
        runner = await serve(application, self._host, self._port)
        listening = self._listening = asyncio.create_task(self._listen())
        beside = [listening]
        if self._reloader is not None:
            metrics.register(ReloadSeries(self._reloader))
            beside.append(asyncio.create_task(self._reloader.run(self._take)))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await runner.cleanup()

    async def _take(self, settings: Settings, registry: Registry) -> None:
        access_rule(lambda: settings, self._host)  # or refuse them
        self._settings, self._registry = settings, registry
        self.pipeline.adopt(settings, registry)
        await self.pipeline.renewal.done.wait()

    def _not_ready_because(self) -> str:
        if self.pipeline.recovering:
            return f"recovering {len(self.pipeline.recovering)} partitions"
        if self.pipeline.sharing:
            return "the workers are sharing the partitions anew"
        if self.pipeline.is_out_of_touch():
            return "the group's coordinator does not answer: others may own our partitions"
        if self.pipeline.is_too_soon():
            return "another worker of this name may still be showing our partitions"
        if not self.pipeline.engines:
            return "no partition is assigned yet"
        return "" if self._heard else "connectors' heartbeats are not read yet"

    async def _run_apps(self) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await self._run_app()
            except (RetryError, FencedError) as error:
                if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                    pause = 0.5
                log.warning("%s; starting over in %.1f s", error, pause)
                self.pipeline.drop_all()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def _run_app(self) -> None:
        await asyncio.to_thread(self._ensure_topics)
        app = build_app(self._settings, self.pipeline, instance=self._instance)
        self.pipeline.begin()
        try:
            await app.start()
            await self._cycles(app)
        except BaseException as error:
            # Before the end, which takes its time: what may be others' by now must not be shown, nor flushed.
            self.pipeline.drop_all()
            if isinstance(error, FencedError | RetryError) and (reason := await self._name_taken(app, error)):
                raise reason from None
            raise
        finally:
            await app.stop()

    async def _name_taken(self, app: ResonanzApp, error: ResonanzError) -> StopError | None:
        """What the group's coordinator says, if another worker has our name. Its writes fence ours before we
        hear of it; to start over would take the name back."""
        if isinstance(error, FencedError):
            with contextlib.suppress(TimeoutError):
                seconds = _HEARTBEATS * float(app.conf.broker_heartbeat_interval)
                await asyncio.wait_for(app.crashing.wait(), seconds)
        return app.crash_reason if isinstance(app.crash_reason, StopError) else None

    def _ensure_topics(self) -> None:
        admin = open_admin(self._settings.broker, prefix=self._settings.topic_prefix)
        try:
            problems = admin.ensure(tuple(TOPICS.values()), self._registry.partitions)
        finally:
            admin.close()
        if problems:
            raise StopError("\n".join(problems))

    async def _cycles(self, app: ResonanzApp) -> None:
        tick = self._settings.tick_seconds
        # Until more is known: who begins has most to catch up with.
        started, worked, load = time.monotonic(), time.process_time(), 1.0
        while not self._stopping.is_set():
            if doubts := self.pipeline.growth.doubts(self.pipeline.engines):
                await asyncio.to_thread(self._ensure_topics)
                self.pipeline.growth.explain(doubts)
            await self.pipeline.cycle(tick * share_of_time(load))
            if self.pipeline.failure is not None:
                raise self.pipeline.failure
            self._check_listening()
            if self._clock_check is not None and self._settings.clock == "wall":
                self._clock_check.look()
            if app.crash_reason is not None:
                raise (
                    app.crash_reason
                    if isinstance(app.crash_reason, ResonanzError)
                    else StopError(f"the stream stopped: {app.crash_reason!r}")
                )
            await self._pause(until=started + tick)
            began, did, started, worked = started, worked, time.monotonic(), time.process_time()
            load = (worked - did) / (started - began)

    async def _pause(self, until: float) -> None:
        """Until then by the monotonic clock; less at a backlog's end, or when this worker is to end."""
        backlog, left = self.pipeline.backlog, max(0.01, until - time.monotonic())
        while left > 0 and not backlog.is_over():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(backlog.look_seconds(), left))
                return
            left = until - time.monotonic()

    def _check_listening(self) -> None:
        """Without heartbeats every number would soon be called partial, and nobody would know why."""
        if self._listening is not None and self._listening.done():
            error = self._listening.exception()
            raise (
                error
                if isinstance(error, StopError | ConfigurationError)
                else StopError(f"connectors' heartbeats are no longer read: {error!r}")
            )

    async def _listen(self) -> None:
        """Read every connector's heartbeats, from the first one on, for as long as the worker lives."""
        tail = self._open_tail()
        try:
            while True:
                try:
                    records = await tail.poll(0.5)
                except RetryError:
                    await asyncio.sleep(1.0)
                    continue
                for record in records:
                    self._observe(record.value)
                self._heard = self._heard or tail.caught_up()
        finally:
            await tail.close()

    def _observe(self, value: bytes | None) -> None:
        if not value:
            return
        try:
            status = self._decoder.decode(value)
            if status.v != VERSION:
                log.warning("a connector's heartbeat of version %d is left out: update this worker", status.v)
            else:
                self.pipeline.observe(status)
        except UNREADABLE as error:
            log.warning("a connector's heartbeat cannot be read and is left out: %s", error)


def run_worker(
    settings: Settings,
    registry: Registry,
    *,
    host: str,
    port: int,
    instance: str = "",
    store: StateStore | None = None,
    measures: MakeMeasures = Measures,
    reloader: Reloader | None = None,
) -> None:
    """Run until SIGTERM or SIGINT, which flush a last time. ``store``: instead of the broker's own.
    ``instance``: a name that no other worker of the group has; by default host and port. ``reloader``: sees
    to it that changes of the configuration take effect.

    Raises:
        ResonanzError: what a person can mend, in a sentence.
    """

    async def main() -> None:
        worker = Worker(
            settings,
            registry,
            host=host,
            port=port,
            instance=instance,
            store=store,
            measures=measures,
            reloader=reloader,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()

    give_back_large_arrays()
    collect_seldom()
    # The thread that fetches needs the interpreter often, and shortly; 5 ms of waiting each time starve it.
    sys.setswitchinterval(0.001)
    asyncio.run(main())


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    from resonanz_streams.standalone import configured_app

    return configured_app()
