"""The README's commands for one's own accounts, run as they stand there, in its order."""

import csv
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from tests.docs.test_readme import COMMANDS, README
from tests.processes import Process, free_port, get, samples, wait_until

LIKES = 5


def command(*words: str) -> list[str]:
    """The one that begins with these words, without the program's name."""
    found = [one for one in COMMANDS if one.startswith(".venv/bin/resonanz " + " ".join(words))]
    return shlex.split(min(found, key=len))[1:]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resonanz_streams", *command(*words)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def prepare(folder: Path) -> None:
    """The README's configuration, and a likes.csv such as somebody might have."""
    (block,) = [one for one in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "clients:" in one]
    (folder / "resonanz.yaml").write_text(block)
    now_ms = time.time_ns() // 1_000_000  # noqa: TID251  # the worker that is tried lives by the real clock
    with (folder / "likes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "created_at", "account"])
        rows.writerows([number, now_ms - 60_000 - number, "file:a17"] for number in range(LIKES))


def test_configuration_wall_replay_query_and_back_test(tmp_path: Path) -> None:
    prepare(tmp_path)
    checked = run(tmp_path, "check")
    assert checked.returncode == 0, checked.stderr
    port = free_port()
    up = ["-m", "resonanz_streams", "up", "--port", str(port)]
    with Process(up, tmp_path / "up.log", cwd=tmp_path) as process:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the wall is ready")
        replayed = run(tmp_path, "replay")
        assert replayed.returncode == 0, replayed.stderr
        assert f"published {LIKES} likes" in replayed.stderr

        def counted() -> bool:
            found = samples(port, "resonanz_interactions_24h") or {}
            return found.get(("file:a17", "bakery", "like", "file")) == LIKES

        wait_until(counted, "the likes are counted")
        asked = run(tmp_path, "query")
        assert asked.returncode == 0, asked.stderr
        assert "interactions_per_potential" in asked.stdout
        explained = run(tmp_path, "query", "file:a17", "--window", "24h", "--explain")
        assert f"1000 · {LIKES} / 1200 = 4.16667" in explained.stdout, explained.stderr
        audited = run(tmp_path, "audit")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        redriven = run(tmp_path, "redrive")
        assert redriven.returncode == 0, redriven.stderr
        assert "Traceback" not in process.output()
        assert process.terminate() == 0
    rebuilt = run(tmp_path, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    tested = run(tmp_path, "backtest")
    assert tested.returncode == 0, tested.stderr
    rows = pq.read_table(tmp_path / "kpis.parquet").to_pylist()
    whole = [row for row in rows if (row["kpi"], row["window"], row["part"]) == ("interactions", "24h", None)]
    assert [row["value"] for row in whole][-1] == LIKES


def test_real_accounts_and_a_file_beside_the_demo(tmp_path: Path) -> None:
    prepare(tmp_path)
    for words in (("up", "--demo", "--bluesky"), ("up", "--file")):
        port = free_port()
        arguments = [
            "-m",
            "resonanz_streams",
            *command(*words),
            "--port",
            str(port),
            "--folder",
            words[1][2:],
        ]
        with Process(arguments, tmp_path / "up.log", cwd=tmp_path) as process:
            wait_until(lambda port=port: get(f"http://127.0.0.1:{port}/readyz"), f"{words} is ready")  # type: ignore[misc]
            told = json.loads(get(f"http://127.0.0.1:{port}/api/v1/accounts") or "{}")["accounts"]
            names = {account["account"] for account in told}
            assert ("bluesky:bsky.app" if "--bluesky" in words else "file:a17") in names
            assert "Traceback" not in process.output()
