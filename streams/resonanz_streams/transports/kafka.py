"""Faust on Apache Kafka: a group of workers, runs of records, aiokafka in a thread of its own."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.transports.kafka_thread import ConsumerThread, Listener
from resonanz_streams.transports.kafka_url import from_faust
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.runs import RunConsumer, message_of


class Consumer(RunConsumer, driver.Consumer):  # type: ignore[misc]  # Faust ships no types
    """Hands on each partition's new records as runs, from where the state ends.

    Raises:
        ConfigurationError: Faust's own ``exactly_once`` is asked for.
    """

    logger = logging.getLogger("faust.consumer")
    RebalanceListener: ClassVar[type[Any]] = Listener

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:
        if transport.app.conf.processing_guarantee.value == "exactly_once":
            raise ConfigurationError(
                "processing_guarantee: exactly_once loses data in Faust's own way; leave it out: "
                "state and offsets are one transaction anyway"
            )
        super().__init__(transport, *args, **kwargs)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task  # type: ignore[untyped-decorator]  # mode ships no types
    async def _listen_for_the_coordinator(self) -> None:
        """Nobody may go on showing numbers of partitions that others may own by now."""
        while not self.should_stop:
            await self.sleep(0.5)
            if self._thread.is_silent():
                await self.app.crash(self._thread.target.away())
                return

    def _to_message(self, tp: TP, record: Run) -> Any:
        return message_of(tp, record, self.app.consumer_generation_id)

    async def _seek(self, partition: TP, offset: int) -> None:
        await self._thread.seek_to(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    def highwater(self, tp: TP) -> int:
        """How far this consumer has read: Faust asks at every run, and only to show it."""
        return int(self._thread.reached(tp))

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: it would miss the commits that are the state store's."""


class Producer(driver.Producer):  # type: ignore[misc]  # Faust ships no types
    """What a Faust agent sends by itself. The worker does not use it: what it writes goes through the state
    store's transactions."""

    def _settings_default(self) -> Mapping[str, Any]:
        return {**super()._settings_default(), "acks": "all", "enable_idempotence": True}

    def _settings_auth(self) -> Mapping[str, Any]:
        return from_faust(self.transport.url).client_settings()


class Transport(driver.Transport):  # type: ignore[misc]  # Faust ships no types
    """``kafka://host:9092`` as a Faust broker."""

    Consumer: ClassVar[type[Any]] = Consumer
    Producer: ClassVar[type[Any]] = Producer
