"""``resonanz doctor`` as a command: what it prints and its exit code, with a worker and without a broker."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import Broker
from tests.processes import Process, free_port, get, wait_until


def configure(folder: Path, broker: str, prefix: str = "") -> Path:
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker}\ntopic_prefix: '{prefix}'\ngroup: '{prefix}g'\npseudonym_key: file:key\n"
        "clients: {a: {name: A, accounts: ['file:a']}}\n"
    )
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    return path


def doctor(config: Path, *options: str) -> tuple[int, str]:
    ports = ("--worker-port", str(free_port()), "--wall-port", str(free_port()))
    done = subprocess.run(
        [sys.executable, "-m", "resonanz_streams", "doctor", "--config", str(config), *ports, *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def failed(text: str) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = json.loads(text)
    return [finding for finding in findings if finding["level"] == "fail"]


def test_beside_a_worker_all_is_well(broker: Broker, tmp_path: Path) -> None:
    config = configure(tmp_path, broker.url, broker.prefix)
    port = free_port()
    words = ["-m", "resonanz_streams", "worker", "--config", str(config), "--port", str(port)]
    with Process(words, tmp_path / "log") as worker:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the worker is ready")
        code, text = doctor(config, "--json", "--worker-port", str(port))
        assert (code, failed(text)) == (0, [])
        told = {finding["subject"]: finding["what"] for finding in json.loads(text)}
        assert told["workers"].startswith("run: ")
        assert told[f"port {port}"] == "the worker answers"
        assert worker.terminate() == 0, worker.output()
    code, text = doctor(config, "--json")
    assert code == 1
    assert [(finding["subject"], finding["mend"]) for finding in failed(text)] == [
        ("workers", "resonanz worker")
    ]


def test_beside_everything_that_up_starts_the_ports_are_ours(tmp_path: Path) -> None:
    config = configure(tmp_path, "sqlite:///r.db")
    port = free_port()
    words = ["-m", "resonanz_streams", "up", "--config", str(config), "--port", str(port)]
    with Process(words, tmp_path / "log", cwd=tmp_path) as process:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the wall is ready")
        code, text = doctor(config, "--json", "--wall-port", str(port))
        assert (code, failed(text)) == (0, [])
        told = {finding["subject"]: finding["what"] for finding in json.loads(text)}
        assert told[f"port {port}"] == "the wall answers"
        assert process.terminate() == 0, process.output()


@pytest.mark.parametrize("option", ["--worker-port", "--wall-port"])
def test_a_port_that_cannot_be_is_refused(tmp_path: Path, option: str) -> None:
    config = configure(tmp_path, "sqlite:///r.db")
    words = [sys.executable, "-m", "resonanz_streams", "doctor", "--config", str(config), option, "99999"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"Invalid value for '{option}': 99999 is not in the range 1<=x<=65535." in done.stderr


def test_a_broker_that_is_away(tmp_path: Path) -> None:
    port = free_port()
    code, text = doctor(configure(tmp_path, f"kafka://127.0.0.1:{port}"), "--json")
    (finding,) = failed(text)
    assert code == 1
    assert finding["what"] == f"Kafka does not answer at 127.0.0.1:{port}"
    assert finding["mend"].startswith("start it, or correct broker in the configuration")


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    code, text = doctor(configure(tmp_path, "sqlite:///r.db"))
    assert code == 1
    assert "fail" in text
    assert "start: resonanz up" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "resonanz.yaml"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        # A container without the right to mount: nothing that installing something would change.
        pytest.skip("a small file system needs the right to mount: run the tests as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_nearly_full_or_cannot_be_written_to(small_disk: Path) -> None:
    config = configure(small_disk, "sqlite:///r.db")
    Broker(f"sqlite:///{small_disk}/r.db", "").create_topics(4)
    _, text = doctor(config, "--json")
    (finding,) = [finding for finding in failed(text) if finding["subject"] == "disk"]
    assert finding["what"].endswith(f" MB are free beside {small_disk}/r.db")
    assert finding["mend"] == "free some space; writing then goes on by itself"
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    _, text = doctor(config, "--json")
    (finding,) = [finding for finding in failed(text) if finding["subject"] == "disk"]
    assert finding["what"] == f"{small_disk}/r.db cannot be written to"
    assert finding["mend"] == f"chown $(id -u) {small_disk}/r.db"
