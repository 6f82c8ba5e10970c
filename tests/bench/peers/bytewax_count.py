"""Bytewax: ``… -m tests.bench.peers.bytewax_count SERVERS GROUP EVENTS RECORDS TOPIC…``.

A key is an account with a kind, since a key's clock goes by all that has it and topics are not read evenly:
with the account alone three of four events came too late. Windows wait 60 s. It ends where the topics end. No
recovery store.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from tests.bench.telling import Watch


class Sum(DynamicSink[Any], StatelessSinkPartition[Any]):  # type: ignore[misc]
    """Adds up what is in the windows."""

    def __init__(self) -> None:
        self.counted = 0

    def build(self, *_: object) -> "Sum":
        """It is its own part: there is one worker."""
        return self

    def write_batch(self, items: list[Any]) -> None:
        """Closed windows."""
        self.counted += sum(number for _, (_, number) in items)


def decoder(watch: Watch) -> Any:
    """A function from messages to (account and kind, time)."""

    def decode(messages: Sequence[KafkaSourceMessage]) -> Iterable[tuple[str, datetime]]:
        watch.start()
        decoded = [orjson.loads(message.value or b"") for message in messages]
        return [
            (f"{event['account']} {event['kind']}", datetime.fromtimestamp(event["at_ms"] / 1000, UTC))
            for event in decoded
        ]

    return decode


def count(servers: str, records: int, topics: Sequence[str]) -> None:
    """Count until the topics end."""
    watch, total = Watch(), Sum()
    flow = Dataflow("count")
    source = KafkaSource(
        [servers], topics, tail=False, add_config={"fetch.queue.backoff.ms": "5"}, batch_size=2000
    )
    events = op.flat_map_batch("decode", op.input("read", flow, source), decoder(watch))
    windows = windowing.fold_window(
        "count",
        events,
        windowing.EventClock(lambda at: at, wait_for_system_duration=timedelta(seconds=60)),
        windowing.TumblingWindower(length=timedelta(seconds=10), align_to=datetime(2020, 1, 1, tzinfo=UTC)),
        int,
        lambda number, _: number + 1,
        lambda one, other: one + other,
        ordered=False,
    )
    op.output("sum", windows.down, total)
    run_main(flow)
    watch.stop(records, total.counted)


if __name__ == "__main__":
    count(sys.argv[1], int(sys.argv[4]), sys.argv[5:])
