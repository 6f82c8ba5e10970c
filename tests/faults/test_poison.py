"""Records on which counting fails in a way nobody foresaw: quarantined, and everything else is exact."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DEAD_LETTERS, TOPIC_OF_KIND
from resonanz_streams.transports.ports import Outgoing
from tests.brokers import Broker
from tests.engines import event, line
from tests.faults.comparison import in_the_log, lines_of
from tests.faults.durable import restored
from tests.faults.fleet import ready
from tests.faults.load import KINDS
from tests.faults.report import form, saw
from tests.poisoned import POISON
from tests.processes import Process, free_port, samples, wait_until

ACCOUNTS = tuple(f"file:a{number}" for number in range(20))
EVERY = 250


def configured(folder: Path, broker: Broker) -> Path:
    accounts = ", ".join(f'"{account}"' for account in ACCOUNTS)
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker.url}\ntopic_prefix: '{broker.prefix}'\ngroup: '{broker.prefix}workers'\n"
        "tick_seconds: 0.5\npartitions: 4\npseudonym_key: file:key\n"
        f"clients: {{fleet: {{name: Fleet, accounts: [{accounts}]}}}}\n"
    )
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    return path


def made(events: int) -> list[dict[str, Any]]:
    """Of the last minutes; one in ``EVERY`` is poisoned."""
    rng, now = random.Random(3), wall_ms()
    return [
        event(
            id=str(number),
            kind=rng.choice(KINDS),
            account=rng.choice(ACCOUNTS),
            at_ms=now - 60_000 - number,
            count=POISON if number % EVERY == EVERY // 2 else None,
        )
        for number in range(events)
    ]


def published(broker: Broker, events: list[dict[str, Any]]) -> None:
    """In records of one line and of five."""
    places: dict[tuple[str, str], list[bytes]] = {}
    records = []
    for number, one in enumerate(events):
        place = TOPIC_OF_KIND[one["kind"]], one["account"]
        if number % 3:
            records.append(Outgoing(place[0], place[1].encode(), line(one)))
            continue
        together = places.setdefault(place, [])
        together.append(line(one))
        if len(together) == 5:
            records.append(Outgoing(place[0], place[1].encode(), b"\n".join(places.pop(place))))
    records += [Outgoing(topic, key.encode(), b"\n".join(rest)) for (topic, key), rest in places.items()]
    for start in range(0, len(records), 500):
        broker.publish(*records[start : start + 500])


def all_read(broker: Broker, port: int) -> bool:
    ends = sum(sum(broker.ends(topic).values()) for topic in TOPIC_OF_KIND.values())
    return sum((samples(port, "resonanz_position") or {}).values()) == ends


def wrong_counts(broker: Broker, config: Path, events: list[dict[str, Any]]) -> list[str]:
    """Likes, comments and shares of 24 h of each account, as they are durable."""
    wanted = Counter((one["account"], one["kind"]) for one in events if "count" not in one)
    wrong = []
    for engine in restored(broker, config):
        engine.advance(wall_ms())
        inputs = engine.inputs()
        assert inputs is not None
        for row, account in enumerate(engine.accounts):
            for column, kind in enumerate(KINDS):
                found = int(inputs.counts["24h"][row, column])
                if found != wanted[account.id, kind]:
                    wrong.append(f"{account.id} {kind}: {found} instead of {wanted[account.id, kind]}")
    return wrong


def wrong_letters(broker: Broker) -> list[str]:
    """Each poisoned line is a dead letter once, with its bytes and its place, and no other is."""
    due = Counter(
        (record.topic, record.partition, record.offset, one)
        for record in in_the_log(broker)
        for one in lines_of(record)
        if f'"count": {POISON}'.encode() in one
    )
    found: Counter[tuple[str, int, int, bytes]] = Counter()
    for letter in asyncio.run(broker.everything(DEAD_LETTERS)):
        told = {name: value.decode() for name, value in letter.headers}
        assert told["reason"] == "quarantined"
        found[told["topic"], int(told["partition"]), int(told["offset"]), letter.value or b""] += 1
    return [f"dead letter: {place}" for place in ((due - found) + (found - due))]


def test_poisoned_records_are_quarantined_and_the_rest_counts(broker: Broker, tmp_path: Path) -> None:
    events = made(form(5_000, 50_000))
    config, port = configured(tmp_path, broker), free_port()
    broker.create_topics(4)
    published(broker, events)
    words = ["-m", "tests.faults.failing_worker", "--config", str(config), "--port", str(port), "--poisoned"]
    with Process(words, tmp_path / "worker.log") as process:
        wait_until(lambda: ready(port), "the worker is ready")
        wait_until(lambda: all_read(broker, port), "everything is read", form(120, 600))
        failures = sum((samples(port, "resonanz_counting_failures_total") or {}).values())
        assert process.terminate() == 0, process.output()
    wrong = [*wrong_counts(broker, config, events), *wrong_letters(broker)]
    saw(
        "records that counting fails on",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        events=len(events),
        poisoned=len(events) // EVERY,
        started_over=round(failures),
        wrong=len(wrong),
    )
    assert wrong == []
    assert 1 <= failures <= 4 * 2
