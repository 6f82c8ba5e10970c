"""audit and rebuild as commands, beside a worker that counts under load, and killed at any moment."""

import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.brokers import Broker
from tests.counting import ACCOUNTS, records
from tests.engines import event
from tests.faults.report import form, saw
from tests.pipeline.test_redrive import configure
from tests.processes import Process, free_port, samples, wait_until

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import KPIS

AUDITS = form(2, 20)
KILLS = form(2, 40)


def lines(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Of the last moments and of the last month; some come again, some are taken back."""
    now = wall_ms()
    return [
        event(
            id=str(rng.randrange(5_000)),
            account=rng.choice(ACCOUNTS),
            kind=rng.choice(("like", "comment", "share")),
            op=rng.choice(("add", "add", "remove")),
            at_ms=now - rng.choice((rng.randrange(300), rng.randrange(28 * 86_400_000))),
        )
        for _ in range(count)
    ]


@contextmanager
def loaded(broker: Broker) -> Iterator[None]:
    """Somebody publishes without a pause."""
    done, rng = threading.Event(), random.Random(7)

    def publish() -> None:
        publisher = open_publisher(broker.url, prefix=broker.prefix)
        while not done.is_set():
            publisher.publish(records(lines(rng, 200)))
            publisher.flush()
            done.wait(0.05)
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def resonanz(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "resonanz_streams", *words, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def audited(config: Path) -> dict[str, Any]:
    done = resonanz(config, "audit", "--json")
    assert done.returncode == 0, done.stdout[:3000] + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["differ"], found["not_checkable"]) == (0, [])
    return found


def counted(port: int) -> float:
    return sum((samples(port, "resonanz_events_total") or {}).values())


def test_beside_a_worker_under_load_and_after_kills(broker: Broker, tmp_path: Path) -> None:
    broker.create_topics()
    config, port = configure(tmp_path, broker, *ACCOUNTS), free_port()
    words = ["-m", "resonanz_streams", "worker", "--config", str(config), "--port", str(port)]
    figures = wrong = 0
    with loaded(broker), Process(words, tmp_path / "worker.log") as worker:
        wait_until(lambda: counted(port) > 2_000, "the worker counts")
        # The first snapshots may be of accounts that nothing had reached yet.
        told = sum(broker.ends(KPIS).values())
        wait_until(lambda: sum(broker.ends(KPIS).values()) > told, "the worker has written what it counted")
        for _ in range(AUDITS):
            before = counted(port)
            found = audited(config)
            assert found["accounts"] == len(ACCOUNTS)
            figures, wrong = figures + found["figures"], wrong + found["differ"]
            assert counted(port) > before, "it was counting all the time"
        refused = resonanz(config, "rebuild")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "group g has 1 running worker; stop all of them first" in refused.stderr
        assert worker.terminate() == 0, worker.output()
    killed = sum(killed_while_it_rebuilds(config, tmp_path, number) for number in range(KILLS))
    after = [audited(config)]
    rebuilt = resonanz(config, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    with Process(words, tmp_path / "worker.log") as worker:
        wait_until(lambda: samples(port, "resonanz_interactions_24h"), "a worker goes on")
        after.append(audited(config))
        assert worker.terminate() == 0, worker.output()
    assert killed > 0
    saw(
        "audit beside a worker, rebuild killed",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        compared=figures + sum(found["figures"] for found in after),
        killed=killed,
        wrong=wrong + sum(found["differ"] for found in after),
    )


def killed_while_it_rebuilds(config: Path, folder: Path, number: int) -> bool:
    """SIGKILL at some moment, from its start on; whether it was still at work then."""
    words = ["-m", "resonanz_streams", "rebuild", "--config", str(config)]
    with Process(words, folder / f"rebuild-{number}.log") as process:
        try:
            process.process.wait(0.5 + random.Random(number).random() * 1.5)
        except subprocess.TimeoutExpired:
            return True
    return False
