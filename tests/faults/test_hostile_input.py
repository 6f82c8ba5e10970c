"""Bytes that somebody means harm with: no crash, no hang, no growth, under a coverage-guided fuzzer.

Each target of :mod:`tests.fuzz.targets` runs in a process of its own with a fixed seed. The fuzzer itself
ends at an input that takes ten seconds, or at 600 MB.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.report import form, saw
from tests.processes import Process, wait_until

RUNS = {
    "state": form(30_000, 520_000),
    "kafka_url": form(30_000, 400_000),
    "heartbeats": form(8_000, 150_000),
    "decode": form(800, 10_000),
    "ledger": form(800, 10_000),
    "configuration": form(400, 6_000),
    "table": form(600, 12_000),
}
AGAIN = form(500, 4_000)
GROWTH_MB = 2.0
FORKED = ("/bin/sh", "-c", '"$@"; exit $?', "sh")
"""The fuzzer goes by the most memory that its process ever had, and a process begins there with what the one
had that started it: of this one, all tests before."""


def memory_mb(target: str, found: Path) -> tuple[float, float]:
    """Of a process that takes all that was found, after the first time and at the end."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.again", target, str(found), str(AGAIN)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=form(60, 300))
    first, last = done.stdout.split()
    return float(first), float(last)


@pytest.mark.parametrize("target", RUNS)
def test_no_input_crashes_hangs_or_grows(target: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.fuzz", target, str(RUNS[target]), "20261125", str(tmp_path)]
    with Process(words, tmp_path / "log.txt", program=FORKED) as fuzzing:
        what = f"the fuzzer has tried {RUNS[target]} inputs"
        wait_until(lambda: fuzzing.process.poll() is not None, what, form(120, 900))
        output = fuzzing.output()
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(("crash", "timeout", "oom"))]
    assert fuzzing.process.returncode == 0, f"{output[-3000:]}\n{left}"
    counted = [line for line in output.splitlines() if "number_of_executed_units" in line]
    inputs = int(counted[0].split()[-1])
    first, last = memory_mb(target, tmp_path / "corpus")
    saw(
        f"hostile input: {target}",
        inputs=inputs,
        mb_at_first=first,
        mb_at_last=last,
        crashes_or_hangs=len(left),
    )
    assert inputs >= RUNS[target]
    assert left == []
    assert last - first <= GROWTH_MB
