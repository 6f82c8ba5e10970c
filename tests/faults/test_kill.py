"""A worker killed ten times, three of them inside a flush, ends with exactly the right numbers."""

import json
import random
from pathlib import Path

from tests.brokers import Broker
from tests.faults.fleet import CHUNK, Delivery, configure, worker
from tests.faults.load import Load, make_load
from tests.faults.snapshots import Counts, final_counts, naive_counts
from tests.processes import Process, free_port, get, samples, wait_until

EVENTS = 200_000
KILLS = 10
DEADLY_FLUSHES = 4


class Lives:
    """Starts worker after worker and remembers how far each got."""

    def __init__(self, config: Path) -> None:
        self._config = config
        # The same for every life: on Kafka a worker is known by it, and need not wait for its dead self.
        self._port = free_port()
        self._reached: dict[tuple[str, ...], float] = {}
        self.read_again = 0.0
        self.inside_a_flush = 0

    def _start(self, number: int, flush: int | None) -> Process:
        if flush is None:
            return worker(self._config, self._port, name=f"worker-{number}")
        words = ["--config", str(self._config), "--port", str(self._port)]
        words += ["--flush", str(flush), "--seed", str(number)]
        return Process(
            ["-m", "tests.faults.dying_worker", *words], self._config.with_name(f"worker-{number}.log")
        )

    def _watch(self, recovered: dict[tuple[str, ...], float]) -> None:
        """Read the positions; what lies between recovery and the last life's end was read again."""
        now = samples(self._port, "resonanz_position") or {}
        if now and not recovered:
            recovered.update(samples(self._port, "resonanz_recovered_position") or {})
        self._reached = {**self._reached, **now}

    def live_and_die(self, number: int, delivery: Delivery, flush: int | None, rng: random.Random) -> None:
        """One life: recover, read while events arrive, die in the middle of it."""
        before = dict(self._reached)
        process = self._start(number, flush)
        share = EVENTS // CHUNK // (KILLS + 1)
        with process:
            recovered: dict[tuple[str, ...], float] = {}
            wait_until(lambda: get(f"http://127.0.0.1:{self._port}/readyz"), f"worker {number} is ready")
            self._watch(recovered)
            alive = rng.randrange(share // 2, share)
            for _ in range(alive):
                delivery.deliver(1)
            if flush is None:
                self._watch(recovered)
                process.kill()
            else:
                wait_until(lambda: process.process.poll() is not None, f"worker {number} dies inside a flush")
                self.inside_a_flush += "died inside a flush" in process.output()
            delivery.deliver(share - alive)
        self.read_again += sum(
            max(0.0, before[place] - offset) for place, offset in recovered.items() if place in before
        )

    def finish(self, number: int, load: Load, broker: Broker) -> Counts:
        with self._start(number, None) as process:
            counts = final_counts(broker.url, load.accounts, load.end_ms, prefix=broker.prefix)
            assert process.terminate() == 0, process.output()
        return counts


def test_killed_ten_times(broker: Broker, tmp_path: Path) -> None:
    load = make_load(7, EVENTS)
    lives = Lives(configure(tmp_path, broker, load))
    rng = random.Random(11)
    broker.create_topics(4)
    with Delivery(broker, load) as delivery:
        for number in range(KILLS):
            lives.live_and_die(number, delivery, 2 if number < DEADLY_FLUSHES else None, rng)
        delivery.deliver_all()
        delivery.end()
    counts = lives.finish(KILLS, load, broker)
    assert lives.inside_a_flush >= 3
    assert lives.read_again > 0
    assert counts == naive_counts([json.loads(line) for _, _, line in load.lines], load.end_ms)
