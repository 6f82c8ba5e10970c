"""``resonanz backtest``: the whole pipeline over files, on a virtual clock, without a broker."""

import difflib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from resonanz_connectors.playback import Reading
from resonanz_connectors.replay_command import unknown_sentence
from resonanz_streams.backtest_intake import DETAILED, OPERATION, SNAPSHOT, Bounds, Found, Intake
from resonanz_streams.backtest_play import Counted, Play
from resonanz_streams.backtest_spool import Spool
from resonanz_streams.backtest_tidy import Tidy, check_out, written
from resonanz_streams.catalogue import kpis_by_id
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.details import Facets
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import AHEAD_MS, Status
from resonanz_streams.kpis.base import WINDOWS, Kpi
from resonanz_streams.net_states import NEVER
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings
from resonanz_streams.windows import old_edge_ms

_FAR: Final = 2**62
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Backtested:
    """``steps``: how many instants; ``rows``: tidy rows in ``out``; ``counted`` up to the last instant.

    ``horizon_cut``: the ledger reached its cap and forgot what some windows still span. ``failed``: how often
    each KPI could not be computed.
    """

    out: Path
    rows: int
    steps: int
    first_ms: int
    last_ms: int
    found: Found
    counted: Counted
    horizon_cut: bool
    failed: Mapping[str, int]

    def sentences(self) -> Iterator[str]:
        """For a person: what was read, counted and written, what was not, and what to do about it."""
        found, counted = self.found, self.counted
        read = f"Read {_number(found.rows, 'row')}: {_number(found.interactions, 'interaction')}"
        yield (
            f"{read}, {_number(found.posts, 'post')}, {_number(found.snapshots, 'follower snapshot')}; "
            f"counted {_number(counted.added, 'addition')}, {_number(counted.removed, 'removal')} and "
            f"{_number(counted.duplicates, 'duplicate')}."
        )
        yield f"Wrote {_number(self.rows, 'row')} at {_number(self.steps, 'instant')} to {self.out}."
        if found.aside:
            yield f"{_number(found.aside, 'row')} of other accounts or times were left aside, as asked."
        if found.dead_letters:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in found.dead_letters.most_common())
            yield (
                f"{_number(found.dead_letters.total(), 'row')} could not be understood ({reasons}); "
                f"the first: {'; '.join(found.examples)}."
            )
        if found.unknown:
            yield unknown_sentence(found.unknown)
        if found.unnamed:
            yield f"{_number(found.unnamed, 'row')} of still more accounts are left out, too."
        for name, times in sorted(self.failed.items()):
            yield f"{name} could not be computed {_number(times, 'time')}: its rows are missing there."
        if self.horizon_cut:
            yield (
                "The ledger reached ledger_max_mb: duplicates and removals of what is older may have been "
                "counted wrongly; raise it and run again."
            )


