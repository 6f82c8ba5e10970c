"""SIGTERM under load: the worker writes all that it has counted; the next one counts nothing of it again."""

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.brokers import Broker
from tests.faults.comparison import wrong_figures
from tests.faults.durable import wrong_state
from tests.faults.fleet import CHUNK, Delivery, configure, ready, worker
from tests.faults.load import hard_load
from tests.faults.report import form, saw
from tests.processes import Process, free_port, samples, wait_until

HANGS_AFTER_SECONDS = 60.0
Places = dict[str, float]


def positions(port: int, name: str) -> Places:
    """By "topic/partition"."""
    found = samples(port, name) or {}
    # Labels come in the order of their names: partition, topic.
    return {f"{topic}/{partition}": offset for (partition, topic), offset in found.items()}


class Drained:
    """Worker after worker, each told to end while events arrive."""

    def __init__(self, config: Path) -> None:
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self._config = config
        self._port = free_port()
        self._left: Places = {}

    def live(self, delivery: Delivery, chunks: int) -> None:
        """Ended with a part of the load still to come; what it leaves is what the next one begins with."""
        words = ["--config", str(self._config), "--port", str(self._port)]
        log = self._config.with_name(f"life-{len(self.seconds)}.log")
        with Process(["-m", "tests.faults.telling_worker", *words], log) as process:
            wait_until(lambda: ready(self._port), "the worker is ready")
            began = positions(self._port, "resonanz_recovered_position")
            if self.seconds and began != self._left:
                self.wrong.append(f"begins at {began}, the last one had read up to {self._left}")
            with ThreadPoolExecutor(1) as pool:
                whole = pool.submit(delivery.trickle, chunks)
                wait_until(lambda: positions(self._port, "resonanz_position") != began, "it reads")
                seen = positions(self._port, "resonanz_position")
                asked = time.monotonic()
                assert process.terminate(HANGS_AFTER_SECONDS) == 0, process.output()
                self.seconds.append(time.monotonic() - asked)
                whole.result()
            self._left = json.loads(process.output().splitlines()[-1])
        behind = [place for place, offset in seen.items() if self._left.get(place, -1) < offset]
        assert not behind, "it has read no less than it showed"


def test_a_worker_that_is_told_to_end_leaves_nothing_to_count_again(broker: Broker, tmp_path: Path) -> None:
    rounds = form(2, 20)
    load = hard_load(9, form(20_000, 300_000))
    config, port = configure(tmp_path, broker, load), free_port()
    drained = Drained(config)
    broker.create_topics(4)
    with Delivery(broker, load) as delivery:
        for _ in range(rounds):
            drained.live(delivery, len(load.lines) // CHUNK // (rounds + 1))
        delivery.deliver_all()
        delivery.end()
    with worker(config, port, name="last") as process:
        wrong = [*drained.wrong, *wrong_figures(broker, load, [port])]
        assert process.terminate() == 0, process.output()
    wrong += wrong_state(broker, load, config)
    saw(
        "SIGTERM under load",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        events=len(load.lines),
        ends=rounds,
        seconds_until_the_end_median=statistics.median(drained.seconds),
        seconds_until_the_end_longest=max(drained.seconds),
        wrong=len(wrong),
    )
    assert wrong == []
