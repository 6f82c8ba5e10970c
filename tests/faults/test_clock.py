"""A machine's clock set back an hour and ahead a day while the worker runs: the numbers come out exact."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from resonanz_streams.clock import SteadyClock
from resonanz_streams.events import encode
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEAD_LETTERS, LATE, STATUS
from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.worker import Worker
from tests.brokers import Broker
from tests.engines import KEY, NOW_MS, event, line
from tests.faults.report import saw
from tests.processes import wait_until
from tests.stores import heartbeat

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ACCOUNT = "file:a"


class Machine:
    """A worker in a thread, on clocks that are set by hand. ``true_ms``: what the time really is."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.true_ms, self._off_ms = NOW_MS, 0
        clients = {"fleet": {"name": "Fleet", "potential": 1000, "accounts": [ACCOUNT]}}
        settings = settings_of(
            {"broker": broker.url, "topic_prefix": broker.prefix, "partitions": 1, "tick_seconds": 0.1,
             "clients": clients, "group": f"{broker.prefix}g"},
            folder=folder,
        )  # fmt: skip
        self._broker = broker
        self.worker = Worker(
            settings,
            Registry(settings, KEY.encode()),
            host="127.0.0.1",
            port=0,
            clock=SteadyClock(lambda: self.true_ms + self._off_ms, lambda: self.true_ms),
        )
        self.published = 0

    def set_clock(self, off_ms: int) -> None:
        """So far off is the machine's clock from now on."""
        self._off_ms = off_ms

    def publish(self, *ages_ms: int) -> None:
        """An event for each age, and a heartbeat that says all is well."""
        numbers = range(self.published, self.published + len(ages_ms))
        lines = [
            line(event(id=str(number), at_ms=self.true_ms - age))
            for number, age in zip(numbers, ages_ms, strict=True)
        ]
        self._broker.publish(*(Outgoing("likes", ACCOUNT.encode(), value) for value in lines))
        self.published += len(ages_ms)
        status = heartbeat(ACCOUNT, at_ms=self.true_ms, complete_through_ms=self.true_ms)
        self._broker.publish(Outgoing(STATUS, f"file/{ACCOUNT}".encode(), encode(status)))

    def shown(self) -> dict[str, tuple[int, float]] | None:
        """Likes and coverage by window, or None while there is nothing to show."""
        engine = self.worker.pipeline.engines.get(0)
        inputs = None if engine is None else engine.inputs()
        if inputs is None:
            return None
        return {
            window: (int(counts[0, 0]), round(float(inputs.coverage[window][0]), 6))
            for window, counts in inputs.counts.items()
            if window in {"1h", "24h", "28d"}
        }

    def shows(self, hour: int, day: int, all_of_it: int, covered: Sequence[float] = (1.0, 1.0, 1.0)) -> None:
        """Wait until the numbers are these."""
        wanted = dict(
            zip(("1h", "24h", "28d"), zip((hour, day, all_of_it), covered, strict=True), strict=True)
        )
        wait_until(lambda: self.shown() == wanted, f"{wanted} is shown; it is {self.shown()}", 30)


@contextmanager
def running(machine: Machine) -> Iterator[None]:
    failed: list[BaseException] = []

    def live() -> None:
        try:
            asyncio.run(machine.worker.run())
        except BaseException as error:  # noqa: BLE001  # the test says it
            failed.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        machine.worker.stop()
        thread.join(30)
        assert failed == []


def shown_of(machine: Machine, window: str) -> tuple[int, float]:
    return (machine.shown() or {}).get(window, (-1, -1.0))


def lost(broker: Broker) -> int:
    return len(asyncio.run(broker.everything(LATE, DEAD_LETTERS)))


def test_back_an_hour_and_ahead_a_day(broker: Broker, tmp_path: Path) -> None:
    broker.create_topics(1)
    machine = Machine(broker, tmp_path)
    name = "Apache Kafka" if broker.is_kafka else "SQLite"
    with running(machine):
        # The third leaves 28 days only when the clock is a day ahead.
        machine.publish(MINUTE, 2 * HOUR, 28 * DAY - 2 * HOUR)
        machine.shows(1, 2, 3)
        machine.set_clock(-HOUR)
        for _ in range(3):
            machine.true_ms += 8 * MINUTE
            machine.publish(MINUTE)
        # Time goes on by what has elapsed: what happens now is no event of the future.
        machine.shows(4, 5, 6)
        machine.set_clock(0)
        machine.shows(4, 5, 6)
        machine.set_clock(DAY)
        wait_until(lambda: shown_of(machine, "1h") == (0, 0.0), "a future that nobody has watched is shown")
        machine.publish(0)
        wait_until(lambda: shown_of(machine, "28d")[0] == 6, "the future counts what came meanwhile")
        machine.set_clock(0)
        # It has started over, and what the day ahead had dropped is there again.
        machine.shows(5, 6, 7)
        gone = lost(broker)
    name = "Apache Kafka" if broker.is_kafka else "SQLite"
    saw("clock back an hour, ahead a day", broker=name, late_or_dead=gone)
    assert gone == 0
