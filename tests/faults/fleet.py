"""A load on its way through a broker to workers in processes of their own."""

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.errors import RetryError
from resonanz_streams.events import Status, encode
from resonanz_streams.topics import STATUS
from resonanz_streams.transports.ports import Outgoing
from tests.brokers import Broker
from tests.faults.load import START_MS, Load
from tests.processes import Process, get

CHUNK = 500


def topic_of(kind: str) -> str:
    """Where a line of the load belongs."""
    return kind if kind == "audience" else f"{kind}s"


def configure(folder: Path, broker: Broker, load: Load, partitions: int = 4) -> Path:
    accounts = "\n".join(f'      - "{account}"' for account in load.accounts)
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker.url}\ntopic_prefix: '{broker.prefix}'\ngroup: '{broker.prefix}workers'\n"
        f"clock: event\ntick_seconds: 0.5\npartitions: {partitions}\n"
        "pseudonym_key: file:" + str(folder / "key") + "\n"
        f"clients:\n  fleet:\n    name: Fleet\n    potential: 1000\n    accounts:\n{accounts}\n"
    )
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    return path


def worker(config: Path, port: int, *, name: str) -> Process:
    """``resonanz worker``; a name that was used before goes on with that log."""
    words = ["-m", "resonanz_streams", "worker", "--config", str(config), "--port", str(port)]
    return Process(words, config.with_name(f"{name}.log"))


def ready(port: int) -> bool:
    """Whether a worker has recovered all that it owns."""
    return get(f"http://127.0.0.1:{port}/readyz") is not None


class Delivery:
    """Publishes the load in delivery order, a share at a time, in records of one line and of many."""

    def __init__(self, broker: Broker, load: Load) -> None:
        self._publisher = open_publisher(broker.url, prefix=broker.prefix)
        self._load = load
        self._lines = iter(load.lines)
        self._rng = random.Random(1)
        self.delivered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RetryError):
            self._publisher.close()

    def deliver(self, chunks: int) -> None:
        """The next ``chunks`` chunks, durable when this returns."""
        for _ in range(chunks):
            chunk = [line for _, line in zip(range(CHUNK), self._lines, strict=False)]
            self._publisher.publish(self._packed(chunk) if self._rng.random() < 0.5 else self._single(chunk))
            self.delivered += len(chunk)
        self._publisher.flush()

    def trickle(self, chunks: int) -> None:
        """The same, each chunk durable before the next one."""
        for _ in range(chunks):
            self.deliver(1)

    def deliver_all(self) -> None:
        """What is left."""
        self.deliver(-(-(len(self._load.lines) - self.delivered) // CHUNK))
        assert self.delivered == len(self._load.lines)

    def _single(self, chunk: Sequence[tuple[str, str, bytes]]) -> list[Outgoing]:
        return [Outgoing(topic_of(kind), account.encode(), line) for account, kind, line in chunk]

    def _packed(self, chunk: Sequence[tuple[str, str, bytes]]) -> list[Outgoing]:
        packs: dict[tuple[str, str], list[bytes]] = {}
        for account, kind, line in chunk:
            packs.setdefault((account, topic_of(kind)), []).append(line)
        return [
            Outgoing(topic, account.encode(), b"\n".join(values))
            for (account, topic), values in packs.items()
        ]

    def end(self) -> None:
        """Say for every account that nothing more will come."""
        ends = self._publisher.flush()
        published = {f"{topic}/{number}": end for (topic, number), end in ends.items() if topic != STATUS}
        self._publisher.publish(
            [
                Outgoing(STATUS, f"file/{account}".encode(), encode(_ended(account, self._load, published)))
                for account in self._load.accounts
            ]
        )
        self._publisher.flush()


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
