"""Back-tests for tests: accounts by name, a file of lines, the rows that come out."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console

from resonanz_streams.backtest import Backtested, run_backtest
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings, settings_of

CLOCK_MS = 1_800_000_000_000


def configured(accounts: Sequence[str], **client: Any) -> tuple[Settings, Registry]:
    """All ``accounts`` under one client."""
    clients = {"fleet": {"name": "Fleet", "accounts": list(accounts), **client}}
    settings = settings_of({"ledger_max_mb": 16, "clients": clients})
    return settings, Registry(settings, b"0123456789abcdef")


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def backtest(
    folder: Path,
    names: Sequence[str],
    *files: Path,
    client: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[Backtested, list[dict[str, Any]], str]:
    """Run one with the accounts ``names``; returns what it did, its Parquet rows, what it said."""
    settings, registry = configured(names, **(client or {}))
    console = Console(file=io.StringIO(), width=200, force_terminal=options.pop("terminal", False))
    out = options.pop("out", folder / "kpis.parquet")
    done = run_backtest(
        settings, registry, files, out=out, console=console, clock=lambda: CLOCK_MS, **options
    )
    assert isinstance(console.file, io.StringIO)
    rows = pq.read_table(out).to_pylist() if out.suffix == ".parquet" else []
    return done, rows, console.file.getvalue()


def back_tested(
    settings: Settings, registry: Registry, files: Sequence[Path], out: Path, **options: Any
) -> list[dict[str, Any]]:
    """The Parquet rows of one with these settings; nothing in the files may be odd."""
    console = Console(file=io.StringIO())
    done = run_backtest(
        settings, registry, files, out=out, console=console, clock=lambda: CLOCK_MS, **options
    )
    assert not done.found.dead_letters
    assert not done.found.unknown
    rows: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    return rows
