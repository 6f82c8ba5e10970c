"""For every fault the doctor names it and what mends it, on both brokers, and changes nothing."""

import asyncio
import contextlib
import hashlib
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.structs import TopicPartition
from tests.brokers import PARTITIONS, Broker
from tests.processes import wait_until

from resonanz_streams.clock import wall_ms
from resonanz_streams.doctor.exam import open_exam
from resonanz_streams.doctor.examine import examine
from resonanz_streams.doctor.findings import Finding
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.engine import META_KEY
from resonanz_streams.events import Status, encode
from resonanz_streams.ledger_rows import SCHEMA
from resonanz_streams.letters import letter
from resonanz_streams.redrive_notes import note
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.state_head import Head
from resonanz_streams.topics import DEAD_LETTERS, STATUS
from resonanz_streams.transports.ports import Flush, Outgoing

NOW: Final = wall_ms()
HOUR_MS: Final = 3_600_000
GROUP: Final = "g"


@pytest.fixture
def place(broker: Broker) -> Broker:
    broker.create_topics()
    return broker


def diagnosis(broker: Broker, *, now_ms: int = NOW, ports: Any = (), **changes: Any) -> list[Finding]:
    settings = settings_of(
        {
            "broker": broker.url,
            "topic_prefix": broker.prefix,
            "group": GROUP,
            "partitions": PARTITIONS,
            "pseudonym_key": "${KEY}",
            "clients": {
                "a": {"name": "A", "accounts": [{"id": "simulated:a", "connector": "simulator"}, "file:b"]}
            },
            **changes,
        },
        environment={"KEY": "0123456789abcdef", "TOKEN": "guess-me-guess-me-now"},
    )
    with contextlib.closing(open_exam(broker.url, prefix=broker.prefix, group=GROUP)) as exam:
        patient = Patient(
            settings,
            build_registry(settings),
            exam,
            ["simulator"],
            ports,
            clock=lambda: now_ms,
            listen_seconds=3.0,
        )
        return list(examine(patient))


def wrong(findings: list[Finding], subject: str) -> list[tuple[str, str, str]]:
    """Level, what and mend of what is not well with this subject."""
    return [
        (one.level, one.what, one.mend) for one in findings if one.subject == subject and one.level != "ok"
    ]


def well(findings: list[Finding], subject: str) -> bool:
    return [one.level for one in findings if one.subject == subject] == ["ok"]


def beat(broker: Broker, at_ms: int, **more: Any) -> None:
    status = Status(
        connector="simulator",
        account="simulated:a",
        at_ms=at_ms,
        since_ms=at_ms - HOUR_MS,
        complete_through_ms=at_ms,
        **({"state": "ok"} | more),
    )
    broker.publish(Outgoing(STATUS, b"simulator/simulated:a", encode(status)))


async def _write(broker: Broker, rows: dict[bytes, bytes], offsets: dict[str, int]) -> None:
    store = broker.store(GROUP)
    await store.recover(0)
    await store.flush(0, Flush(rows, offsets))
    await store.close()


def write(broker: Broker, rows: dict[bytes, bytes], **offsets: int) -> None:
    asyncio.run(_write(broker, rows, offsets))


def head(schema: int, partitions: int = 0) -> bytes:
    return msgspec.msgpack.encode(
        Head(schema=schema, next_id=0, marks={}, offsets={"likes": 1}, partitions=partitions)
    )


def test_where_all_is_well_it_says_so(place: Broker) -> None:
    beat(place, wall_ms())
    write(place, {META_KEY: head(SCHEMA)}, likes=0)
    findings = diagnosis(place, now_ms=wall_ms())
    assert [(one.subject, one.mend) for one in findings if one.level != "ok"] == [
        ("workers", "resonanz worker")
    ]
    assert {"topics", "retention", "lag", "lost records", "state", "dead letters"} <= {
        one.subject for one in findings if one.level == "ok"
    }


def test_topics_that_are_missing(broker: Broker) -> None:
    if not broker.is_kafka:
        broker.ends("likes")  # makes the database
    sentences = wrong(diagnosis(broker), "topics")
    assert (
        "fail",
        f"topic {broker.prefix}likes does not exist",
        "make it with: resonanz topics --create",
    ) in sentences
    assert len(sentences) == 11


