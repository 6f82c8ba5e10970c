"""Bytes that somebody means harm with: no crash, no hang, no growth, under a coverage-guided fuzzer.

Each target of :mod:`tests.fuzz.targets` runs in a process of its own with a fixed seed. The fuzzer itself
ends at an input that takes ten seconds, or at 600 MB.
"""

import statistics
from pathlib import Path

import psutil
import pytest

from tests.faults.report import form, saw
from tests.processes import Process, wait_until

RUNS = {
    "state": form(30_000, 520_000),
    "kafka_url": form(30_000, 400_000),
    "heartbeats": form(10_000, 150_000),
    "decode": form(800, 10_000),
    "ledger": form(800, 10_000),
    "configuration": form(400, 6_000),
    "table": form(800, 12_000),
}
GROWTH = 1.10


def memory_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0


@pytest.mark.parametrize("target", RUNS)
def test_no_input_crashes_hangs_or_grows(target: str, tmp_path: Path) -> None:
    words = ["-m", "tests.fuzz", target, str(RUNS[target]), "20261125", str(tmp_path)]
    sizes: list[float] = []
    with Process(words, tmp_path / "log.txt") as fuzzing:
        child = psutil.Process(fuzzing.process.pid)

        def ended() -> bool:
            sizes.append(memory_mb(child))
            return fuzzing.process.poll() is not None

        wait_until(ended, f"the fuzzer has tried {RUNS[target]} inputs", form(120, 900))
        output = fuzzing.output()
        left = [
            path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith(("crash", "slow", "oom"))
        ]
        assert fuzzing.process.returncode == 0, f"{output[-3000:]}\n{left}"
    counted = [line for line in output.splitlines() if "number_of_executed_units" in line]
    inputs = int(counted[0].split()[-1])
    alive = [size for size in sizes if size]
    # The first third holds what is loaded and the corpus that is found.
    third = max(1, len(alive) // 3)
    middle, last = statistics.median(alive[third : 2 * third] or alive), statistics.median(alive[-third:])
    saw(
        f"hostile input: {target}",
        inputs=inputs,
        rss_middle_third_mb=round(middle, 1),
        rss_last_third_mb=round(last, 1),
        wrong=len(left),
    )
    assert inputs >= RUNS[target]
    assert last <= middle * GROWTH
