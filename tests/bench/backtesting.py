"""``resonanz backtest``, one KPI over three windows every hour, against the live worker; and its memory with
five months in the file instead of one.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DAY_MS
from tests.bench.figures import Round, Row
from tests.bench.load import make_load, settings_data
from tests.bench.logs import write_config
from tests.bench.setting import Setting
from tests.bench.wholes import ON_KAFKA

BACKTEST: Final = "backtest"
ACCOUNTS: Final = 200
MONTHS: Final = 5
_MONTH_MS: Final = 28 * DAY_MS
_WINDOWS: Final = "1h,24h,7d"
_ROUNDS: Final = 3
_LOOK_SECONDS: Final = 0.05
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def measure_backtest(setting: Setting) -> None:
    """A row; targets against the worker, if it was measured, and for its memory."""
    events, report = setting.scale.backtest_events, setting.report
    found: dict[int, list[Round]] = {1: [], MONTHS: []}
    peaks = dict.fromkeys(found, 0.0)
    for number in range(min(_ROUNDS, setting.scale.rounds)):
        for months, rounds in found.items():
            setting.say(f"round {number + 1}: back-testing {months} month{'s' * (months > 1)}")
            one, peak = _round(setting.folder, events // MONTHS, months)
            rounds.append(one)
            peaks[months] = max(peaks[months], peak)
    row = Row(
        BACKTEST,
        found[MONTHS],
        f"one KPI, {_WINDOWS}, every hour of {28 * MONTHS} d, {ACCOUNTS} accounts, {events:,} JSON lines "
        f"to Parquet; {peaks[MONTHS]:.0f} MB, {peaks[1]:.0f} with a fifth of the time",
    )
    report.rows.append(row)
    report.at_most(f"backtest's memory, {MONTHS} months against one", peaks[MONTHS] / peaks[1], 1.2, "×")
    if (live := report.row(ON_KAFKA)) is not None:
        report.at_most("CPU per million, backtest", row.cpu_per_million, live.cpu_per_million, "s")


def _round(folder: Path, events: int, months: int) -> tuple[Round, float]:
    file = folder / "lines.jsonl"
    with file.open("wb") as lines:
        end_ms = wall_ms() - months * _MONTH_MS
        for month in range(months):
            end_ms += _MONTH_MS
            load = make_load(
                events,
                accounts=ACCOUNTS,
                end_ms=end_ms,
                span_ms=_MONTH_MS,
                seed=month,
                first_id=month * events,
            )
            lines.writelines(line + b"\n" for line in load.lines)
    config = write_config(folder, "backtest", settings_data(ACCOUNTS, f"sqlite:///{folder}/none.db"))
    options = ["--kpis", "interactions_per_potential", "--windows", _WINDOWS, "--step", "1h"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "resonanz_streams", "backtest", str(file), *options),
            *("--out", str(folder / "kpis.parquet"), "--config", str(config)),
        ],
        stderr=subprocess.DEVNULL,
    )
    pid, peak = 0, 0.0
    while not pid:
        peak = max(peak, _peak_mb(process.pid))
        time.sleep(_LOOK_SECONDS)
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "the back-test failed"
    seconds = time.perf_counter() - started
    return Round(events * months, seconds, usage.ru_utime + usage.ru_stime), peak


def _peak_mb(process: int) -> float:
    # Not the resource usage's: a child begins there with what its parent takes.
    found = _PEAK.search(Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1024 if found else 0.0
