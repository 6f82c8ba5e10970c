"""Publishes a load at its own pace, by the clock: ``python -m tests.faults.soak_publisher``.

A slot is published when it is over; what the machine held up is caught up with. Each account has a
heartbeat every 30 s. Tells, as lines of JSON: the first slot, and at the end what was published.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.clock import wall_ms
from resonanz_streams.events import Status, encode
from resonanz_streams.topics import INTERACTION_TOPICS, STATUS
from resonanz_streams.transports.ports import Outgoing, Publisher
from tests.faults.soak_load import SLOT_MS, SoakLoad

BEAT_SLOTS: Final = 30_000 // SLOT_MS


class Spout:
    """The publisher at work."""

    def __init__(self, load: SoakLoad, publisher: Publisher, first_slot: int) -> None:
        self._load = load
        self._publisher = publisher
        self._first_slot = first_slot
        self.records = 0

    def publish(self, slot: int) -> None:
        """All of a slot, and then the heartbeats that are due."""
        records = [
            Outgoing(topic, None, lines, partition=at) for topic, at, lines in self._load.records(slot)
        ]
        self._publisher.publish(records)
        self.records += len(records)
        published = {
            f"{topic}/{number}": end
            for (topic, number), end in self._publisher.flush().items()
            if topic in INTERACTION_TOPICS
        }
        due = self._load.names[slot % BEAT_SLOTS :: BEAT_SLOTS]
        self._publisher.publish([self._beat(name, slot, published) for name in due])

    def _beat(self, account: str, slot: int, published: dict[str, int]) -> Outgoing:
        status = Status(
            connector="file",
            account=account,
            at_ms=(slot + 1) * SLOT_MS,
            state="ok",
            since_ms=self._first_slot * SLOT_MS,
            complete_through_ms=(slot + 1) * SLOT_MS,
            published=published,
        )
        return Outgoing(STATUS, f"file/{account}".encode(), encode(status))


def _tell(**figures: int) -> None:
    sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--slots", type=int, required=True)
    options = parser.parse_args()
    load = msgspec.json.decode(options.load.read_bytes(), type=SoakLoad)
    publisher = open_publisher(options.broker, prefix=options.prefix)
    first = wall_ms() // SLOT_MS
    _tell(first_slot=first)
    spout, behind = Spout(load, publisher, first), 0
    for slot in range(first, first + options.slots):
        wait = (slot + 1) * SLOT_MS - wall_ms()
        behind = max(behind, -wait)
        time.sleep(max(0, wait) / 1000)
        spout.publish(slot)
    publisher.close()
    _tell(last_slot=first + options.slots - 1, records=spout.records, behind_ms=behind)


if __name__ == "__main__":
    main()
