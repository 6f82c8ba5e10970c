"""The list of rights is minimal: who lacks one of them is stopped; and a connector reads no figures."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
from tests.brokers import Broker
from tests.kafka_secure import SecureKafka

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.acls import Acl, command_lines, needed_acls
from resonanz_streams.errors import ResonanzError
from resonanz_streams.topics import (
    COUNTED_TOPICS,
    DEAD_LETTERS,
    DEEP,
    KPIS,
    LATE,
    PUBLISHED,
    STATE,
    STATUS,
    TOPICS,
)
from resonanz_streams.transports.brokers import open_admin, open_store, open_tail
from resonanz_streams.transports.ports import Flush, Outgoing

GROUP: Final = "rights"
PREFIX: Final = "rights."


@pytest.fixture(scope="module")
def cluster(secure_kafka: SecureKafka) -> SecureKafka:
    Broker(secure_kafka.url, PREFIX).create_topics(2)
    return secure_kafka


def look(url: str, *topics: str) -> None:
    """As worker and connectors do before anything else."""
    admin = open_admin(url, prefix=PREFIX)
    try:
        if problems := admin.check([TOPICS[name] for name in topics], 2):
            raise ResonanzError("\n".join(problems))
    finally:
        admin.close()


def read(url: str, topic: str) -> None:
    async def polled() -> None:
        tail = open_tail(url, [topic], prefix=PREFIX)
        try:
            for _ in range(20):
                await tail.poll(0.05)
                if tail.caught_up():
                    return
        finally:
            await tail.close()

    asyncio.run(polled())


def as_connector(url: str) -> None:
    look(url, *PUBLISHED)
    publisher = open_publisher(url, prefix=PREFIX)
    try:
        publisher.publish([Outgoing(topic, b"a:1", b"{}") for topic in PUBLISHED])
        publisher.flush()
    finally:
        publisher.close()
    read(url, STATUS)


def as_worker(url: str) -> None:
    look(url, *TOPICS)
    read(url, STATUS)

    async def worked() -> None:
        store = open_store(url, prefix=PREFIX, group=GROUP)
        try:
            found = await store.recover(0)
            records = [Outgoing(topic, b"a:1", b"{}") for topic in (KPIS, DEEP, LATE, DEAD_LETTERS)]
            offsets = {topic: found.offsets.get(topic, 0) for topic in COUNTED_TOPICS}
            await store.flush(0, Flush({b"k": b"v"}, offsets, records))
        finally:
            await store.close()

    asyncio.run(worked())


def as_wall(url: str) -> None:
    read(url, KPIS)
    read(url, DEEP)
    read(url, STATUS)


ROLES: Final[dict[str, Callable[[str], None]]] = {
    "connector": as_connector,
    "worker": as_worker,
    "wall": as_wall,
}
NEEDED: Final = [acl for acl in needed_acls(PREFIX, GROUP) if acl.role in ROLES]


@pytest.mark.parametrize("role", ROLES)
def test_with_all_of_them_each_role_does_its_work(cluster: SecureKafka, role: str) -> None:
    cluster.allow(NEEDED)
    ROLES[role](cluster.plain(f"resonanz-{role}"))


@pytest.mark.parametrize(
    "missing", NEEDED, ids=[f"{acl.role}-{acl.operation}-{acl.resource}-{acl.name}" for acl in NEEDED]
)
def test_without_one_of_them_its_role_is_stopped_with_a_sentence(cluster: SecureKafka, missing: Acl) -> None:
    cluster.allow([acl for acl in NEEDED if acl != missing])
    with pytest.raises(ResonanzError, match=r"resonanz topics --acls") as caught:
        ROLES[missing.role](cluster.plain(f"resonanz-{missing.role}"))
    assert "tr0ub4dor" not in str(caught.value)


@pytest.mark.parametrize("topic", [KPIS, DEEP, STATE])
def test_a_connector_reads_neither_figures_nor_state(cluster: SecureKafka, topic: str) -> None:
    cluster.allow(NEEDED)
    with pytest.raises(
        ResonanzError, match=f"topic {PREFIX}{topic} does not exist, or this user may not see it"
    ):
        read(cluster.plain("resonanz-connector"), topic)


def denied(make: Callable[[], list[str]]) -> str:
    try:
        return "".join(make())
    except ResonanzError as error:
        return str(error)


def make_likes(url: str, prefix: str) -> list[str]:
    admin = open_admin(url, prefix=prefix)
    try:
        return list(admin.ensure([TOPICS["likes"]], 2))
    finally:
        admin.close()


def test_whoever_makes_topics_needs_to_create_and_to_see_them(cluster: SecureKafka) -> None:
    prefix = f"{PREFIX}new."
    url = cluster.plain("resonanz-admin")
    needed = [acl for acl in needed_acls(prefix, GROUP) if acl.role == "admin"]
    cluster.allow([acl for acl in needed if acl.operation != "Create"])
    assert "resonanz topics --acls" in denied(lambda: make_likes(url, prefix))
    cluster.allow(needed)
    assert make_likes(url, prefix) == []
    cluster.allow([acl for acl in needed if acl.operation == "DescribeConfigs"])
    assert "resonanz topics --acls" in denied(lambda: make_likes(url, prefix))
    cluster.allow([acl for acl in needed if acl.operation == "Describe"])
    assert make_likes(url, prefix) == []  # of settings that nobody may see nothing is said


def test_the_lines_say_what_the_list_says() -> None:
    acls = needed_acls("p.", "g")
    lines = list(command_lines(acls, "kafka-1:9093"))
    assert [line for line in lines if line.startswith("#")] == [
        "# connector",
        "# worker",
        "# wall",
        "# admin",
        "# doctor",
        "# operator",
    ]
    start = "kafka-acls.sh --bootstrap-server kafka-1:9093 --add --allow-principal User:resonanz-"
    assert (
        f"{start}wall --operation Read --topic p.kpis --topic p.kpis.deep --topic p.connectors.status"
        in lines
    )
    assert (
        f"{start}worker --operation Write --resource-pattern-type prefixed --transactional-id p.g-" in lines
    )
    told = sum(
        line.count("--operation ") * len([w for w in line.split() if w.startswith(("p.", "g"))])
        for line in lines
    )
    assert told == len(acls)
