"""Topics, worker, wall, replay and query on a secured cluster, each way to be let in, and with every part's
own user (SASL PLAIN), who may do exactly what is listed for it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from tests.kafka_secure import PASSWORDS, SecureKafka
from tests.processes import Process, free_port, get, samples, wait_until
from tests.secure.conftest import Configure

from resonanz_streams.acls import ROLES, needed_acls

WAYS: Final[Mapping[str, Callable[[SecureKafka, str], str]]] = {
    "SCRAM-SHA-256 and TLS": lambda kafka, user: kafka.scram(user, "SCRAM-SHA-256"),
    "SCRAM-SHA-512 and TLS": lambda kafka, user: kafka.scram(user, "SCRAM-SHA-512"),
    "TLS with a client certificate": lambda kafka, user: kafka.mutual(user),
}


class Parts:
    """The commands, each with the configuration of its role; everything that was printed is kept."""

    def __init__(self, folder: Path, configs: Mapping[str, Path]) -> None:
        self._folder = folder
        self._configs = configs
        self.printed = ""

    def run(self, role: str, *words: str) -> str:
        """A command that ends; returns its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "resonanz_streams", *words, "--config", str(self._configs[role])],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.printed += done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def running(self, role: str) -> Iterator[int]:
        """A command that goes on; its port."""
        port = free_port()
        words = ["-m", "resonanz_streams", role, "--port", str(port), "--config", str(self._configs[role])]
        with Process(words, self._folder / f"{role}.log") as process:
            wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), f"{role} is ready")
            yield port
            self.printed += (get(f"http://127.0.0.1:{port}/metrics") or "") + process.output()
            assert process.terminate() == 0, process.output()


def three_likes_are_counted(parts: Parts, folder: Path) -> None:
    likes = folder / "likes.jsonl"
    lines = [
        {"id": str(number), "account": "file:b", "actor": str(number), "at_ms": 1_700_000_000_000}
        for number in range(3)
    ]
    likes.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert json.loads(parts.run("admin", "topics", "--create", "--json"))["problems"] == []
    with parts.running("worker") as worker, parts.running("wall") as wall:
        parts.run("connector", "replay", str(likes), "--kind", "like", "--shift-to-now")
        wait_until(
            lambda: sum((samples(worker, "resonanz_interactions_24h") or {}).values()) == 3,
            "the worker has counted three likes",
        )

        def shown() -> bool:
            answer = get(f"http://127.0.0.1:{wall}/api/v1/accounts/file:b/kpis?kpi=interactions&window=24h")
            rows = json.loads(answer)["kpis"] if answer else []
            return [row["value"] for row in rows if row["part"] is None] == [3]

        wait_until(shown, "the wall shows them")
        rows = json.loads(parts.run("wall", "query", "file:b", "--window", "24h", "--json"))
        assert [row["value"] for row in rows if (row["kpi"], row["part"]) == ("interactions", None)] == [3]
    assert not [secret for secret in PASSWORDS.values() if secret in parts.printed]
    assert "Traceback" not in parts.printed


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_be_let_in_serves_every_part(
    secure_kafka: SecureKafka, configure: Configure, tmp_path: Path, prefix: str, way: str
) -> None:
    secure_kafka.allow([replace(acl, principal="User:resonanz") for acl in needed_acls(prefix, f"{prefix}g")])
    config = configure(WAYS[way](secure_kafka, "resonanz"))
    three_likes_are_counted(Parts(tmp_path, dict.fromkeys(ROLES, config)), tmp_path)


def test_every_part_works_with_the_rights_that_are_listed_for_it(
    secure_kafka: SecureKafka, configure: Configure, tmp_path: Path, prefix: str
) -> None:
    secure_kafka.allow(needed_acls(prefix, f"{prefix}g"))
    configs = {role: configure(secure_kafka.plain(f"resonanz-{role}"), role) for role in ROLES}
    three_likes_are_counted(Parts(tmp_path, configs), tmp_path)
