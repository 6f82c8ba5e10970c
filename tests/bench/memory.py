"""What a worker with many accounts takes, idle and with a busy month, and how soon another has it back."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DAY_MS, partition_of
from tests.bench.children import WorkerChild
from tests.bench.figures import Row
from tests.bench.load import PARTITIONS, make_load, settings_data
from tests.bench.logs import ensure_topics, fill_sqlite, write_config
from tests.bench.setting import Setting
from tests.processes import get, samples, wait_until

ACCOUNTS: Final = 10_000
IDLE_ACCOUNTS: Final = 20_000
FEW: Final = 100
SPANS_MS: Final = (28 * DAY_MS, DAY_MS, 3_600_000)
"""A third of the events lies in each, so that no ring of any account stays untouched."""

_PATIENCE_SECONDS: Final = 120.0
_KB: Final = 1024
_MB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """MB of the process once it had counted everything, the peak until then, the same after a restart; then
    once it had computed every KPI, and the peak until then; of a worker with a hundred accounts and with
    IDLE_ACCOUNTS more, without events; the seconds from the first look at the stored state until /readyz
    said so; keys in the ledger and the bytes that it holds."""

    counted_mb: float
    peak_mb: float
    restarted_mb: float
    whole_mb: float
    whole_peak_mb: float
    few_mb: float
    idle_mb: float
    recovery_seconds: float
    keys: float
    ledger_bytes: float

    @property
    def idle_bytes(self) -> float:
        """Of an account without events."""
        return (self.idle_mb - self.few_mb) * _MB / IDLE_ACCOUNTS

    @property
    def busy_bytes(self) -> float:
        """Of an account with a busy month, without what the ledger holds for its events."""
        held = (max(self.counted_mb, self.restarted_mb) - self.few_mb) * _MB - self.ledger_bytes
        return held / ACCOUNTS

    @property
    def key_bytes(self) -> float:
        """Of an event in the ledger."""
        return self.ledger_bytes / self.keys


def measure_memory(setting: Setting) -> None:
    """Rows, targets and constants."""
    setting.say("memory: a busy month, a restart, idle accounts")
    found = measured(setting.folder, setting.scale.memory_events)
    report = setting.report
    report.rows += [
        Row(
            "10,000 accounts with a busy month",
            note=f"{found.counted_mb:.0f} MB after {setting.scale.memory_events:,} events (peak "
            f"{found.peak_mb:.0f}), {found.restarted_mb:.0f} MB after a restart, which took "
            f"{found.recovery_seconds:.2f} s from the stored state to ready; {found.busy_bytes / _KB:.1f} KB "
            f"an account and {found.key_bytes:.1f} B an event in the ledger, at most ledger_max_mb in all",
        ),
        Row(
            "10,000 accounts with the whole catalogue",
            note=f"{found.whole_mb:.0f} MB once all {len(known_kpis())} KPIs were computed (peak "
            f"{found.whole_peak_mb:.0f}), of the same month",
        ),
        Row(
            f"{IDLE_ACCOUNTS:,} idle accounts",
            note=f"{found.idle_bytes / _KB:.2f} KB an account, beside {found.few_mb:.0f} MB of the process",
        ),
    ]
    report.at_most("memory of 10,000 accounts", found.peak_mb, 1024, "MB")
    report.at_most("memory of 10,000 accounts with the whole catalogue", found.whole_peak_mb, 1024, "MB")
    report.at_most("an idle account", found.idle_bytes / _KB, 8, "KB")
    report.at_most("an account with a busy month", found.busy_bytes / _KB, 40, "KB")
    report.at_most("recovery from SQLite", found.recovery_seconds, 3, "s")
    setting.constants |= {
        "process_bytes": found.few_mb * _MB,
        "idle_account_bytes": found.idle_bytes,
        "busy_account_bytes": found.busy_bytes,
        "ledger_bytes_per_event": found.key_bytes,
    }


def measured(folder: Path, events: int) -> Memory:
    """``events`` of 10,000 accounts, counted from a log, then taken over; and workers without any."""
    url, data = _config("memory", ACCOUNTS, folder)
    records = 0
    for number, span_ms in enumerate(SPANS_MS):
        share = events // len(SPANS_MS)
        load = make_load(
            share,
            accounts=ACCOUNTS,
            end_ms=wall_ms(),
            span_ms=span_ms,
            seed=number,
            first_id=number * share,
        )
        records = fill_sqlite(url, load)
    config = write_config(folder, "memory", data)
    with WorkerChild(config, records, folder) as worker:
        worker.wait_for("caught up")
        time.sleep(2.0)  # a tick with nothing to read
        counted, peak = worker.memory_mb()
        keys, held = (_sum(worker, name) for name in ("resonanz_ledger_entries", "resonanz_ledger_bytes"))
        worker.terminate()
    with WorkerChild(config, records, folder) as worker:
        begun = worker.wait_for("recovering")["at_seconds"]
        _wait_ready(worker)
        ready = time.monotonic()
        restarted, _ = worker.memory_mb()
        wait_until(
            lambda: deep_partitions(worker.port) == PARTITIONS, "deep KPIs are computed", _PATIENCE_SECONDS
        )
        time.sleep(2.0)  # in which they are told
        whole, whole_peak = worker.memory_mb()
        worker.terminate()
    few, idle = (_without_events(number, folder) for number in (FEW, FEW + IDLE_ACCOUNTS))
    return Memory(counted, peak, restarted, whole, whole_peak, few, idle, ready - begun, keys, held)


def deep_partitions(port: int) -> int:
    """Of how many partitions the worker's newest deep figures are."""
    found = samples(port, "resonanz_response_rate_24h_ratio") or {}
    return len({partition_of(account, PARTITIONS) for account, *_ in found})


def _without_events(accounts: int, folder: Path) -> float:
    url, data = _config(f"idle-{accounts}", accounts, folder)
    ensure_topics(url)
    with WorkerChild(write_config(folder, f"idle-{accounts}", data), 0, folder) as worker:
        _wait_ready(worker)
        time.sleep(3.0)  # some ticks
        held, _ = worker.memory_mb()
        worker.terminate()
    return held


def _config(name: str, accounts: int, folder: Path) -> tuple[str, dict[str, Any]]:
    url = f"sqlite:///{folder}/{name}.db"
    return url, settings_data(accounts, url)


def _wait_ready(worker: WorkerChild) -> None:
    wait_until(lambda: get(f"http://127.0.0.1:{worker.port}/readyz"), "the worker is ready")


def _sum(worker: WorkerChild, name: str) -> float:
    return sum((samples(worker.port, name) or {}).values())
