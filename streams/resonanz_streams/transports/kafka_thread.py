"""The thread in which aiokafka talks to the group's coordinator and fetches, beside the event loop."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError
from faust.transport.consumer import ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import QueueServiceThread

from resonanz_streams.errors import StopError
from resonanz_streams.transports.kafka_consumer import end
from resonanz_streams.transports.kafka_name import watch_name
from resonanz_streams.transports.kafka_reach import told
from resonanz_streams.transports.kafka_runs import take
from resonanz_streams.transports.kafka_url import from_faust
from resonanz_streams.transports.ports import Run

_FETCH_WAIT_MS: Final = 50
"""A longer one would hold up a rebalance."""

_METADATA_MS: Final = 30_000
"""After this it is seen that somebody has added partitions."""

_TOLD_HEARTBEATS: Final = 3
"""Whoever had our name has asked and been told so within one of these."""

_SAME_NAME: Final = (
    "another worker of this group is named {}, too, and has taken this one's place; "
    "start one of the two with another name: resonanz worker --instance NAME"
)


class Listener(driver.ConsumerRebalanceListener):  # type: ignore[misc]  # Faust ships no types
    """Keeps the member alive while its partitions are recovered, which may take longer than a session."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """See aiokafka; it would begin with heartbeats only when this returns."""
        self._thread.begin_heartbeats()
        await super().on_partitions_assigned(assigned)


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust ships no types
    """Fetches runs, and hears whether the group's coordinator answers."""

    # Faust's own would be put aside for one of this module's name, which build_app does not silence.
    logger = logging.getLogger("faust.consumer_thread")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_at = time.monotonic()
        self.target = from_faust(self.transport.url)
        self._ends: dict[Any, int] = {}
        self._is_member = False
        self._is_replaced = False

    # -- life ----------------------------------------------------------------------------------------

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        del transport
        conf = self.app.conf
        return AIOKafkaConsumer(
            **self.target.client_settings(),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            # By topic, so that a partition of every source topic has one owner.
            partition_assignment_strategy=[RangePartitionAssignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            metadata_max_age_ms=_METADATA_MS,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            check_crcs=conf.broker_check_crcs,
        )

    async def on_start(self) -> None:
        """Connect.

        Raises:
            RetryError: the broker is away.
        """
        try:
            await super().on_start()
        except KafkaError as error:
            raise await told(self.target, error) from None
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001
        if name := self.app.conf.consumer_group_instance_id:
            watch_name(coordinator, name, self._replaced)
        beat = coordinator._do_heartbeat  # noqa: SLF001

        async def noted() -> bool:
            # Of when it was asked: an answer may lie in the socket for as long as this process is frozen.
            asked_at = time.monotonic()
            answered = bool(await beat())
            if answered:
                self._heard(asked_at)
            elif not coordinator.member_id:
                self._thrown_out()
            return answered

        coordinator._do_heartbeat = noted  # noqa: SLF001

    def begin_heartbeats(self) -> None:
        """The group has let us in.

        A new member has perhaps taken the place of a living one of its name, which shows the same accounts
        until its next heartbeat: it waits for that.
        """
        now = time.monotonic()
        if not self._is_member and self.app.conf.consumer_group_instance_id:
            wait = _TOLD_HEARTBEATS * float(self.app.conf.broker_heartbeat_interval)
            self.app.ownership.ours_from = now + wait
        self._heard(now)
        self._is_member = True
        self._ensure_consumer()._coordinator._start_heartbeat_task()  # noqa: SLF001

    def _heard(self, at: float) -> None:
        self._heard_at = at
        if not self._is_replaced:
            self.app.ownership.ours_until = at + float(self.app.conf.broker_session_timeout)

    def _thrown_out(self) -> None:
        # The group goes on without us: others may own all that was ours.
        self._is_member = False
        self.app.ownership.ours_until = -math.inf

    def _replaced(self) -> None:
        self._is_replaced = True
        self._thrown_out()
        error = StopError(_SAME_NAME.format(self.app.conf.consumer_group_instance_id))
        asyncio.run_coroutine_threadsafe(self.app.crash(error), self.parent_loop)

    def is_silent(self) -> bool:
        """Whether the coordinator has not answered for so long that our partitions may be others' by now.

        While a group forms there are no heartbeats, and its answer takes as long as its slowest member.
        """
        coordinator = None if self._consumer is None else self._consumer._coordinator  # noqa: SLF001
        joining = (
            coordinator is not None
            and coordinator._heartbeat_task is None  # noqa: SLF001
            and coordinator.coordinator_id is not None
        )
        conf = self.app.conf
        patience = float(conf.broker_session_timeout) + (conf.broker_rebalance_timeout if joining else 0.0)
        return bool(time.monotonic() - self._heard_at > patience)

    async def on_thread_stop(self) -> None:
        """Leave the group, so that others need not wait for the session to end; disconnect."""
        await QueueServiceThread.on_thread_stop(self)
        if self._consumer is not None:
            if self._consumer._coordinator is not None:  # noqa: SLF001
                # A static member would stay: that spares a killed worker the wait, not one that ends.
                self._consumer._coordinator._group_instance_id = None  # noqa: SLF001
            await end(self._consumer)

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Nothing: the app's crash says it, in a sentence."""

    async def call_thread(self, fun: Any, *args: Any, **kwargs: Any) -> Any:
        """Call ``fun`` in this thread.

        Raises:
            ResonanzError: the driver's errors, but for those that Faust itself waits for.
        """
        try:
            return await super().call_thread(fun, *args, **kwargs)
        except (ConsumerStoppedError, IllegalStateError):
            raise
        except KafkaError as error:
            raise await told(self.target, error) from None

    def _stopped_set(self) -> None:
        if self.thread_loop.is_closed():
            self._stopped.set()  # it has crashed and is gone: there is nobody to wake
        else:
            super()._stopped_set()

    # -- reading -------------------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group.

        Raises:
            StopError: a topic does not exist.
        """
        wanted = set(topics)
        missing = sorted(wanted - set(await self.call_thread(self._ensure_consumer().topics)))
        if missing:
            raise StopError(self.target.lacks(missing[0]))
        await super().subscribe(wanted)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Run]]:  # noqa: ASYNC109
        """At most one run of each partition, about; empty after the time-out.

        Raises:
            RetryError, StopError: see ``take`` and the driver's own errors.
        """
        return await self.call_thread(self._fetch, active_partitions or set(), timeout)  # type: ignore[no-any-return]

    async def _fetch(self, active: set[TP], seconds: float) -> Mapping[TP, list[Run]]:
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher  # noqa: SLF001
        if consumer._closed or fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        consumer._coordinator.check_errors()  # noqa: SLF001
        with consumer._subscription.fetch_context():  # noqa: SLF001  # says that we are alive
            if runs := self._drain(fetcher, active):
                return runs
            waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
            done, _ = await asyncio.wait({waiter}, timeout=seconds)
            if not done:
                waiter.cancel()
                return {}
            waiter.result()
            return self._drain(fetcher, active)

    def _drain(self, fetcher: Any, active: set[TP]) -> Mapping[TP, list[Run]]:
        if not self.consumer.flow_active or fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            return {}
        runs: dict[TP, list[Run]] = {}
        for place in list(fetcher._records):  # noqa: SLF001
            if place not in active:
                continue
            fetched = fetcher._records[place]  # noqa: SLF001
            if isinstance(fetched, FetchResult):
                if taken := self._take(place, fetched):
                    runs[TP(*place)] = taken
                if fetched.has_more():
                    continue
            del fetcher._records[place]  # noqa: SLF001
            fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001  # it may be fetched again
            if not isinstance(fetched, FetchResult):
                fetched.check_raise()
        return runs

    def _take(self, place: Any, fetched: FetchResult) -> list[Run]:
        topic = place.topic.removeprefix(self.app.prefix)
        position = self._ends.get(place)
        if position is None:  # never sought: it begins where the group left off
            position = fetched._assignment.state_value(place).position  # noqa: SLF001
        runs = list(take(fetched, topic, position))
        if runs:
            self._ends[place] = runs[-1].next_offset
        return runs

    # -- positions -----------------------------------------------------------------------------------

    async def seek_to(self, place: TP, offset: int) -> None:
        """Read from ``offset`` on; what has been fetched from before is dropped."""
        await self.call_thread(self._seek_to, place, offset)

    async def _seek_to(self, place: TP, offset: int) -> None:
        self._ensure_consumer().seek(driver.ensure_aiokafka_TP(place), offset)
        self._ends[place] = offset

    def reached(self, place: TP) -> int:
        """The offset after what has been handed on."""
        return self._ends.get(place, 0)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Called in this thread; the event loop flushes meanwhile."""
        for place in revoked:
            self._ends.pop(place, None)
        await super().on_partitions_revoked(ensure_TPset(revoked))
