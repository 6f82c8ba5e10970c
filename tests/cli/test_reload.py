"""The configuration changed under running processes: a new file in the old one's place."""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.brokers import Broker
from tests.cli.test_up import accounts, ready, up
from tests.counting import records
from tests.engines import KEY, event
from tests.processes import Process, free_port, get, samples, wait_until

from resonanz_streams import cli
from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DEAD_LETTERS

SUCCESSFUL = "resonanz_configuration_last_reload_successful"


class Running:
    """A worker and a wall that go by the same file."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.path = folder / "resonanz.yaml"
        self.metrics, self.front = free_port(), free_port()
        self._folder = folder
        self._broker = broker
        (folder / "key").write_text(KEY)
        self._lives = 0

    def write(self, *accounts: str, more: str = "") -> None:
        """As editors do: beside it, and then in its place."""
        draft = self._folder / "resonanz.yaml~"
        draft.write_text(
            f"broker: {self._broker.url}\ntopic_prefix: '{self._broker.prefix}'\ngroup: g\npartitions: 3\n"
            f"pseudonym_key: file:key\n{more}clients:\n  fleet:\n    name: Fleet\n    potential: 100\n"
            f"    accounts: {json.dumps(list(accounts))}\n"
        )
        draft.replace(self.path)

    @contextlib.contextmanager
    def worker(self) -> Iterator[Process]:
        self._lives += 1
        words = ["-m", "resonanz_streams", "worker", "--config", str(self.path), "--port", str(self.metrics)]
        with Process(words, self._folder / f"worker-{self._lives}.log", cwd=self._folder) as process:
            yield process

    @contextlib.contextmanager
    def wall(self) -> Iterator[Process]:
        words = ["-m", "resonanz_streams", "wall", "--config", str(self.path), "--port", str(self.front)]
        with Process(words, self._folder / "wall.log", cwd=self._folder) as process:
            yield process

    def likes(self) -> dict[str, float]:
        """Of each account that is exported."""
        found = samples(self.metrics, "resonanz_interactions_24h") or {}
        # In the order of the label names: account, client, kind, platform.
        return {labels[0]: value for labels, value in found.items() if labels[2] == "like"}

    def shown(self) -> dict[str, bool]:
        """Of each account on the wall whether it has figures."""
        return {one["account"]: one["at_ms"] is not None for one in accounts(self.front)}

    def successful(self) -> float | None:
        return (samples(self.metrics, SUCCESSFUL) or {}).get(())


def liked(broker: Broker, account: str, ids: Sequence[int]) -> None:
    at_ms = wall_ms() - 60_000
    broker.publish(*records([event(account=account, id=str(n), at_ms=at_ms) for n in ids]))


def letters(broker: Broker) -> list[bytes]:
    found = asyncio.run(broker.everything(DEAD_LETTERS))
    return [dict(record.headers)["reason"] for record in found if record.value]


def test_accounts_come_and_go_while_a_worker_and_a_wall_run(broker: Broker, tmp_path: Path) -> None:
    broker.create_topics()
    running = Running(tmp_path, broker)
    running.write("file:a", "file:c")
    with running.worker() as worker, running.wall() as wall:
        for account, many in (("file:a", 5), ("file:b", 3), ("file:c", 2)):
            liked(broker, account, range(many))
        wait_until(lambda: running.likes() == {"file:a": 5.0, "file:c": 2.0}, "both are counted")
        wait_until(lambda: letters(broker) == [b"unknown_account"] * 3, "the third is a stranger")
        assert running.successful() == 1.0

        running.write("file:a", "file:b", "file:c")
        wait_until(lambda: "1 account added" in worker.output(), f"it is told, not: {worker.output()}")
        liked(broker, "file:b", range(10, 12))
        wait_until(
            lambda: running.likes() == {"file:a": 5.0, "file:b": 2.0, "file:c": 2.0}, "the third counts"
        )
        assert cli.run(["redrive", "--config", str(running.path)]) == 0
        wait_until(lambda: running.likes().get("file:b") == 5.0, "so does what came before")
        wait_until(
            lambda: running.shown() == {"file:a": True, "file:b": True, "file:c": True}, "the wall shows all"
        )

        running.write("file:a", more="horizon: ten days\n")
        wait_until(lambda: running.successful() == 0.0, "it is refused")
        assert "resonanz.yaml:6: horizon: write a number and a unit" in worker.output()
        assert set(running.likes()) == set(running.shown()) == {"file:a", "file:b", "file:c"}

        running.write("file:b", "file:c")
        wait_until(lambda: set(running.likes()) == {"file:b", "file:c"}, "the first has left")
        wait_until(lambda: set(running.shown()) == {"file:b", "file:c"}, "the wall, too")
        assert get(f"http://127.0.0.1:{running.front}/api/v1/accounts/file:a/kpis") is None
        wait_until(lambda: running.successful() == 1.0, "all is well again")

        worker.kill()
        with running.worker() as second:
            wait_until(lambda: running.likes() == {"file:b": 5.0, "file:c": 2.0}, "a killed one's successor")
            running.write("file:c", "file:a", "file:b")
            wait_until(
                lambda: running.likes() == {"file:a": 5.0, "file:b": 5.0, "file:c": 2.0}, "what was counted"
            )
            assert second.terminate() == 0, second.output()
            assert "Traceback" not in second.output() + worker.output(), second.output()
        assert wall.terminate() == 0, wall.output()
        assert "Traceback" not in wall.output(), wall.output()


def test_up_starts_a_connector_when_an_account_first_wants_one(tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    text = "clients:\n  c:\n    name: C\n    accounts:\n      - 'file:a'\n"
    path.write_text(text)
    with up(tmp_path) as (process, port):
        wait_until(lambda: ready(process, port), "the wall is ready")
        path.write_text(
            f"{text}      - {{id: 'simulated:a', connector: simulator}}\n"
            "connectors:\n  simulator: {backfill_days: 2, incidents: []}\n"
        )
        wait_until(
            lambda: {one["account"]: one["state"] for one in accounts(port)}.get("simulated:a") == "partial",
            f"the simulator runs, and covers what the worker has counted of it since, not {process.output()}",
        )
        path.write_text(
            f"{text}      - {{id: 'simulated:a', connector: simulator}}\n"
            "      - {id: 'simulated:b', connector: simulator}\n"
            "connectors:\n  simulator: {backfill_days: 2, incidents: []}\n"
        )
        wait_until(
            lambda: {one["account"]: one["state"] for one in accounts(port)}.get("simulated:b") == "partial",
            "and watches another account, from now on",
        )
        assert "died" not in process.output()
        assert process.terminate(30) == 0
        assert "Traceback" not in process.output(), process.output()