async def _add_partitions(broker: Broker, topic: str, count: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    await client.start()
    try:
        await client.create_partitions({broker.prefix + topic: NewPartitions(count)})
    finally:
        await client.close()


def test_partitions_that_an_operator_added(place: Broker) -> None:
    if place.is_kafka:
        asyncio.run(_add_partitions(place, "likes", 6))
        wait_until(lambda: len(place.ends("likes")) == 6, "the partitions are there")
    else:
        _change(place, "INSERT INTO topics (name, partition, cleanup) VALUES ('likes', 3, 'delete')")
    ((level, what, mend),) = wrong(diagnosis(place), "topics")
    found = 6 if place.is_kafka else 4
    assert level == "fail"
    assert what == f"topic {place.prefix}likes has {found} partitions, the configuration says 3"
    assert mend.startswith(f"write partitions: {found}")


def _change(broker: Broker, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(broker.url.removeprefix("sqlite:///"))) as connection:
        connection.execute(statement)
        connection.commit()


def test_state_of_other_partitions_than_are_configured(place: Broker) -> None:
    write(place, {META_KEY: head(SCHEMA, partitions=PARTITIONS + 1)}, likes=0)
    ((level, what, mend),) = wrong(diagnosis(place), "state of partition 0")
    assert level == "fail"
    assert (
        what == f"what was counted stands in {PARTITIONS + 1} partitions, the configuration says {PARTITIONS}"
    )
    assert mend.startswith(f"write partitions: {PARTITIONS + 1}; ")


def test_state_of_a_longer_log(place: Broker) -> None:
    """Its records were counted, its offsets have been forgotten, and now it ends before them."""
    write(place, {META_KEY: head(SCHEMA)})
    ((level, what, mend),) = wrong(diagnosis(place), "state of partition 0")
    assert level == "fail"
    assert what.startswith("topic likes, partition 0, ends at 0, but its records up to 1 have been counted")
    assert "resonanz rebuild" in mend


def test_state_of_an_older_version(place: Broker) -> None:
    write(place, {META_KEY: head(SCHEMA - 1)}, likes=0)
    ((level, what, mend),) = wrong(diagnosis(place), "state of partition 0")
    assert level == "fail"
    assert what == f"the state was written by schema {SCHEMA - 1}, this version reads {SCHEMA}"
    assert mend.startswith("run the version that wrote it, or ")


def test_dead_letters_by_reason_and_a_poison_record(place: Broker) -> None:
    reasons: tuple[Any, ...] = ("not_json", "quarantined", "not_json")
    place.publish(
        *(
            letter(b"?", reason, "no", origin="likes", partition=0, offset=number)
            for number, reason in enumerate(reasons)
        )
    )
    assert wrong(diagnosis(place), "dead letters") == [
        ("warn", "2 not_json, 1 quarantined", "mend the cause, then: resonanz redrive")
    ]


def test_letters_that_were_sent_again_do_not_wait_any_more(place: Broker) -> None:
    for number in range(3):
        place.publish(letter(b"?", "not_json", "no", origin="likes", partition=0, offset=number))
    with contextlib.closing(open_exam(place.url, prefix=place.prefix, group=GROUP)) as exam:
        places = [(one.partition, one.offset) for one in exam.newest(DEAD_LETTERS, 10)]
    place.publish(note(places[:1]))
    assert wrong(diagnosis(place), "dead letters") == [
        ("warn", "2 not_json", "mend the cause, then: resonanz redrive")
    ]
    place.publish(note(places[1:]))
    assert well(diagnosis(place), "dead letters")


HEARTBEAT: Final = (
    b'{"connector":"simulator","account":"%s","state":"ok","at_ms":1,"since_ms":0,'
    b'"complete_through_ms":1,"x":%s}'
)


@pytest.mark.parametrize(
    "value", [b"{", HEARTBEAT % (b"\xff", b"1"), HEARTBEAT % (b"simulated:a", b"[" * 100_000)]
)
def test_a_heartbeat_that_cannot_be_read_is_passed_over(place: Broker, value: bytes) -> None:
    beat(place, NOW)
    place.publish(Outgoing(STATUS, b"harm", value))
    assert well(diagnosis(place), "connectors")


def test_a_connector_that_was_never_heard_of(place: Broker) -> None:
    assert wrong(diagnosis(place), "simulator/simulated:a") == [
        ("fail", "was never heard of", "resonanz connect simulator")
    ]


def test_a_connector_that_has_died(place: Broker) -> None:
    beat(place, NOW - 5 * 60_000)
    assert wrong(diagnosis(place), "simulator/simulated:a") == [
        ("fail", "is silent since 300 s", "resonanz connect simulator")
    ]


def test_a_connector_that_is_down_says_why(place: Broker) -> None:
    beat(place, NOW, state="down", errors={"unauthorized": 3})
    assert wrong(diagnosis(place), "simulator/simulated:a") == [
        ("fail", "is down since 0 s, 3 unauthorized", "resonanz connect simulator")
    ]


@pytest.mark.parametrize(
    ("in_ms", "level", "what"),
    [
        (-HOUR_MS, "fail", "its credential expired 60 min ago"),
        (HOUR_MS, "warn", "its credential expires in 60 min"),
    ],
)
def test_a_credential_that_has_expired_or_soon_will(place: Broker, in_ms: int, level: str, what: str) -> None:
    beat(place, NOW, credential_expires_ms=NOW + in_ms)
    assert wrong(diagnosis(place), "simulator/simulated:a") == [
        (level, what, "renew it at the platform, then: resonanz connect simulator")
    ]


def test_a_clock_that_was_put_back(place: Broker) -> None:
    now = wall_ms()  # a log bears the broker's time, and tests may have run for long
    beat(place, now)
    ((level, what, mend),) = wrong(diagnosis(place, now_ms=now - HOUR_MS), "clock")
    assert (level, mend) == ("fail", "timedatectl set-ntp true")
    assert what.startswith("this machine's is 6")
    assert what.endswith("min behind what was written")


def test_a_clock_that_was_put_forward_by_a_day(kafka: Broker) -> None:
    kafka.create_topics()
    beat(kafka, NOW)
    found = threading.Event()

    def go_on_beating() -> None:
        at_ms = NOW
        while not found.wait(0.2):
            at_ms += 1
            beat(kafka, at_ms)

    connector = threading.Thread(target=go_on_beating)
    connector.start()
    try:
        findings = diagnosis(kafka, now_ms=NOW + 24 * HOUR_MS)
    finally:
        found.set()
        connector.join()
    ((level, what, mend),) = wrong(findings, "clock")
    assert (level, mend) == ("fail", "timedatectl set-ntp true")
    assert what == "this machine's is 1,439 min ahead of the connectors'"


async def _remove(broker: Broker, before: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    await client.start()
    try:
        place = TopicPartition(f"{broker.prefix}likes", 0)
        await client.delete_records({place: RecordsToDelete(before)})
    finally:
        await client.close()


def test_records_that_retention_removed_unread(place: Broker) -> None:
    for _ in range(5):
        place.publish(Outgoing("likes", None, b"{}", partition=0))
    write(place, {META_KEY: head(SCHEMA)}, likes=1)
    assert well(diagnosis(place), "lost records")
    if place.is_kafka:
        asyncio.run(_remove(place, 3))
    else:
        _change(place, "DELETE FROM log WHERE id IN (SELECT id FROM log ORDER BY id LIMIT 3)")
    ((level, what, mend),) = wrong(diagnosis(place), "lost records")
    assert level == "fail"
    assert what == "2 records of likes, partition 0, were removed before they were counted"
    assert "longer retention.ms" in mend
    assert "resonanz replay" in mend


def test_a_token_that_can_be_guessed(place: Broker) -> None:
    findings = diagnosis(place, wall={"agency_token": "${KEY}"})
    assert wrong(findings, "wall.agency_token") == [
        ("warn", "can be guessed", "set its variable to what this prints: openssl rand -hex 32")
    ]
    assert well(diagnosis(place, wall={"agency_token": "${TOKEN}"}), "tokens")


def fingerprint(broker: Broker) -> object:
    if broker.is_kafka:
        return asyncio.run(_groups_and_topics(broker)), broker.ends("likes"), broker.ends("engine-state")
    folder = Path(broker.url.removeprefix("sqlite:///")).parent
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


async def _groups_and_topics(broker: Broker) -> object:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    await client.start()
    try:
        return sorted(await client.list_consumer_groups()), sorted(await client.list_topics())
    finally:
        await client.close()


def test_it_changes_nothing(place: Broker) -> None:
    beat(place, NOW)
    write(place, {META_KEY: head(SCHEMA)}, likes=0)
    before = fingerprint(place)
    diagnosis(place)
    assert fingerprint(place) == before
