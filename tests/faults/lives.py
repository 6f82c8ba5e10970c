"""Worker after worker on one load, each killed at a bad moment, and what is wrong in the end."""

import random
from collections import Counter
from pathlib import Path

from tests.brokers import Broker
from tests.faults.comparison import in_the_log, wrong_figures, wrong_outcomes
from tests.faults.durable import wrong_audit, wrong_state
from tests.faults.fleet import Delivery, configure, ready, worker
from tests.faults.load import Load
from tests.processes import Process, free_port, samples, wait_until


class Lives:
    """``kills`` counts the deaths by their moment, ``kills_inside`` those that came before the call which
    was to be deadly had ended; ``read_again`` the records that a life counted and the next one counted
    again, since they were not durable."""

    def __init__(self, folder: Path, broker: Broker, load: Load, seed: int) -> None:
        self.config = configure(folder, broker, load)
        self.kills: Counter[str] = Counter()
        self.kills_inside: Counter[str] = Counter()
        self.read_again = 0.0
        self._broker = broker
        self._load = load
        self._rng = random.Random(seed)
        # The same for every life: on Kafka a worker is known by it, and need not wait for its dead self.
        self._port = free_port()
        self._guest = free_port()
        self._reached: dict[tuple[str, ...], float] = {}

    def _dying(self, during: str, call: int) -> Process:
        number = self.kills.total()
        words = ["--config", str(self.config), "--port", str(self._port), "--during", during]
        # Of the short form's few lives the first dies in a flush; this seed draws half a millisecond for it.
        words += ["--call", str(call), "--seed", str(number + 1)]
        return Process(
            ["-m", "tests.faults.dying_worker", *words], self.config.with_name(f"dead-{number}.log")
        )

    def _is_ready(self, process: Process | None = None) -> None:
        """Wait until it is, or until this one has died: what an earlier life left unread may be in its first
        flush, before it is ready."""
        wait_until(
            lambda: ready(self._port) or (process is not None and process.process.poll() is not None),
            f"life {self.kills.total()} is ready",
        )
        recovered = samples(self._port, "resonanz_recovered_position") or {}
        self.read_again += sum(max(0.0, self._reached.get(place, 0) - at) for place, at in recovered.items())
        self._reached = {}

    def at_any_moment(self, delivery: Delivery, chunks: int) -> None:
        """Killed while events arrive."""
        with worker(self.config, self._port, name=f"dead-{self.kills.total()}") as process:
            self._is_ready()
            alive = self._rng.randrange(chunks + 1)
            delivery.trickle(alive)
            self._reached = samples(self._port, "resonanz_position") or {}
            process.kill()
        self.kills["at any moment"] += 1
        delivery.trickle(chunks - alive)

    def during_a_flush(self, delivery: Delivery, chunks: int) -> None:
        """Killed by itself in one of the flushes that follow the first events."""
        with self._dying("flush", self._rng.randrange(1, 5)) as process:
            self._is_ready(process)
            delivery.trickle(chunks)
            self._mourn(process, "flush")
        self.kills["flush"] += 1

    def during_recovery(self, delivery: Delivery, chunks: int) -> None:
        """Killed by itself in the recovery of one of its four partitions."""
        with self._dying("recovery", self._rng.randrange(1, 5)) as process:
            delivery.trickle(chunks)
            self._mourn(process, "recovery")
        self.kills["recovery"] += 1

    def as_another_joins(self, delivery: Delivery, chunks: int) -> None:
        """Killed by itself while it gives partitions to a second worker, which leaves later."""
        with self._dying("release", self._rng.randrange(1, 3)) as process:
            self._is_ready()
            delivery.trickle(chunks)
            with worker(self.config, self._guest, name="guest") as guest:
                self._mourn(process, "release")
                assert guest.terminate(30) == 0, guest.output()
        self.kills["rebalance"] += 1

    def as_another_leaves(self, delivery: Delivery, chunks: int) -> None:
        """Killed by itself while it recovers what a second worker left to it."""
        # It recovers four at its start, then two again.
        with self._dying("recovery", self._rng.randrange(5, 7)) as process:
            self._is_ready()
            with worker(self.config, self._guest, name="guest") as guest:
                wait_until(lambda: ready(self._guest), "the second worker is ready")
                delivery.trickle(chunks)
                assert guest.terminate(30) == 0, guest.output()
            self._mourn(process, "recovery")
        self.kills["rebalance"] += 1

    def _mourn(self, process: Process, during: str) -> None:
        wait_until(lambda: process.process.poll() is not None, f"life {self.kills.total()} dies")
        said = process.output()
        self.kills_inside[during] += f"died inside a {during}" in said
        assert f"died inside a {during}" in said or f"died at the end of a {during}" in said, said

    def wrong_in_the_end(self) -> list[str]:
        """Of a last life that is left in peace, and of what it leaves behind."""
        with worker(self.config, self._port, name="last") as process:
            wrong = wrong_figures(self._broker, self._load, [self._port])
            wrong += wrong_outcomes(self._load, self._port, in_the_log(self._broker))
            wrong += wrong_audit(self.config)
            assert process.terminate() == 0, process.output()
        return wrong + wrong_state(self._broker, self._load, self.config)