def run_backtest(
    settings: Settings,
    registry: Registry,
    files: Sequence[Path],
    *,
    step_ms: int,
    out: Path,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    account: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    kpis: Sequence[str] | None = None,
    windows: Sequence[str] | None = None,
    accounts: Sequence[str] | None = None,
    dense: bool = False,
    arrival: bool = False,
    console: Console | None = None,
    clock: Clock = wall_ms,
) -> Backtested:
    """Write the KPIs of ``files`` at every step to ``out`` (.parquet, .csv or .jsonl).

    Instants are ``from_ms`` and every ``step_ms`` after it up to ``to_ms``; without ``from_ms`` the
    multiples of the step since 1970, from the first row of the files; without ``to_ms`` until the first
    instant that holds all rows. ``kpis``, ``windows``, ``accounts``: all that there are, unless given.
    ``arrival``: an operation is known from ``seen_ms`` on instead of ``at_ms``. Of the wall clock only
    this is taken: rows over 10 min ahead of ``clock`` are dead letters. Prints to ``console`` (default:
    standard error), with a progress bar on a terminal.

    Raises:
        ConfigurationError: a file, an option or the accounts are wrong.
        StopError: the output cannot be written.
    """
    console = console or Console(stderr=True)
    chosen, spans = _kpis(kpis), _windows(windows)
    deep = any(kpi.deep for kpi in chosen)
    asked = registry.gathered(_accounts(registry, accounts))
    _check_times(step_ms, from_ms, to_ms)
    check_out(out, files)
    defaults = {name: value for name, value in (("kind", kind), ("account", account)) if value is not None}
    reading = Reading(tuple(files), dict(mapping or {}), defaults, clock() + AHEAD_MS)
    bounds = Bounds(
        -_FAR if from_ms is None else old_edge_ms(WINDOWS[-1] if deep else spans[-1], from_ms),
        _FAR if to_ms is None else to_ms,
    )
    with ExitStack() as stack:
        sink = stack.enter_context(written(out))
        operations, snapshots = (
            Spool(stack.enter_context(tempfile.TemporaryFile(dir=out.parent)), dtype)
            for dtype in (DETAILED if deep else OPERATION, SNAPSHOT)
        )
        bar = stack.enter_context(_bar(console))
        facets = Facets() if deep else None
        intake = Intake(
            registry,
            asked,
            operations,
            snapshots,
            facets,
            bounds=bounds,
            arrival=arrival,
        )
        task = bar.add_task("Reading", total=None)
        found = intake.read(reading, lambda rows: bar.update(task, completed=rows))
        bar.update(task, total=found.rows)
        steps = _steps(found, reading, step_ms, from_ms, to_ms)
        play = Play(asked, operations, snapshots, facets, spans, max_bytes=settings.ledger_max_mb * 2**20)
        play.watched(_statuses(found))
        tidy = Tidy(sink, asked.accounts_of(0), dense=dense)
        counting = bar.add_task("Counting", total=len(steps))
        play.run(steps, chosen, tidy, lambda done: bar.update(counting, completed=done))
        tidy.finish()
    cut = play.measures.ledger.cut_ms != NEVER
    done = Backtested(
        out, tidy.rows, len(steps), steps[0], steps[-1], found, play.counted, cut, play.failures.counts
    )
    for sentence in done.sentences():
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    return done


def _number(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


# -- what was asked for -----


def _kpis(names: Sequence[str] | None) -> Sequence[Kpi]:
    known = kpis_by_id()
    return [known[name] for name in _known("--kpis", "KPI", names, known)]


def _windows(names: Sequence[str] | None) -> Sequence[str]:
    return _known("--windows", "window", names, dict.fromkeys(WINDOWS))


def _accounts(registry: Registry, names: Sequence[str] | None) -> Sequence[str]:
    return _known("--accounts", "configured account", names, registry.accounts)


def _known(option: str, what: str, names: Sequence[str] | None, known: Mapping[str, object]) -> Sequence[str]:
    """The chosen ones in the order of ``known``; all of them if none were given."""
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.4) if len(known) > _FEW else []
            some = ", ".join(near or list(known)[:_FEW]) or "none"
            more = " and others" if len(known) > _FEW else ""
            raise ConfigurationError(f"{option}: {name!r} is no {what}; there are {some}{more}")
    return [name for name in known if not names or name in names]


def _check_times(step_ms: int, from_ms: int | None, to_ms: int | None) -> None:
    if step_ms < 1:
        raise ConfigurationError("--step: write a length of time above 0, such as 5m")
    if from_ms is not None and to_ms is not None and to_ms < from_ms:
        raise ConfigurationError("--to lies before --from; swap them")


def _steps(
    found: Found, reading: Reading, step_ms: int, from_ms: int | None, to_ms: int | None
) -> Sequence[int]:
    """The instants to evaluate."""
    first_ms, last_ms = found.first_ms, found.last_ms
    if first_ms is None or last_ms is None:
        raise ConfigurationError(
            unknown_sentence(found.unknown)
            if found.unknown
            else f"{reading.files[0]}: has no row that can be counted"
            + "".join(f"; {example}" for example in found.examples)
        )
    begin = -(-first_ms // step_ms) * step_ms if from_ms is None else from_ms
    end = begin + max(0, -(-(last_ms - begin) // step_ms)) * step_ms if to_ms is None else to_ms
    if end < begin:
        raise ConfigurationError("--to lies before the first step of the files; write a later time")
    return range(begin, end + 1, step_ms)


def _statuses(found: Found) -> Iterator[Status]:
    """When each account was watched: from the first row of its files to their last, as a replay says it."""
    for name, (first_ms, last_ms) in found.spans.items():
        yield Status(
            connector="file",
            account=name,
            at_ms=last_ms,
            state="ok",
            since_ms=first_ms,
            complete_through_ms=last_ms,
            ended=True,
        )
