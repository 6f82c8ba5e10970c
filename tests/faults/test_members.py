"""Workers come, go and freeze while events arrive: each account has one owner, and nothing is miscounted."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from resonanz_streams.errors import StopError
from tests.brokers import Broker
from tests.faults.comparison import wrong_figures
from tests.faults.durable import wrong_state
from tests.faults.fleet import Delivery, configure, worker
from tests.faults.load import Load, make_load
from tests.faults.report import form, saw
from tests.faults.watch import Watch, look, middle
from tests.processes import Process, free_port, wait_until

PARTITIONS = 8
ON_KAFKA = "Apache Kafka"
TARGETS = {"join others": " (target 2)", "leave others": " (target 3)"}
load_of = partial(
    make_load,
    accounts=40,
    duplicates=0.30,
    removals=0.10,
    re_additions=0.05,
    out_of_order=0.30,
    broken=0.01,
    audience=0.01,
)


class Flow:
    """Delivers a chunk five times a second, until it is told to stop."""

    def __init__(self, delivery: Delivery, watch: Watch) -> None:
        self._delivery = delivery
        self._watch = watch
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stopped.wait(0.2):
            before = self._delivery.delivered
            self._delivery.deliver(1)
            if self._delivery.delivered > before:
                self._watch.published()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


class Fleet:
    """Workers by name, watched from start to end."""

    def __init__(self, config: Path, watch: Watch) -> None:
        self._config = config
        self._watch = watch
        self._processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        self._started = 0

    def size(self, wanted: int) -> None:
        """Start or end as many as it takes, all at once."""
        while len(self.ports) < wanted:
            name = f"worker-{self._started}"
            self._started += 1
            self.ports[name] = free_port()
            self._processes[name] = worker(self._config, self.ports[name], name=name)
            self._watch.join(name, self.ports[name])
        leaving = list(self.ports)[wanted:]
        for name in leaving:
            self._processes[name].process.terminate()
            del self.ports[name]
        for name in leaving:
            process = self._processes.pop(name)
            assert process.process.wait(30) == 0, process.output()
            process.kill()
            self._watch.leave(name)

    def owners(self) -> dict[int, str]:
        """Of every partition, as the newest looks say; empty unless all are ready and each has some."""
        looks = {name: one for name, one in self._watch.newest().items() if name in self.ports}
        if self.ports.keys() - {name for name, one in looks.items() if one.ready and one.positions}:
            return {}
        return {number: name for name, one in looks.items() for _, number in one.positions}

    def settled(self) -> bool:
        """Whether the workers have shared all partitions among them."""
        owners = self.owners()
        return len(owners) == PARTITIONS and set(owners.values()) == set(self.ports)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()


@contextlib.contextmanager
def fleet_of(config: Path, watch: Watch) -> Iterator[Fleet]:
    fleet = Fleet(config, watch)
    try:
        yield fleet
    finally:
        fleet.close()


class Stalls:
    """How long partitions stood still, by what happened: of those that stayed where they were, and moved."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def note(self, watch: Watch, before: dict[int, str], after: dict[int, str], since: float) -> None:
        until = time.monotonic()
        what = "join" if len(set(after.values())) > len(set(before.values())) else "leave"
        for number in range(PARTITIONS):
            how = "others" if before[number] == after[number] else "moved"
            self._found.setdefault(f"{what} {how}", []).append(watch.stalls(number, since, until))

    def figures(self) -> dict[str, str]:
        """Medians in seconds, with what is aimed at. Not asserted: other programs add to them."""
        return {
            f"median_stall_s_at_a_{what.replace(' ', '_')}": f"{middle(found):.2f}{TARGETS.get(what, '')}"
            for what, found in sorted(self._found.items())
        }


