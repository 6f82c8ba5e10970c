"""A worker killed ten times, three of them inside a flush, ends with exactly the right numbers."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.events import Status, encode
from resonanz_streams.topics import INTERACTION_TOPICS, STATUS
from resonanz_streams.transports.ports import Outgoing
from tests.faults.load import START_MS, Load, make_load
from tests.faults.snapshots import Counts, final_counts, naive_counts
from tests.processes import Process, free_port, get, samples, wait_until

EVENTS = 200_000
KILLS = 10
DEADLY_FLUSHES = 4
CHUNK = 500
PREFIX = "killed."


def configure(folder: Path, broker: str, load: Load) -> Path:
    accounts = "\n".join(f'      - "{account}"' for account in load.accounts)
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker}\ntopic_prefix: {PREFIX}\nclock: event\ntick_seconds: 0.5\npartitions: 4\n"
        "pseudonym_key: file:" + str(folder / "key") + "\n"
        f"clients:\n  fleet:\n    name: Fleet\n    potential: 1000\n    accounts:\n{accounts}\n"
    )
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    return path


class Delivery:
    """Publishes the load in delivery order, a share at a time, in records of one line and of many."""

    def __init__(self, broker: str, load: Load) -> None:
        self._publisher = open_publisher(broker, prefix=PREFIX)
        self._load = load
        self._lines = iter(load.lines)
        self._rng = random.Random(1)
        self.delivered = 0

    def deliver(self, chunks: int) -> None:
        """The next ``chunks`` chunks, durable when this returns."""
        for _ in range(chunks):
            chunk = [line for _, line in zip(range(CHUNK), self._lines, strict=False)]
            self._publisher.publish(self._packed(chunk) if self._rng.random() < 0.5 else self._single(chunk))
            self.delivered += len(chunk)
        self._publisher.flush()

    def _single(self, chunk: Sequence[tuple[str, str, bytes]]) -> list[Outgoing]:
        return [Outgoing(f"{kind}s", account.encode(), line) for account, kind, line in chunk]

    def _packed(self, chunk: Sequence[tuple[str, str, bytes]]) -> list[Outgoing]:
        packs: dict[tuple[str, str], list[bytes]] = {}
        for account, kind, line in chunk:
            packs.setdefault((account, f"{kind}s"), []).append(line)
        return [
            Outgoing(topic, account.encode(), b"\n".join(values))
            for (account, topic), values in packs.items()
        ]

    def end(self) -> None:
        """Say for every account that nothing more will come."""
        ends = self._publisher.flush()
        published = {
            f"{topic}/{number}": end for (topic, number), end in ends.items() if topic in INTERACTION_TOPICS
        }
        self._publisher.publish(
            [
                Outgoing(STATUS, f"file/{account}".encode(), encode(_ended(account, self._load, published)))
                for account in self._load.accounts
            ]
        )
        self._publisher.close()


def _ended(account: str, load: Load, published: dict[str, int]) -> Status:
    return Status(
        connector="file",
        account=account,
        at_ms=load.end_ms,
        state="ok",
        since_ms=START_MS,
        complete_through_ms=load.end_ms,
        ended=True,
        published=published,
    )


def positions(port: int, name: str) -> dict[tuple[str, ...], float]:
    return samples(port, name) or {}


class Lives:
    """Starts worker after worker and remembers how far each got."""

    def __init__(self, config: Path, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.reached: dict[tuple[str, ...], float] = {}
        self.read_again = 0.0
        self.inside_a_flush = 0
        # The same for every life: on Kafka a worker is known by it, and need not wait for its dead self.
        self._port = free_port()

    def _start(self, number: int, flush: int | None) -> Process:
        part = ["-m", "resonanz_streams", "worker"]
        deadly = []
        if flush is not None:
            part = ["-m", "tests.faults.dying_worker"]
            deadly = ["--flush", str(flush), "--seed", str(number)]
        arguments = [*part, "--config", str(self.config), "--port", str(self._port), *deadly]
        return Process(arguments, self.folder / f"worker-{number}.log")

    def _watch(self, recovered: dict[tuple[str, ...], float]) -> float:
        """Read the positions; what lies between recovery and the last life's end was read again."""
        now = positions(self._port, "resonanz_position")
        if now and not recovered:
            recovered.update(positions(self._port, "resonanz_recovered_position"))
        self.reached = {**self.reached, **now}
        return sum(now.values())

    def live_and_die(self, number: int, delivery: Delivery, flush: int | None, rng: random.Random) -> None:
        """One life: recover, read while events arrive, die in the middle of it."""
        before = dict(self.reached)
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

    def finish(self, number: int, load: Load, broker: str) -> Counts:
        with self._start(number, None) as process:
            counts = final_counts(broker, load.accounts, load.end_ms, prefix=PREFIX)
            assert process.terminate() == 0, process.output()
        return counts


@pytest.fixture(params=["sqlite", "kafka"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/log.db"
    else:
        yield request.getfixturevalue("kafka_url")


def test_killed_ten_times(broker: str, tmp_path: Path) -> None:
    load = make_load(7, EVENTS)
    lives = Lives(configure(tmp_path, broker, load), tmp_path)
    rng = random.Random(11)
    delivery = Delivery(broker, load)
    for number in range(KILLS):
        lives.live_and_die(number, delivery, 2 if number < DEADLY_FLUSHES else None, rng)
    delivery.deliver(-(-(EVENTS - delivery.delivered) // CHUNK))
    delivery.end()
    assert delivery.delivered == EVENTS
    counts = lives.finish(KILLS, load, broker)
    assert lives.inside_a_flush >= 3
    assert lives.read_again > 0
    expected = naive_counts([json.loads(line) for _, _, line in load.lines], load.end_ms)
    assert counts == expected
