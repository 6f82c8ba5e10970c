"""The account series of /metrics: Prometheus text written in chunks from cached label strings.

prometheus_client needs 1.1 s for 100,000 gauges with five labels and holds the event loop meanwhile;
lines joined from cached prefixes take a tenth of that, and a chunk at a time lets events flow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from resonanz_streams.authentic import PARTS, is_authentic, parts_of
from resonanz_streams.catalogue import known_kpis, kpis_by_id
from resonanz_streams.deep import DeepFigures
from resonanz_streams.evaluation import Compute, plainly
from resonanz_streams.events import KINDS
from resonanz_streams.kpis.base import AUTHENTIC, DEEP_WINDOWS, Column, Floats, Inputs, Kpi
from resonanz_streams.registry import Account

CHUNK_LINES: Final = 2_000
Sample = tuple[Sequence[str], str, Floats]
"""Labels of each value, what ends all of them, and the values."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is exported of one KPI over one window: these ``parts``, None for the whole; without any, all."""

    kpi: str
    window: str
    parts: tuple[str | None, ...] | None = (None,)
    intervals: bool = False

    def most(self) -> int:
        """How many series of an account there are at most."""
        kpi = kpis_by_id()[self.kpi]
        parts = kpi.most_parts if self.parts is None else len(self.parts)
        if self.parts is None and self.window in DEEP_WINDOWS:
            parts += len(parts_of(kpi))
        return parts * (3 if self.intervals else 1)

    def names(self) -> Mapping[bool, str]:
        """What the metric is called, and, under True, that of its authentic parts if it may have any: added
        up over one name, they would count once more what is in the figure already."""
        kpi = kpis_by_id()[self.kpi]
        told = parts_of(kpi) if self.parts is None else [part for part in self.parts if is_authentic(part)]
        both = (False, True) if told and self.window in DEEP_WINDOWS else (False,)
        return {authentic: metric_name(kpi, self.window, authentic=authentic) for authentic in both}

    def takes(self, column: Column) -> bool:
        """Whether it is of these parts. Without a part, a column of some accounts is no whole."""
        if self.parts is None:
            return True
        return column.part in self.parts and (column.rows is None or column.part is not None)


DEFAULT_SERIES: Final[tuple[Series, ...]] = (
    Series("interactions", "5m", KINDS),
    Series("interactions", "1h", KINDS),
    Series("interactions", "24h", KINDS),
    Series("velocity", "5m"),
    Series("engagement_rate_by_followers", "24h", intervals=True),
    Series("interactions_per_potential", "24h", intervals=True),
    Series("response_rate", "24h"),
)


def series_of(export: Mapping[str, Sequence[str]], kpis: Sequence[Kpi] | None = None) -> tuple[Series, ...]:
    """The default list and what the configuration's ``export`` adds to it, of these KPIs (None: all)."""
    chosen = {(series.kpi, series.window): series for series in DEFAULT_SERIES}
    for kpi, windows in export.items():
        by_kind = kpi == "interactions"
        for window in windows:
            intervals = not by_kind and bool(kpis_by_id()[kpi].interval)
            parts = _kinds(window) if by_kind else None
            chosen[kpi, window] = Series(kpi, window, parts, intervals=intervals)
    known = {kpi.id for kpi in (known_kpis() if kpis is None else kpis)}
    return tuple(series for series in chosen.values() if series.kpi in known)


def _kinds(window: str) -> tuple[str, ...]:
    return (*KINDS, *PARTS[1:]) if window in DEEP_WINDOWS else KINDS


def coverage_windows(series: Sequence[Series]) -> tuple[str, ...]:
    """The windows whose coverage is exported: 24 h, and those of what was added to the default list."""
    return tuple(dict.fromkeys(("24h", *(one.window for one in series if one not in DEFAULT_SERIES))))


def metric_name(kpi: Kpi, window: str, *, authentic: bool = False) -> str:
    """``resonanz_<kpi>[_authentic]_<window>[_<unit>]``."""
    name = f"{kpi.id}_{AUTHENTIC}" if authentic else kpi.id
    return f"resonanz_{name}_{window}" + (f"_{kpi.unit}" if kpi.unit else "")


