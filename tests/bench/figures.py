"""What was measured, as medians of several rounds, and the tables that say it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

HEADINGS: Final = ("", "events/s", "CPU s per million", "")


class Round(msgspec.Struct, frozen=True):
    """Wall-clock and CPU seconds for so many events, of which ``counted`` were not dropped."""

    events: int
    seconds: float
    cpu_seconds: float
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The median of some rounds. Without rounds, ``note`` says everything."""

    name: str
    rounds: Sequence[Round] = ()
    note: str = ""

    @property
    def per_second(self) -> float:
        """Events a second."""
        return median(one.events / one.seconds for one in self.rounds)

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds for a million events, of the whole process."""
        return median(one.cpu_seconds / one.events for one in self.rounds) * 1e6

    @property
    def dropped(self) -> int:
        """The most events that a round lost."""
        return max(one.events - (one.events if one.counted is None else one.counted) for one in self.rounds)

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        if not self.rounds:
            return self.name, "", "", self.note
        note = f"{self.note}; dropped {self.dropped:,} events" if self.dropped else self.note
        return self.name, f"{self.per_second:,.0f}", f"{self.cpu_per_million:.2f}", note


@dataclass(frozen=True, slots=True)
class Target:
    """A figure beside what it should be."""

    name: str
    figure: str
    wanted: str
    holds: bool


@dataclass(slots=True)
class Report:
    """Everything that a run found, in the order in which it is shown."""

    title: str
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, name: str) -> Row | None:
        """The row of this name, if it was measured."""
        return next((row for row in self.rows if row.name == name and row.rounds), None)

    def compare(self, name: str, faster: str, slower: str, least: float) -> None:
        """Add the ratio of two rows' events a second as a target, and that of their CPU time, which hangs
        less on what else the machine does; if both were measured."""
        upper, lower = self.row(faster), self.row(slower)
        if upper is not None and lower is not None:
            ratio = upper.per_second / lower.per_second
            cpu = lower.cpu_per_million / upper.cpu_per_million
            figure = f"{ratio:.2f}× (CPU {cpu:.2f}×)"
            self.targets.append(Target(name, figure, f"≥ {least:g}×", ratio >= least))

    def at_most(self, name: str, figure: float, limit: float, unit: str) -> None:
        """Add a figure that should not exceed ``limit``."""
        shown = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
        self.targets.append(Target(name, f"{shown} {unit}", f"≤ {limit:g} {unit}", figure <= limit))

    def show(self, console: Console) -> None:
        """Print it for a person."""
        table = Table(*HEADINGS, title=self.title)
        for column in table.columns[1:3]:
            column.justify = "right"
        for row in self.rows:
            table.add_row(*row.cells())
        console.print(table)
        if self.targets:
            verdicts = Table("", "measured", "target", "", title="Targets")
            for target in self.targets:
                verdict = "[green]holds" if target.holds else "[red]missed"
                verdicts.add_row(target.name, target.figure, target.wanted, verdict)
            console.print(verdicts)
        for note in self.notes:
            console.print(note)

    def markdown(self) -> str:
        """The same as Markdown."""
        return "\n".join(self._markdown()) + "\n"

    def _markdown(self) -> Iterator[str]:
        yield f"{self.title}\n"
        yield "| | events/s | CPU s per million | |"
        yield "|---|---:|---:|---|"
        for row in self.rows:
            yield f"| {' | '.join(row.cells())} |"
        if self.targets:
            yield "\n| | measured | target | |"
            yield "|---|---:|---:|---|"
            for target in self.targets:
                verdict = "holds" if target.holds else "**missed**"
                yield f"| {target.name} | {target.figure} | {target.wanted} | {verdict} |"
        for note in self.notes:
            yield f"\n{note}"


@contextmanager
def measured(events: int) -> Iterator[Callable[[], Round]]:
    """Measures the block in this process; afterwards the given function returns it."""
    found: list[Round] = []
    seconds, cpu_seconds = time.perf_counter(), time.process_time()
    yield lambda: found[0]
    found.append(Round(events, time.perf_counter() - seconds, time.process_time() - cpu_seconds))
