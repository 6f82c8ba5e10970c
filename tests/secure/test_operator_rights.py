"""Who looks after what is counted, with a user of its own: audit, rebuild, redrive and doctor do their work
with the rights that are listed for it, and miss each of them."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.brokers import Broker
from tests.counting import Counting, records, settings_on
from tests.engines import KEY, event
from tests.kafka_secure import SecureKafka
from tests.pipeline.test_audit import followers

from resonanz_streams import cli
from resonanz_streams.acls import needed_acls
from resonanz_streams.clock import wall_ms
from resonanz_streams.letters import letter
from resonanz_streams.topics import COUNTED_TOPICS, DEAD_LETTERS, DEEP, KPIS, LATE, STATE, STATUS
from resonanz_streams.transports.ports import Outgoing

PREFIX: Final = "operator."
GROUP: Final = "g"
NEEDED: Final = [acl for acl in needed_acls(PREFIX, GROUP) if acl.role == "operator"]
NOW: Final = wall_ms()


def one_of_each(name: str, account: str) -> list[Outgoing]:
    times = {"at_ms": NOW - 60_000}
    kinds = ("like", "comment", "share")
    return records(
        [
            *(event(id=f"{name}-{kind}", account=account, kind=kind, **times) for kind in kinds),
            followers(account, NOW - 60_000),
            {"v": 1, "id": f"{name}-post", "source": "file", "account": account, **times},
        ]
    )


@pytest.fixture(scope="module")
def cluster(secure_kafka: SecureKafka) -> SecureKafka:
    """What a worker has counted, all in order."""
    broker = Broker(secure_kafka.url, PREFIX)
    broker.create_topics()
    broker.publish(*one_of_each("1", "file:a"))

    async def counted() -> None:
        async with Counting(settings_on(broker, "file:a", "file:b"), clock_ms=NOW) as worker:
            await worker.read()
            await worker.tick()

    asyncio.run(counted())
    return secure_kafka


@pytest.fixture
def config(cluster: SecureKafka, tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(KEY)
    path = tmp_path / "resonanz.yaml"
    path.write_text(
        f"broker: {cluster.plain('resonanz-operator')}\ntopic_prefix: {PREFIX}\ngroup: {GROUP}\n"
        "partitions: 3\npseudonym_key: file:key\n"
        "clients: {fleet: {name: Fleet, potential: 1000, accounts: ['file:a', 'file:b']}}\n"
    )
    return path


def bury(cluster: SecureKafka, name: str) -> None:
    """A dead letter of each topic that counts by now."""
    Broker(cluster.url, PREFIX).publish(
        *(
            letter(one.value or b"", "unknown_account", "?", origin=one.topic, partition=0, offset=10**9)
            for one in one_of_each(name, "file:b")
        )
    )


def run(capsys: pytest.CaptureFixture[str], config: Path, command: str) -> tuple[int, str]:
    words = command.split()
    if words[0] == "doctor":
        # Nobody listens where this test looks: a wall or a worker of somebody else's is no matter here.
        words += ["--worker-port", "1", "--wall-port", "2"]
    code = cli.run([*words, "--json", "--config", str(config)])
    out, err = capsys.readouterr()
    return code, out + err


def test_with_its_rights_it_does_all_of_its_work(
    cluster: SecureKafka, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.allow(NEEDED)
    bury(cluster, "first")

    def done(command: str) -> Any:
        code, told = run(capsys, config, command)
        assert code == 0, told
        return json.loads(told)

    assert done("audit")["differ"] == 0
    assert done("rebuild --accept-loss")["records"] == 5
    assert done("audit")["differ"] == 0
    assert done("redrive --list")["good"] == 5
    assert done("redrive")["published"] == 5
    assert done("redrive --list") == {
        "published": 0, "good": 0, "late": 0, "published_before": 5, "bad": {},
    }  # fmt: skip
    code, told = run(capsys, config, "doctor")
    assert [(one["subject"], one["mend"]) for one in json.loads(told) if one["level"] != "ok"] == [
        ("workers", "resonanz worker")
    ]
    assert code == 1


MISSED: Final = [
    *(("Read", PREFIX + topic, "audit") for topic in (*COUNTED_TOPICS, KPIS, DEEP, STATE, DEAD_LETTERS)),
    ("Read", PREFIX + STATUS, "doctor"),
    ("Describe", PREFIX + LATE, "doctor"),
    *(("Write", PREFIX + topic, "redrive") for topic in (*COUNTED_TOPICS, DEAD_LETTERS)),
    ("Write", PREFIX + STATE, "rebuild"),
    ("Read", GROUP, "rebuild"),
    ("Write", f"{PREFIX}{GROUP}-", "rebuild"),
]


def test_every_right_is_missed() -> None:
    listed = {(acl.operation, acl.name) for acl in NEEDED if acl.operation != "DescribeConfigs"}
    assert {(operation, name) for operation, name, _ in MISSED} == listed


@pytest.mark.parametrize("missed", MISSED, ids="-".join)
def test_without_one_of_them_a_sentence_says_so(
    cluster: SecureKafka, config: Path, capsys: pytest.CaptureFixture[str], missed: tuple[str, str, str]
) -> None:
    operation, name, command = missed
    left = [acl for acl in NEEDED if (acl.operation, acl.name) != (operation, name)]
    assert len(left) == len(NEEDED) - 1
    cluster.allow(left)
    if command == "redrive":
        bury(cluster, name)
    code, told = run(capsys, config, command)
    assert code == 1
    assert "resonanz topics --acls" in told
    assert "tr0ub4dor" not in told


def test_settings_that_it_may_not_see_are_judged_by_nobody(
    cluster: SecureKafka, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.allow([acl for acl in NEEDED if acl.operation != "DescribeConfigs"])
    _, told = run(capsys, config, "doctor")
    assert {one["what"] for one in json.loads(told) if one["subject"] == "topics"} == {
        "all exist and are set up rightly"
    }
