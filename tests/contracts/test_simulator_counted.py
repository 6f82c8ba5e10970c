"""What a real worker counts from what a real simulator published is what the simulator knows."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from tests.naive import KINDS, WINDOWS, old_edge
from tests.processes import Process, free_port, wait_until

from resonanz_streams.topics import KPIS, STATUS
from resonanz_streams.transports.brokers import open_tail

ACCOUNTS = ("instagram:bakery", "facebook:bakery", "bluesky:band")
INCIDENTS = [
    {"kind": "viral", "after_minutes": -300, "minutes": 60, "size": 400},
    {"kind": "drop", "after_minutes": -900, "minutes": 240},
    {"kind": "dead", "after_minutes": -600, "minutes": 120, "accounts": ["facebook:bakery"]},
]
Counts = dict[tuple[str, str, str], int]


def configuration(folder: Path) -> Path:
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    client = {
        "name": "Agency",
        "potential": 4_000,
        "accounts": [{"id": name, "connector": "simulator"} for name in ACCOUNTS],
    }
    options = {"seed": 11, "rate": 4, "backfill_days": 3, "incidents": INCIDENTS, "truth": "truth.jsonl"}
    path = folder / "resonanz.yaml"
    path.write_text(
        json.dumps(
            {
                "broker": "sqlite:///resonanz.db",
                "pseudonym_key": f"file:{folder}/key",
                "clients": {"agency": client},
                "connectors": {"simulator": options},
            }
        )
    )
    return path


def newest(folder: Path, topic: str) -> dict[str, bytes]:
    """The newest value of each key."""

    async def read() -> dict[str, bytes]:
        tail = open_tail(f"sqlite:///{folder}/resonanz.db", [topic])
        found: dict[str, bytes] = {}
        try:
            while not tail.caught_up():
                for record in await tail.poll(0.1):
                    found[(record.key or b"").decode()] = record.value or b""
        finally:
            await tail.close()
        return found

    return asyncio.run(read()) if (folder / "resonanz.db").exists() else {}


def heartbeats(folder: Path) -> dict[str, Any]:
    return {name: orjson.loads(value) for name, value in newest(folder, STATUS).items()}


def live(folder: Path, since: dict[str, Any]) -> bool:
    """Each account has a newer heartbeat, and all of the past is told."""
    return [
        status["at_ms"] > since[name]["at_ms"] and status["state"] == "ok"
        for name, status in heartbeats(folder).items()
        if status["complete_through_ms"] > status["at_ms"] - 60_000
    ] == [True] * len(ACCOUNTS)


def truth(folder: Path, now: dict[str, int]) -> Counts:
    """Its lines within each window, counted one by one."""
    rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    counts: Counts = {
        (account, window, kind): 0 for account in ACCOUNTS for window in WINDOWS for kind in KINDS
    }
    for row in rows:
        if "incident" not in row:
            at_ms = now[row["account"]]
            for window, (length, resolution) in WINDOWS.items():
                if old_edge(at_ms, length, resolution) < row["at_ms"] <= at_ms:
                    counts[row["account"], window, row["kind"]] += 1
    return counts


def counted(snapshots: dict[str, Any]) -> Counts:
    """Without windows that lie wholly after the stop: they are not covered, and say so."""
    return {
        (account, entry["window"], entry["part"]): round(entry["numerator"])
        for account, snapshot in snapshots.items()
        for entry in snapshot["kpis"]
        if entry["kpi"] == "interactions" and entry["part"] in KINDS and entry["numerator"] is not None
    }


def test_what_the_worker_counts_is_what_the_simulator_knows(tmp_path: Path) -> None:
    """The simulator is killed once while it fills the past, and goes on."""
    config = ["--config", str(configuration(tmp_path))]
    with Process(["-m", "resonanz_streams", "connect", *config], tmp_path / "connect.txt") as connect:
        wait_until(lambda: newest(tmp_path, "audience"), "something is published")
        connect.kill()
    before = heartbeats(tmp_path)
    with Process(["-m", "resonanz_streams", "connect", *config], tmp_path / "connect.txt") as connect:
        wait_until(lambda: live(tmp_path, before), "the simulator is live")
        assert connect.terminate() == 0
        assert "Traceback" not in connect.output()
    port = str(free_port())
    arguments = ["-m", "resonanz_streams", "worker", *config, "--port", port]
    with Process(arguments, tmp_path / "worker.txt", tmp_path):

        def agrees() -> bool:
            snapshots = {name: orjson.loads(value) for name, value in newest(tmp_path, KPIS).items()}
            if snapshots.keys() != set(ACCOUNTS):
                return False
            now = {account: snapshot["at_ms"] for account, snapshot in snapshots.items()}
            found = counted(snapshots)
            known = truth(tmp_path, now)
            long = {key: number for key, number in known.items() if key[1] in {"24h", "7d", "28d"}}
            return long.items() <= found.items() <= known.items()

        wait_until(agrees, "every account, window and kind agrees with the truth", 30)
    rows = (tmp_path / "truth.jsonl").read_text().splitlines()
    assert Counter("incident" in row for row in rows)[True] == 3
    assert len(rows) > 2_000