def escape(value: str) -> str:
    """A label value as the text format wants it."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def label_prefix(account: Account) -> str:
    """The labels that every series of an account carries, without the closing brace."""
    return (
        f'{{client="{escape(account.client)}",platform="{escape(account.platform)}",'
        f'account="{escape(account.id)}"'
    )


@dataclass(frozen=True, slots=True)
class Block:
    """The accounts of one engine that are exported: their rows, cached labels, inputs and deep figures."""

    inputs: Inputs
    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    labels: Sequence[str]
    deep: DeepFigures | None = None
    compute: Compute = plainly

    def columns(self, kpi: Kpi, window: str) -> Sequence[Column]:
        """None of a deep KPI, nor authentic parts, before they were computed."""
        deep = () if self.deep is None else self.deep.of(kpi.id, window)
        return deep if kpi.deep else [*self.compute(kpi, self.inputs, window), *deep]

    def samples(self, column: Column, values: Floats) -> Sample:
        """The values of a column, each with the labels of its account and part."""
        if column.rows is None:
            return self.labels, _suffix(column.part), values[self.rows]
        place = dict(zip(self.rows.tolist(), self.labels, strict=True))
        found = [
            (place[row] + part_label(part), value)
            for row, part, value in zip(column.rows.tolist(), column.parts, values.tolist(), strict=True)
            if row in place
        ]
        return [label for label, _ in found], _suffix(None), np.array([value for _, value in found])


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its head lines, and per block the values (NaN is not exported) with a label suffix."""

    name: str
    help: str
    samples: Sequence[Sample]
    type: Literal["gauge", "counter"] = "gauge"


def families(blocks: Sequence[Block], series: Sequence[Series]) -> Iterator[Family]:
    """Compute every exported metric once, as of the blocks' inputs.

    The values are copies: a scrape that takes long shows one moment.
    """
    for wanted in series:
        kpi, names = kpis_by_id()[wanted.kpi], wanted.names()
        edges = ("", "_lo", "_hi") if wanted.intervals else ("",)
        chosen: dict[str, list[Sample]] = {name + edge: [] for name in names.values() for edge in edges}
        for block in blocks:
            for column in block.columns(kpi, wanted.window):
                if wanted.takes(column):
                    name = names[is_authentic(column.part)]
                    for metric, values in _values(name, column, intervals=wanted.intervals):
                        chosen[metric].append(block.samples(column, values))
        for metric, samples in chosen.items():
            edge = {"_lo": ", lower end of the 95 % interval", "_hi": ", upper end of the 95 % interval"}
            which = " Without what is suspect or excluded." if metric.startswith(names.get(True, "-")) else ""
            help_text = f"{kpi.help}{which} Last {wanted.window}{edge.get(metric[-3:], '')}."
            yield Family(metric, help_text, samples)
    for window in coverage_windows(series):
        yield Family(
            f"resonanz_coverage_{window}_ratio",
            f"Share of the last {window} that was watched completely; below 0.95 every value is partial.",
            [(block.labels, "} ", block.inputs.coverage[window][block.rows]) for block in blocks],
        )


def labels_of(part: str) -> Sequence[tuple[str, str]]:
    """A part as labels, each a name (``kind``, ``topic``, ``venue``, ``hour`` …, or ``part``) and a value.
    That one is authentic the metric's name says."""
    name, colon, value = part.partition(":")
    if name == AUTHENTIC:
        return labels_of(value) if colon else ()
    if colon:
        return ((name, value),)
    return (("kind" if part in KINDS else "part", part),)


def part_label(part: str | None) -> str:
    """A part as it stands behind other labels, or nothing."""
    labels = () if part is None else labels_of(part)
    return "".join(f',{name}="{escape(value)}"' for name, value in labels)


def _suffix(part: str | None) -> str:
    return part_label(part) + "} "


def _values(name: str, column: Column, *, intervals: bool) -> Iterator[tuple[str, Floats]]:
    yield name, column.value
    if intervals:
        yield f"{name}_lo", column.lo
        yield f"{name}_hi", column.hi


def chunks(exported: Iterable[Family]) -> Iterator[bytes]:
    """The text format, at most ``CHUNK_LINES`` lines at a time; samples that are NaN are left out."""
    for family in exported:
        head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.type}\n"
        for labels, suffix, values in family.samples:
            for start in range(0, len(labels), CHUNK_LINES):
                part = values[start : start + CHUNK_LINES]
                lines = [
                    f"{family.name}{label}{suffix}{value!r}\n"
                    for label, value in zip(labels[start : start + CHUNK_LINES], part.tolist(), strict=True)
                    if value == value  # noqa: PLR0124  # NaN is the only value that differs from itself
                ]
                yield (head + "".join(lines)).encode()
                head = ""
        if head:
            yield head.encode()


def sample_count(exported: Iterable[Family]) -> int:
    """How many samples the families hold."""
    return sum(
        int(np.count_nonzero(~np.isnan(values))) for family in exported for _, _, values in family.samples
    )
