"""What a worker really exports is what KPIS.md lists: a real process on the embedded broker, scraped."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.docs.exported import BY_DEFAULT, rows
from tests.docs.other_series import of_worker
from tests.processes import Process, free_port, get, samples, wait_until

from resonanz_streams.kpis import KPIS

CLIENT: dict[str, Any] = {
    "name": "Bakery Winter",
    "potential": 1200,
    "response_sla": "1h",
    "topics": {"bread": ["rye"]},
    "accounts": ["file:a"],
}
HOUR_MS = 3_600_000
OF_ACCOUNTS = {"client", "platform", "account"}


def lines_of(now_ms: int) -> list[dict[str, Any]]:
    """Something of everything, of the last hours."""

    def ago(hours: float, **line: Any) -> dict[str, Any]:
        return {"account": "file:a", "source": "file", "at_ms": now_ms - int(hours * HOUR_MS)} | line

    return [
        ago(9, topic="audience", followers=300),
        ago(8, topic="posts", id="p", object="p"),
        ago(8, topic="posts", id="f", venue="elsewhere"),
        ago(7, topic="audience", followers=300, object="p", reach=200, impressions=500),
        ago(7, kind="comment", id="c", actor="ann", object="p", topics=["bread"]),
        ago(6, kind="comment", id="r", own=True, object="p", parent="c"),
        ago(5, kind="comment", id="d", actor="ann", object="p", parent="r", flags=["bot"]),
        ago(4, kind="share", id="s", actor="bob", object="p", venue="elsewhere"),
        *(ago(0.01, kind="like", id=name, actor=name, object="p") for name in ("ann", "bob", "cem")),
    ]


def scraped(folder: Path, export: dict[str, list[str]]) -> str:
    """All that a worker with this configuration exports, once its deep figures are there."""
    now_ms = time.time_ns() // 1_000_000  # noqa: TID251  # the worker that is tried lives by the real clock
    (folder / "resonanz.yaml").write_text(json.dumps({"clients": {"bakery": CLIENT}, "export": export}))
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines_of(now_ms)))
    port, program = free_port(), [sys.executable, "-m", "resonanz_streams"]
    replay = [*program, "replay", "events.jsonl"]
    subprocess.run(replay, cwd=folder, capture_output=True, timeout=120, check=True)
    worker = ["-m", "resonanz_streams", "worker", "--port", str(port)]
    with Process(worker, folder / "worker.log", cwd=folder) as process:
        deep = "resonanz_response_rate_24h_ratio"
        wait_until(lambda: samples(port, deep), "the worker has counted, and computed deep figures")
        text = get(f"http://127.0.0.1:{port}/metrics")
        assert process.terminate() == 0, process.output()
    assert text is not None
    return text


def checked_by_promtool(text: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "promtool is missing; install it with: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def named(text: str) -> set[str]:
    """The metrics of accounts, with or without samples."""
    kpis = "|".join((*(kpi.id for kpi in KPIS), "coverage"))
    return set(
        re.findall(rf"^# TYPE (resonanz_(?:{kpis})(?:_authentic)?_\d+[mhd]\S*) gauge$", text, re.MULTILINE)
    )


def test_without_a_word_a_worker_exports_what_is_listed_so(tmp_path: Path) -> None:
    text = scraped(tmp_path, {})
    every = set(re.findall(r"^# TYPE (resonanz_\S+) ", text, re.MULTILINE))
    assert every - named(text) == {one.name for one in of_worker()} | {"resonanz_account_info"}
    assert named(text) == {name for row in rows() if row.exported == BY_DEFAULT for name in row.names()}


def test_everything_that_can_be_exported_is_listed_with_its_labels(tmp_path: Path) -> None:
    text = scraped(tmp_path, {kpi.id: list(kpi.windows) for kpi in KPIS if not kpi.api_only})
    listed = {name: set(row.labels) for row in rows() for name in row.names() or row.metrics}
    assert named(text) == listed.keys() - {"resonanz_account_info"}
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "account" in sample.labels and "connector" not in sample.labels:
                assert sample.labels.keys() >= OF_ACCOUNTS
                found.setdefault(sample.name, set()).update(sample.labels.keys() - OF_ACCOUNTS)
    assert {name: labels for name, labels in found.items() if not labels <= listed[name]} == {}
    assert found["resonanz_topic_share_24h_ratio"] == {"topic"}
    assert found["resonanz_interactions_28d"] == found["resonanz_interactions_authentic_28d"] == {"kind"}
    assert len(found) > len(listed) / 2
    checked_by_promtool(text)
