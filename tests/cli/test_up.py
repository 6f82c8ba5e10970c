"""``resonanz up`` as a process: it shows, restarts what dies, stops what it started."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.processes import Process, free_port, get, samples, wait_until

PARTS = {"connect", "wall", "worker"}


def children(pid: int) -> dict[str, int]:
    """Command and process id of each part."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        found[words[words.index("resonanz_streams") + 1]] = int(child)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Ended, and only waiting to be asked how, by whoever adopted it.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


@contextmanager
def up(folder: Path, *arguments: str) -> Iterator[tuple[Process, int]]:
    port = free_port()
    with Process(
        ["-m", "resonanz_streams", "up", *arguments, "--port", str(port)], folder / "up.log", cwd=folder
    ) as process:
        yield process, port


def ready(process: Process, port: int) -> bool:
    assert process.process.poll() is None, process.output()
    return get(f"http://127.0.0.1:{port}/readyz") is not None


def accounts(port: int) -> list[dict[str, Any]]:
    text = get(f"http://127.0.0.1:{port}/api/v1/accounts")
    return json.loads(text)["accounts"] if text else []


def test_the_demo_counts_survives_a_death_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    with up(tmp_path, "--demo") as (process, port):
        wait_until(lambda: ready(process, port), "the wall is ready")
        wait_until(
            lambda: len(found := accounts(port)) == 10 and all(one["state"] == "ok" for one in found),
            "every account has figures",
        )
        assert f"http://127.0.0.1:{port}/" in process.output()
        parts = children(process.process.pid)
        assert parts.keys() == PARTS
        before = samples(port, "resonanz_interactions_28d") or samples(port, "resonanz_interactions_24h")
        assert before

        os.kill(parts["worker"], signal.SIGKILL)
        wait_until(
            lambda: "worker died (by SIGKILL); it starts again in 1 s." in process.output(), "it says so"
        )
        wait_until(
            lambda: children(process.process.pid).get("worker") not in {None, parts["worker"]}, "it is back"
        )
        wait_until(lambda: ready(process, port), "the new worker is ready")
        after = wait_until(lambda: samples(port, "resonanz_interactions_24h"), "it counts again")
        assert after.keys() == before.keys()

        last = children(process.process.pid)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(30) == 0, process.output()
        assert "Stopped; everything is written." in process.output()
        assert not [pid for pid in last.values() if alive(pid)]
        assert "Traceback" not in process.output()


def test_a_terminal_that_closes_ends_it_and_its_parts(tmp_path: Path) -> None:
    """Nobody reads any more what they say."""
    words = ["-m", "resonanz_streams", "up", "--demo", "--port", str(free_port())]
    with subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stderr is not None
            assert any(b"Ctrl-C ends it." in line for line in process.stderr)
            parts = children(process.pid)
            assert parts.keys() == PARTS
            process.stderr.close()
            process.send_signal(signal.SIGHUP)
            assert process.wait(30) == 0
            assert not [pid for pid in parts.values() if alive(pid)]
        finally:
            process.kill()


def test_parts_end_when_up_is_killed(tmp_path: Path) -> None:
    with up(tmp_path, "--demo") as (process, port):
        wait_until(lambda: ready(process, port), "the wall is ready")
        parts = children(process.process.pid)
        process.kill()
        wait_until(lambda: not [pid for pid in parts.values() if alive(pid)], "every part has ended")


def test_a_file_of_ones_own_stands_on_the_wall(tmp_path: Path) -> None:
    (tmp_path / "likes.csv").write_text(
        "id,at_ms,kind,account\n"
        + "".join(f"{n},{1_700_000_000_000 + n * 1000},like,file:a17\n" for n in range(60))
    )
    with up(tmp_path, "--file", "likes.csv") as (process, port):
        wait_until(lambda: ready(process, port), "the wall is ready")
        counted = wait_until(lambda: samples(port, "resonanz_interactions_24h"), "the file is counted")
        # In the order of the label names: account, client, kind, platform.
        wait_until(
            lambda: (
                (samples(port, "resonanz_interactions_24h") or {}).get(("file:a17", "files", "like", "file"))
                == 60
            ),
            f"all of it is counted, not {counted}",
        )
        assert "connect has ended: its work is done." in wait_until(
            lambda: process.output() if "has ended" in process.output() else None, "the file's end is told"
        )
        wait_until(
            lambda: f"  Wall     http://127.0.0.1:{port}/" in process.output(), "it says where to look", 20
        )


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Process(
            ["-m", "resonanz_streams", "up", "--demo", "--port", port], tmp_path / "log", cwd=tmp_path
        ) as process:
            assert process.process.wait(30) == 1
            assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in process.output()
            assert "choose another with --port" in process.output()
            assert "Traceback" not in process.output()
    assert not list(tmp_path.glob("resonanz-demo/*.db"))


@pytest.mark.parametrize(
    ("broker", "sentence"),
    [("sqlite:////proc/nowhere/log.db", "cannot be"), ("mqtt://x", "must begin with sqlite:/// or kafka://")],
)
def test_a_broker_that_cannot_be_used_ends_it_with_a_sentence(
    tmp_path: Path, broker: str, sentence: str
) -> None:
    (tmp_path / "resonanz.yaml").write_text(
        f"broker: {broker}\nclients: {{c: {{name: C, accounts: ['file:a']}}}}\n"
    )
    with up(tmp_path) as (process, _):
        assert process.process.wait(60) in {1, 2}
        assert sentence in process.output()
        assert "Traceback" not in process.output()


def test_a_second_worker_on_the_same_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "resonanz.yaml").write_text("clients: {c: {name: C, accounts: ['file:a']}}\n")
    with up(tmp_path) as (process, port):
        wait_until(lambda: ready(process, port), "the wall is ready")
        with up(tmp_path) as (second, _):
            assert second.process.wait(60) == 1
            assert "another worker of group 'resonanz' is running on it" in second.output()
            assert "Traceback" not in second.output()
        assert ready(process, port)
