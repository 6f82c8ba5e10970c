"""Connectors in processes of their own, killed as soon as a random part of something new is in the log."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from resonanz_streams.topics import DEAD_LETTERS, KPIS, SOURCE_TOPICS, STATUS
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.ports import Admin
from tests.brokers import Broker
from tests.faults.comparison import in_the_log, lines_of
from tests.faults.report import form, saw
from tests.processes import Process, wait_until

KILLS = form(1, 10)
WATCHED = (*SOURCE_TOPICS, STATUS, DEAD_LETTERS)


def configure_connectors(
    folder: Path, broker: Broker, clients: Mapping[str, Any], connectors: Mapping[str, Any]
) -> Path:
    """A configuration with these clients and connectors; ``clock: wall``."""
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    path = folder / "resonanz.yaml"
    path.write_text(
        json.dumps(
            {
                "broker": broker.url,
                "topic_prefix": broker.prefix,
                "group": f"{broker.prefix}workers",
                "pseudonym_key": f"file:{folder}/key",
                "tick_seconds": 0.5,
                "clients": clients,
                "connectors": connectors,
            }
        )
    )
    return path


@contextlib.contextmanager
def admin_of(broker: Broker) -> Iterator[Admin]:
    """An admin that stays open."""
    with contextlib.closing(open_admin(broker.url, prefix=broker.prefix)) as admin:
        yield admin


def records(admin: Admin) -> int:
    """How many records connectors have written."""
    return sum(sum(admin.end_offsets(topic).values()) for topic in WATCHED)


def kill(words: Sequence[str], log: Path, admin: Admin, rng: random.Random) -> None:
    """``resonanz WORDS`` until it has written one record, or some more; then SIGKILL."""
    enough = records(admin) + rng.randrange(1, 10)
    with Process(["-m", "resonanz_streams", *words], log, log.parent) as process:
        wait_until(lambda: records(admin) >= enough or process.process.poll() is not None, "something is new")
        assert process.process.poll() is None, process.output()
        process.kill()


def published(broker: Broker) -> list[dict[str, Any]]:
    """Every line of the source topics, with its topic."""
    return [
        {"topic": record.topic, **orjson.loads(line)}
        for record in in_the_log(broker)
        for line in lines_of(record)
    ]


def newest(broker: Broker, topic: str) -> dict[str, Any]:
    """The newest value of each key."""
    found = asyncio.run(broker.everything(topic))
    return {
        record.key.decode(): orjson.loads(record.value) for record in found if record.key and record.value
    }


def snapshots(broker: Broker) -> dict[str, Any]:
    """Each account's newest, with every KPI."""
    return newest(broker, KPIS)


def least(wrong: Callable[[], list[str]], seconds: float = 30.0) -> list[str]:
    """What stays wrong when the worker has had the time to read all."""
    seen: list[list[str]] = [[]]

    def none() -> bool:
        seen[0] = wrong()
        return not seen[0]

    try:
        wait_until(none, "nothing is wrong", seconds)
    except AssertionError:
        return seen[0]
    return []


def report(case: str, broker: Broker, **figures: int) -> None:
    """A row of the table."""
    saw(case, broker="Apache Kafka" if broker.is_kafka else "SQLite", kills=KILLS, **figures)
