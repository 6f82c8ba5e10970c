"""Ten times as long a file takes no more memory; measured in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

DAY = 86_400_000
START_MS = 1_600_000_000_000
_RUN = """
import resource, sys
from pathlib import Path
from tests.backtests import backtest
folder = Path(sys.argv[1])
options = {"step_ms": 6 * 3_600_000, "kpis": ["velocity"], "out": folder / "kpis.csv"}
done, _, _ = backtest(folder, ["file:a"], folder / "x.jsonl", **options)
print(done.counted.added, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kb(folder: Path, days: int, per_day: int) -> int:
    """The largest memory of a back-test of a file whose order is as bad as can be."""
    folder.mkdir()
    with (folder / "x.jsonl").open("w") as file:
        for number in range(days * per_day):
            at_ms = START_MS + number * 7_919 % (days * per_day) * (DAY // per_day)
            line = {"v": 1, "id": str(number), "source": "file", "kind": "share", "account": "file:a"}
            file.write(json.dumps(line | {"at_ms": at_ms}) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(folder)], capture_output=True, text=True, check=True, timeout=300
    )
    added, kb = done.stdout.split()
    assert int(added) == days * per_day
    return int(kb)


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    short, long = peak_kb(tmp_path / "short", 40, 800), peak_kb(tmp_path / "long", 400, 800)
    assert long - short < 30_000
