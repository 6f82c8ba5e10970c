"""The tables of exported series in KPIS.md, from the code; ``python -m tests.docs.exported`` writes them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from resonanz_streams.authentic import is_authentic, parts_of
from resonanz_streams.exposition import (
    DEFAULT_SERIES,
    Series,
    coverage_windows,
    labels_of,
    metric_name,
    series_of,
)
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WINDOWS, Kpi
from tests.bench.readme import with_block
from tests.docs.other_series import Other, of_clients, of_worker

PAGE: Final = Path(__file__).parents[2] / "KPIS.md"
HINT: Final = "write them anew with: make docs"
BY_DEFAULT: Final = "by default"
BY_EXPORT: Final = "by `export:`"
_WINDOW: Final = "<window>"


@dataclass(frozen=True, slots=True)
class Row:
    """One or more metrics, whose names hold each of the windows. ``labels``: beside those of the account."""

    metrics: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str
    windows: tuple[str, ...]
    exported: str

    def names(self) -> set[str]:
        """Of every metric."""
        return {metric.replace(_WINDOW, window) for metric in self.metrics for window in self.windows}

    def markdown(self) -> str:
        """A line of the table."""
        first, *edges = self.metrics
        short = [f"…{edge.removeprefix(first)}" for edge in edges]
        cells = (
            _quoted([first, *short]),
            _quoted(self.labels),
            self.unit,
            _quoted(self.windows),
            self.exported,
        )
        return f"| {' | '.join(cells)} |"


def rows() -> Iterator[Row]:
    """All that an account of a worker has, in the KPIs' order."""
    for kpi in KPIS:
        if kpi.api_only:
            continue
        # What is exported by default may have more parts and bounds where it is asked for.
        asked = [one for one in series_of({kpi.id: kpi.windows}) if one.kpi == kpi.id]
        both = dict.fromkeys((*DEFAULT_SERIES, *map(_without_authentic, asked)))
        every = [one for one in both if one.kpi == kpi.id]
        every.sort(key=lambda one: (one not in DEFAULT_SERIES, len(one.parts or ())))
        for (is_added, _, _), some in groupby(every, _kind):
            yield _row(kpi, list(some), BY_EXPORT if is_added else BY_DEFAULT)
        if authentic := [one for one in asked if True in one.names()]:
            parts = tuple(parts_of(kpi)) if authentic[0].parts is None else authentic[0].parts
            only = [replace(one, parts=tuple(filter(is_authentic, parts))) for one in authentic]
            yield _row(kpi, only, BY_EXPORT, authentic=True)
    of_coverage = (f"resonanz_coverage_{_WINDOW}_ratio",)
    yield Row(of_coverage, (), "ratio", coverage_windows(DEFAULT_SERIES), BY_DEFAULT)
    others = tuple(window for window in WINDOWS if window not in coverage_windows(DEFAULT_SERIES))
    yield Row(of_coverage, (), "ratio", others, f"with a window that {BY_EXPORT.removeprefix('by ')} adds")
    yield Row(("resonanz_account_info",), ("handle",), "", (), BY_DEFAULT)


def _kind(series: Series) -> tuple[bool, tuple[str | None, ...] | None, bool]:
    return series not in DEFAULT_SERIES, series.parts, series.intervals


def _without_authentic(series: Series) -> Series:
    parts = series.parts
    return replace(series, parts=parts and tuple(part for part in parts if not is_authentic(part)))


def _row(kpi: Kpi, some: Sequence[Series], exported: str, *, authentic: bool = False) -> Row:
    edges = ("", "_lo", "_hi") if some[0].intervals else ("",)
    parts = tuple(kpi.parts) if some[0].parts is None else some[0].parts
    return Row(
        tuple(metric_name(kpi, _WINDOW, authentic=authentic) + edge for edge in edges),
        tuple(dict.fromkeys(name for part in parts if part is not None for name, _ in labels_of(part))),
        kpi.unit or "number",
        tuple(sorted((one.window for one in some), key=WINDOWS.index)),
        exported,
    )


def _quoted(words: Sequence[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def of_accounts() -> str:
    """The table of what an account has."""
    most = sum(one.most() for one in DEFAULT_SERIES) + len(coverage_windows(DEFAULT_SERIES))
    lines = (
        f"By default an account has at most {most} series, and `resonanz_account_info`.",
        "",
        "| metric | labels | unit | windows | exported |",
        "|---|---|---|---|---|",
        *(row.markdown() for row in rows()),
    )
    return "\n".join(lines) + "\n"


def of_others(others: Iterable[Other]) -> str:
    """A table of what is no KPI of an account."""
    lines = ("| metric | labels | |", "|---|---|---|", *(one.markdown() for one in others))
    return "\n".join(lines) + "\n"


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "account series": of_accounts,
    "worker series": lambda: of_others(of_worker()),
    "client series": lambda: of_others(of_clients()),
}
"""By the name of their marks."""


def written() -> str:
    """KPIS.md with the tables that the code gives now."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        text = with_block(text, name, table())
    return text


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