def test_workers_share_the_partitions_while_their_number_changes(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(PARTITIONS)
    load = load_of(21, form(60_000, 300_000))
    sizes: Sequence[int] = form((4, 2, 3), (4, 2, 3, 2, 3, 4, 3, 2, 1, 2, 3))
    config = configure(tmp_path, kafka, load, PARTITIONS)
    stalls, complete_looks, accounts = Stalls(), 0, frozenset(load.accounts)
    with Watch() as watch, Delivery(kafka, load) as delivery, fleet_of(config, watch) as fleet:
        fleet.size(1)
        with Flow(delivery, watch):
            wait_until(lambda: fleet.settled() and _exported(watch) == accounts, "one has it all")
            for size in sizes:
                before, since = fleet.owners(), time.monotonic()
                grows = size > len(fleet.ports)
                fleet.size(size)
                wait_until(fleet.settled, f"{size} workers share the partitions")
                # One that has left exported its share to the last, and was not ready any more.
                shared = since if grows else time.monotonic()
                _look_on(watch, 10 * size)
                stalls.note(watch, before, fleet.owners(), since)
                together = watch.together(list(fleet.ports), shared)
                assert [accounts - one for one in together if one != accounts] == []
                complete_looks += len(together)
                assert all(look.accounts for look in watch.newest().values())
        delivery.deliver_all()
        delivery.end()
        wrong = wrong_figures(kafka, load, list(fleet.ports.values()))
        twice = watch.exported_twice()
        assert fleet.settled()
        fleet.size(0)
    saw(
        "workers join and leave under load",
        broker=ON_KAFKA,
        changes=len(sizes),
        looks=len(watch.looks()),
        complete_looks=complete_looks,
        exported_by_two=len(twice),
        **stalls.figures(),
        wrong=len(wrong),
    )
    assert complete_looks > 0
    assert twice == []
    assert wrong == []


def _look_on(watch: Watch, looks: int) -> None:
    seen = len(watch.looks())
    wait_until(lambda: len(watch.looks()) > seen + looks, "a while has been looked at")


def _exported(watch: Watch) -> set[str]:
    return {account for one in watch.newest().values() for account in one.accounts}


class Takeover:
    """One worker freezes inside a flush, another takes its half over, then the first wakes up."""

    def __init__(self, config: Path, *, unfenced: bool) -> None:
        words = ["-m", "tests.faults.frozen_worker", "--config", str(config)]
        words += ["--freeze", str(config.with_name("freeze"))]
        words += ["--unfenced"] if unfenced else []
        self.ports = free_port(), free_port()
        self.frozen = Process([*words, "--port", str(self.ports[0])], config.with_name("frozen.log"))
        self.other = worker(config, self.ports[1], name="other")
        self._sign = config.with_name("freeze")

    def run(self, delivery: Delivery, watch: Watch) -> float:
        """Returns when the first was woken, on the monotonic clock."""
        watch.join("other", self.ports[1])
        delivery.deliver(10)
        wait_until(lambda: _owned(self.ports[0], self.ports[1]) == 2, "each counts its half")
        watch.join("frozen", self.ports[0])
        self._sign.touch()
        wait_until(lambda: self._is_frozen(delivery), "one stands still in a flush")
        wait_until(lambda: len(_partitions(self.ports[1])) == 4, "the other has taken over")
        position = sum(look("other", self.ports[1]).positions.values())
        delivery.deliver(20)
        wait_until(lambda: sum(look("other", self.ports[1]).positions.values()) > position, "it counts on")
        woken = time.monotonic()
        os.kill(self.frozen.process.pid, signal.SIGCONT)
        return woken

    def _is_frozen(self, delivery: Delivery) -> bool:
        delivery.deliver(1)
        return "frozen inside a flush" in self.frozen.output()

    def close(self) -> None:
        self.frozen.kill()
        self.other.kill()


def _partitions(port: int) -> set[int]:
    return {number for _, number in look("", port).positions}


def _owned(*ports: int) -> int:
    """How many partitions each has, if all have as many and together all four; else 0."""
    owned = [_partitions(port) for port in ports]
    return len(owned[0]) if len(set().union(*owned)) == 4 == sum(map(len, owned)) else 0


@contextlib.contextmanager
def takeover(config: Path, *, unfenced: bool) -> Iterator[Takeover]:
    found = Takeover(config, unfenced=unfenced)
    try:
        yield found
    finally:
        found.close()


def test_a_worker_that_froze_in_a_flush_writes_and_shows_nothing_that_is_another_s(
    kafka: Broker, tmp_path: Path
) -> None:
    kafka.create_topics(4)
    load = load_of(22, form(40_000, 100_000))
    config = configure(tmp_path, kafka, load)
    with (
        Watch() as watch,
        Delivery(kafka, load) as delivery,
        takeover(config, unfenced=False) as both,
    ):
        woken = both.run(delivery, watch)
        wait_until(lambda: _owned(*both.ports) == 2, "each has its half again")
        delivery.deliver_all()
        delivery.end()
        wrong = wrong_figures(kafka, load, both.ports)
        looks = [one for one in watch.looks() if one.worker == "frozen" and one.began > woken]
        twice = watch.exported_twice()
        for process in (both.frozen, both.other):
            assert process.terminate() == 0, process.output()
    wrong += wrong_state(kafka, load, config)
    saw(
        "worker frozen in a flush while another takes over",
        broker=ON_KAFKA,
        looks_after_waking=len(looks),
        exported_by_two=len(twice),
        wrong=len(wrong),
    )
    assert looks
    assert twice == []
    assert wrong == []
    assert "Traceback" not in both.frozen.output() + both.other.output()


def test_without_the_fence_the_same_ends_in_a_wrong_state(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(4)
    load = load_of(22, 40_000)
    config = configure(tmp_path, kafka, load)
    with Watch() as watch, Delivery(kafka, load) as delivery, takeover(config, unfenced=True) as both:
        both.run(delivery, watch)
        wait_until(lambda: look("", both.ports[0]).ended, "it answers again")
        delivery.deliver_all()
        delivery.end()
        wrong = _wrong_in_the_end(kafka, load, config, both)
    saw("the same without the fence: it must be wrong", broker=ON_KAFKA, wrong=len(wrong))
    assert wrong


def _wrong_in_the_end(broker: Broker, load: Load, config: Path, both: Takeover) -> list[str]:
    wrong = wrong_figures(broker, load, both.ports, seconds=20)
    for process in (both.frozen, both.other):
        with contextlib.suppress(TimeoutError):
            process.terminate()
    try:
        return wrong + wrong_state(broker, load, config)
    except StopError as error:
        return [*wrong, str(error)]
