"""What the doctor says about how long records are kept, done as it says."""

from pathlib import Path

import pytest
from tests.broker.test_topics import configs
from tests.brokers import Broker
from tests.contracts.test_doctor import HOUR_MS, diagnosis, well, wrong
from tests.kafka_server import KafkaServer


def alter(kafka_server: KafkaServer, mend: str) -> None:
    """Do what the doctor says, by the program that it names."""
    program, *words = mend.split()
    assert program == "kafka-configs.sh"
    kafka_server.tool("kafka.admin.ConfigCommand", *words)


def test_records_kept_for_less_than_the_horizon(kafka_server: KafkaServer, kafka: Broker) -> None:
    kafka.create_topics()
    configs(kafka, "likes", {"retention.ms": str(24 * HOUR_MS)})
    ((level, what, mend),) = wrong(diagnosis(kafka, horizon="29d"), "retention")
    name = f"{kafka.prefix}likes"
    assert level == "fail"
    assert what == f"topic {name} keeps records for 24 h, less than the horizon of 29d"
    alter(kafka_server, mend)
    assert configs(kafka, "likes")["retention.ms"] == str(35 * 24 * HOUR_MS)
    assert well(diagnosis(kafka, horizon="29d"), "retention")


def test_a_horizon_longer_than_retention_usually_is(kafka_server: KafkaServer, kafka: Broker) -> None:
    kafka.create_topics()
    configs(kafka, "likes", {"retention.ms": str(24 * HOUR_MS)})
    findings = diagnosis(kafka, horizon="60d")
    # Else the mend of one would undo that of the other.
    assert not [what for _, what, _ in wrong(findings, "topics") if "keeps records" in what]
    found = wrong(findings, "retention")
    assert len(found) == 7
    for _, _, mend in found:
        alter(kafka_server, mend)
    assert configs(kafka, "likes")["retention.ms"] == str(60 * 24 * HOUR_MS)
    assert well(diagnosis(kafka, horizon="60d"), "retention")


@pytest.mark.parametrize(
    ("horizon", "level", "what", "mend"),
    [
        ("35d", "ok", "records are kept for 35 days, and until they are counted", ""),
        (
            "36d",
            "warn",
            (
                "records are kept for 35 days, less than the horizon of 36d: a lost state cannot be counted "
                "anew as far back"
            ),
            "write horizon: 35d or shorter in resonanz.yaml, or use Apache Kafka",
        ),
    ],
)
def test_the_embedded_log_keeps_what_it_keeps(
    tmp_path: Path, horizon: str, level: str, what: str, mend: str
) -> None:
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")
    broker.create_topics()
    (found,) = [one for one in diagnosis(broker, horizon=horizon) if one.subject == "retention"]
    assert (found.level, found.what, found.mend) == (level, what, mend)
