"""The README's commands on Apache Kafka: topics, connect, two workers, a wall."""

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.processes import Process, free_port, get, samples, wait_until

ACCOUNTS = [f"simulated:a{number}" for number in range(12)]


def configure(folder: Path, url: str) -> Path:
    path = folder / "resonanz.yaml"
    accounts = "".join(f"      - {{id: {account!r}, connector: simulator}}\n" for account in ACCOUNTS)
    path.write_text(
        f"broker: {url}\ntopic_prefix: t{uuid.uuid4().hex[:8]}.\ngroup: g{uuid.uuid4().hex[:8]}\n"
        "pseudonym_key: file:key\n"
        f"clients:\n  fleet:\n    name: Fleet\n    potential: 5000\n    accounts:\n{accounts}"
        "connectors:\n  simulator: {seed: 3, backfill_days: 2, incidents: []}\n"
    )
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    return path


@contextlib.contextmanager
def running(folder: Path, name: str, *arguments: str) -> Iterator[Process]:
    with Process(["-m", "resonanz_streams", *arguments], folder / f"{name}.log", cwd=folder) as process:
        yield process


def exported(port: int) -> set[str]:
    # In the order of the label names: account, client, kind, platform.
    return {labels[0] for labels in samples(port, "resonanz_interactions_24h") or {}}


def states(port: int) -> dict[str, str]:
    text = get(f"http://127.0.0.1:{port}/api/v1/accounts")
    found: list[dict[str, Any]] = json.loads(text)["accounts"] if text else []
    return {account["account"]: account["state"] for account in found}


def test_two_workers_share_the_accounts_and_the_wall_shows_all(kafka_url: str, tmp_path: Path) -> None:
    config = configure(tmp_path, kafka_url)
    made = subprocess.run(
        [sys.executable, "-m", "resonanz_streams", "topics", "--create", "--json", "--config", str(config)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(made.stdout)["problems"] == []
    first, second, front = free_port(), free_port(), free_port()
    with (
        running(tmp_path, "connect", "connect") as connect,
        running(tmp_path, "one", "worker", "--port", str(first)) as one,
        running(tmp_path, "two", "worker", "--port", str(second)) as two,
        running(tmp_path, "wall", "wall", "--port", str(front)) as wall,
    ):
        wait_until(lambda: get(f"http://127.0.0.1:{front}/readyz"), "the wall is ready")

        def shared() -> bool:
            mine, yours = exported(first), exported(second)
            return bool(mine and yours) and mine | yours == set(ACCOUNTS) and not mine & yours

        wait_until(shared, "the two workers export all accounts, each exactly once")
        wait_until(
            lambda: set(states(front).values()) == {"ok"}, f"all is well on the wall, not {states(front)}"
        )

        assert one.terminate() == 0, one.output()
        wait_until(lambda: exported(second) == set(ACCOUNTS), "the other worker takes over")
        for process in (connect, two, wall):
            assert process.terminate() == 0, f"{process.log.name}: {process.output()}"
            assert "Traceback" not in process.output(), process.output()
