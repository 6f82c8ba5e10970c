"""Builds the Faust app from the settings: the only place that knows every part of the engine."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import faust
from faust.app.base import BootStrategy

from resonanz_streams.agents import interactions
from resonanz_streams.errors import ResonanzError
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.settings import Settings
from resonanz_streams.transports.brokers import faust_broker
from resonanz_streams.transports.ports import Ownership

log = logging.getLogger(__name__)


class _ConsumerOnly(BootStrategy):  # type: ignore[misc]  # Faust ships no types
    """Faust's consumer, agents and conductor; no producer, web server, leader or reply topics.

    Everything that is written goes through the state store's transactions, past Faust's producer.
    """

    enable_kafka_producer = False
    enable_web = False

    def kafka_consumer(self) -> Iterable[Any]:
        return [self.app.consumer]


class ResonanzApp(faust.App):  # type: ignore[misc]  # Faust ships no types
    """A Faust app whose consumer asks ``ownership`` where to start and tells it what it loses. ``crashing``
    is set once ``crash_reason`` is known."""

    BootStrategy = _ConsumerOnly
    logger = logging.getLogger("faust.app")
    pipeline: Pipeline
    prefix: str
    ownership: Ownership
    crashing: asyncio.Event

    async def crash(self, reason: BaseException) -> None:
        """Stop everything; the worker reads ``crash_reason`` and says it in a sentence."""
        if not isinstance(reason, ResonanzError):
            log.error("the stream crashed", exc_info=reason)
        await super().crash(reason)
        self.crashing.set()

    def _create_directories(self) -> None:
        """None: Faust's tables, which would be kept there, are not used."""


def build_app(settings: Settings, pipeline: Pipeline, *, instance: str = "") -> ResonanzApp:
    """A fresh app around ``pipeline``, not started.

    ``instance``: a name that this worker keeps when it is started again and no other has. On Kafka its
    partitions then wait for it, and need not wait for the end of a killed one's session.

    Raises:
        ConfigurationError: the broker URL is not one of ours.
    """
    app = ResonanzApp(
        settings.group,
        broker=faust_broker(settings.broker),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=pipeline.registry.partitions,
        stream_buffer_maxsize=16,
        stream_wait_empty=False,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=0.5,
        consumer_group_instance_id=instance or None,
        consumer_auto_offset_reset="earliest",
        worker_redirect_stdouts=False,
    )
    app.pipeline = pipeline
    app.crashing = asyncio.Event()
    app.prefix = settings.topic_prefix
    app.ownership = pipeline
    interactions.attach(app, prefix=settings.topic_prefix)
    # They would tell what is told already, with tracebacks.
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return app
