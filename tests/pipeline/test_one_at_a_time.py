"""The agent hands over one run at a time, whatever topic and partition it is of."""

import asyncio
from pathlib import Path
from typing import Any

from tests.brokers import Broker
from tests.pipeline.test_transport import until
from tests.pipeline.tiny import Book

from resonanz_streams.agents import interactions
from resonanz_streams.app import ResonanzApp
from resonanz_streams.topics import COUNTED_TOPICS
from resonanz_streams.transports.brokers import faust_broker
from resonanz_streams.transports.ports import Outgoing, Run


class Slow(Book):
    """A pipeline that lets others have the loop many times while it takes a run."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = self.most = 0

    async def apply(self, run: Run) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        for _ in range(200):
            await asyncio.sleep(0)
        self.under_way -= 1
        self.take(run)


def app_of(place: Broker, slow: Slow) -> Any:
    app: Any = ResonanzApp(
        "slow",
        broker=faust_broker(place.url),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        worker_redirect_stdouts=False,
        stream_buffer_maxsize=16,
    )
    app.ownership = app.pipeline = slow
    app.prefix = place.prefix
    interactions.attach(app, prefix=place.prefix)
    return app


def test_runs_of_several_topics_of_a_partition_do_not_overlap(tmp_path: Path) -> None:
    place = Broker(f"sqlite:///{tmp_path}/log.db", "")
    place.create_topics(1)
    place.publish(*[Outgoing(topic, b"k", b"1") for topic in COUNTED_TOPICS])

    async def main() -> Slow:
        slow = Slow()
        app = app_of(place, slow)
        await app.start()
        try:
            await until(lambda: len(slow.lines) == len(COUNTED_TOPICS), "all is taken")
        finally:
            await app.stop()
        return slow

    slow = asyncio.run(main())
    assert {run.topic for run in slow.runs} == set(COUNTED_TOPICS)
    assert slow.most == 1
