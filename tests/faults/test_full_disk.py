"""A disk that fills up under the embedded log: it says so, waits, and goes on exactly when there is room."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resonanz_streams.errors import RetryError
from tests.brokers import Broker
from tests.faults.comparison import wrong_figures
from tests.faults.durable import wrong_state
from tests.faults.fleet import CHUNK, Delivery, configure, ready, worker
from tests.faults.load import hard_load
from tests.faults.report import form, saw
from tests.kafka_server import must_run
from tests.processes import free_port, wait_until

SMALL_MB, LARGE_MB = 6, 600


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of ``SMALL_MB`` in memory."""
    folder.mkdir()
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("a full disk needs the right to mount a tmpfs: run the tests as root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # A container without the right to mount: nothing that installing something would change.
        words = f"a full disk needs the right to mount a tmpfs (CAP_SYS_ADMIN): {done.stderr.strip()}"
        if must_run() and "permission denied" not in done.stderr and "not permitted" not in done.stderr:
            pytest.fail(words)
        pytest.skip(words)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def make_room(folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={LARGE_MB}m", str(folder)], check=True)


def test_a_disk_that_is_full_and_is_not_any_more(tmp_path: Path) -> None:
    load = hard_load(10, form(40_000, 150_000))
    disk, port = tmp_path / "disk", free_port()
    with small_disk(disk):
        broker = Broker(f"sqlite:///{disk}/resonanz.db", "")
        config = configure(tmp_path, broker, load)
        broker.create_topics(4)
        with worker(config, port, name="worker") as process, Delivery(broker, load) as delivery:
            wait_until(lambda: ready(port), "the worker is ready")
            with pytest.raises(RetryError) as caught:
                delivery.trickle(len(load.lines) // CHUNK)
            refused = str(caught.value)
            wait_until(lambda: "disk is full" in process.output(), "the worker meets the full disk", 30)
            make_room(disk)
            with contextlib.suppress(RetryError):
                delivery.deliver_all()
            delivery.end()
            wrong = wrong_figures(broker, load, [port], seconds=120)
            starts = process.output().count("starting over")
            output = process.output()
            assert process.terminate() == 0, output
        wrong += wrong_state(broker, load, config)
    saw("full disk", broker="SQLite", events=len(load.lines), worker_started_over=starts, wrong=len(wrong))
    assert wrong == []
    assert refused == (
        f"{disk}/resonanz.db: the disk is full; free some space, writing then goes on by itself"
    )
    assert "Traceback" not in output
