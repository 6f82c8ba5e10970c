"""The doctor with its own user: what it may see, and what it says when it may not, or is not let in."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.brokers import Broker
from tests.kafka_secure import SecureKafka
from tests.secure.conftest import Configure

from resonanz_streams.acls import needed_acls
from resonanz_streams.doctor.exam import open_exam
from resonanz_streams.doctor.examine import examine
from resonanz_streams.doctor.findings import Finding
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEAD_LETTERS, KPIS, STATE, STATUS

PREFIX: Final = "doctor."
GROUP: Final = "patients"
NEEDED: Final = [acl for acl in needed_acls(PREFIX, GROUP) if acl.role == "doctor"]


@pytest.fixture(scope="module")
def cluster(secure_kafka: SecureKafka) -> SecureKafka:
    Broker(secure_kafka.url, PREFIX).create_topics(2)
    return secure_kafka


def findings(cluster: SecureKafka) -> list[Finding]:
    url = cluster.plain("resonanz-doctor")
    settings = settings_of(
        {
            "broker": url,
            "topic_prefix": PREFIX,
            "group": GROUP,
            "partitions": 2,
            "pseudonym_key": "${KEY}",
            "clients": {"a": {"name": "A", "accounts": ["file:b"]}},
        },
        environment={"KEY": "0123456789abcdef"},
    )
    with contextlib.closing(open_exam(url, prefix=PREFIX, group=GROUP)) as exam:
        return list(examine(Patient(settings, build_registry(settings), exam)))


def test_with_its_rights_it_sees_everything(cluster: SecureKafka) -> None:
    cluster.allow(NEEDED)
    assert [one.subject for one in findings(cluster) if one.level != "ok"] == ["workers"]


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("Read", PREFIX + DEAD_LETTERS),
        ("Read", PREFIX + STATUS),
        ("Read", PREFIX + STATE),
        ("Describe", PREFIX + KPIS),
        ("Describe", GROUP),
    ],
)
def test_what_it_may_not_see_it_says(cluster: SecureKafka, operation: str, name: str) -> None:
    left = [acl for acl in NEEDED if (acl.operation, acl.name) != (operation, name)]
    assert len(left) == len(NEEDED) - 1
    cluster.allow(left)
    assert [one for one in findings(cluster) if "resonanz topics --acls" in one.what + one.mend]


def test_settings_that_it_may_not_see_are_judged_by_nobody(cluster: SecureKafka) -> None:
    cluster.allow([acl for acl in NEEDED if acl.operation != "DescribeConfigs"])
    with contextlib.closing(open_exam(cluster.plain("resonanz-doctor"), prefix=PREFIX, group=GROUP)) as exam:
        assert exam.retention_ms() == {}


def test_who_is_not_let_in_is_told_by_the_doctor_too(
    secure_kafka: SecureKafka, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("wr0ng-and-secret")
    config = configure(secure_kafka.scram("resonanz-doctor", password_file=tmp_path / "wrong"))
    words = [sys.executable, "-m", "resonanz_streams", "doctor", "--json", "--config", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    (finding,) = json.loads(done.stdout)
    assert done.returncode == 1
    assert finding["level"] == "fail"
    assert "refuses user resonanz-doctor" in finding["what"]
    assert f"write the right password into {tmp_path}/wrong" in finding["mend"]
    assert "wr0ng-and-secret" not in done.stdout + done.stderr
