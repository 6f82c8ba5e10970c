"""Questions about figures: query, kpis."""

import asyncio
import csv
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from resonanz_streams.catalogue import known_kpis, kpis_by_id
from resonanz_streams.commands import options
from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.explanation import Explained, as_weighed, explained, number
from resonanz_streams.kpis.base import WHY, WINDOWS, Kpi
from resonanz_streams.settings import Settings

PARTIAL: Final = 0.95
_COLUMNS: Final = (
    "at_ms",
    "client",
    "platform",
    "account",
    *(field for field in KpiEntry.__struct_fields__),
)
_UNITS: Final = {"per_minute": " per minute", "per_1000": " per 1,000", "ratio": "", "seconds": " s", "": ""}


@click.command()
@click.argument("account")
@click.option("--window", type=click.Choice(WINDOWS), help="Only this window.")
@click.option("--explain", metavar="KPI", help="How this KPI came about, to check it by hand.")
@click.option(
    "--format", "form", type=click.Choice(("table", "json", "csv")), default="table", show_default=True
)
@options.as_json
@options.config
def query(
    *,
    account: str,
    window: str | None,
    explain: str | None,
    form: str,
    json_wanted: bool,
    config_path: Path,
) -> None:
    """The current KPIs of ACCOUNT, each with its interval, coverage and, where absent, the reason."""
    from resonanz_streams.current import latest_snapshots

    options.log_as("query")
    settings, registry = options.load(config_path)
    options.known_account(registry, account)
    form = "json" if json_wanted else form
    asked = None if explain is None else _explainable(settings, explain, window, form)
    snapshots = asyncio.run(latest_snapshots(settings, account))
    if not snapshots:
        raise StopError(f"nothing is known of {account} yet; is a worker running? Start: resonanz worker")
    if asked is not None:
        weights = registry.clients[registry.accounts[account].client].weights
        _explain(as_weighed(asked, weights), snapshots, window, form)
        return
    for snapshot in snapshots:
        snapshot.kpis = [entry for entry in snapshot.kpis if window in {None, entry.window}]
    if form == "json":
        options.print_json(_rows(snapshots))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rows(snapshots))
    else:
        for snapshot in snapshots:
            if snapshot.kpis:
                _print_snapshot(snapshot)
        _say_why(entry.reason for snapshot in snapshots for entry in snapshot.kpis)


def _rows(snapshots: Sequence[KpiSnapshot]) -> list[dict[str, Any]]:
    return [
        {name: getattr(snapshot, name) for name in _COLUMNS[:4]} | msgspec.structs.asdict(entry)
        for snapshot in snapshots
        for entry in snapshot.kpis
    ]


def _print_snapshot(snapshot: KpiSnapshot) -> None:
    click.echo(f"{snapshot.account}  client {snapshot.client}  as of {_time(snapshot.at_ms)} UTC")
    options.print_table(
        ("KPI", "window", "part", "value", "95 % interval", "from", "coverage", "note"),
        [_line(entry) for entry in snapshot.kpis],
        right=("value", "95 % interval", "from", "coverage"),
    )


def _say_why(reasons: Iterable[str | None]) -> None:
    """Each reason as a sentence, once."""
    for reason in dict.fromkeys(reason for reason in reasons if reason):
        if reason in WHY:
            click.echo(f"{reason}: {WHY[reason]}.", err=True)


def _line(entry: KpiEntry) -> tuple[str, ...]:
    interval = "" if entry.lo is None or entry.hi is None else f"{_number(entry.lo)} to {_number(entry.hi)}"
    counted = _number(entry.numerator)
    if entry.denominator is not None:
        counted += f" / {_number(entry.denominator)}"
    note = entry.reason or ("PARTIAL" if _is_partial(entry.coverage) else "")
    coverage = "" if entry.coverage is None else f"{entry.coverage:.0%}"
    value = "absent" if entry.value is None else _number(entry.value)
    return entry.kpi, entry.window, entry.part or "", value, interval, counted, coverage, note


def _is_partial(coverage: float | None) -> bool:
    return coverage is not None and coverage < PARTIAL


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


# -- one KPI explained -----


def _explainable(settings: Settings, name: str, window: str | None, form: str) -> Kpi:
    """The KPI that is meant.

    Raises:
        ConfigurationError: there is none, it has no such window, or nobody computes it.
    """
    known = kpis_by_id()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise ConfigurationError(
            f"--explain: {name!r} is no KPI; "
            + (f"did you mean {near[0]}?" if near else "resonanz kpis lists them")
        )
    kpi = known[name]
    if window is not None and window not in kpi.windows:
        raise ConfigurationError(f"{name} has no window {window}; write one of {', '.join(kpi.windows)}")
    if settings.kpis != "all" and name not in settings.kpis:
        raise ConfigurationError(f"{name} is not computed: write it under kpis: in the configuration")
    if form == "csv":
        raise ConfigurationError("--explain: cells cannot hold it; leave --format out, or write --json")
    return kpi


def _explain(kpi: Kpi, snapshots: Sequence[KpiSnapshot], window: str | None, form: str) -> None:
    windows, account = [window] if window else kpi.windows, snapshots[0].account
    found = [one for snapshot in snapshots for one in explained(kpi, snapshot, windows)]
    if not found:
        because = (
            "deep KPIs are computed some seconds after a worker's start; ask again soon"
            if kpi.deep and len(snapshots) == 1
            else f"it failed, or this worker does not know it: its log and {_FAILURES} say which"
        )
        raise StopError(f"the newest figures of {account} are without {kpi.id}: {because}")
    if form == "json":
        options.print_json([asdict(one) for one in found])
        return
    click.echo(f"{kpi.id} of {account}, client {found[0].client}")
    click.echo(kpi.help)
    click.echo(f"Formula: {kpi.formula or 'its author gave none'}")
    for one in found:
        heading = one.window if one.part is None else f"{one.window}, {one.part}: {one.means}"
        click.echo(f"\n{options.printable(heading)}")
        for name, text in _lines(one):
            click.echo(f"  {name:<13}{text}")


_FAILURES: Final = "resonanz_kpi_failures_total"


def _lines(one: Explained) -> Iterator[tuple[str, str]]:
    if one.value is None:
        yield "absent", f"{one.why} ({one.reason})"
    else:
        yield "value", f"{number(one.value)}{_UNITS.get(one.unit, '')}"
    if one.put_in:
        yield "numbers", one.put_in
    for name, value, means in (
        ("numerator", one.numerator, one.numerator_is),
        ("denominator", one.denominator, one.denominator_is),
    ):
        if value is not None:
            yield name, f"{number(value)}: {means}" if means else number(value)
    if one.lo is not None and one.hi is not None:
        yield "interval", f"{number(one.lo)} to {number(one.hi)} at 95 %, {one.interval or 'its own'}"
        if one.interval_put_in:
            yield "", one.interval_put_in
    elif one.value is not None:
        yield "interval", f"none: {one.why} ({one.reason})" if one.reason else "none"
    if one.coverage is not None:
        partial = " PARTIAL: the rest of the window nobody watched" if _is_partial(one.coverage) else ""
        yield "coverage", f"{number(100 * one.coverage)} %{partial}"
    since = "" if one.from_ms is None else f"later than {_time(one.from_ms)}, "
    yield "window", f"{since}up to {_time(one.at_ms)} UTC"
    if one.read:
        places = ", ".join(f"{topic} {offset}" for topic, offset in sorted(one.read.items()))
        yield "read", f"the log of its partition up to {places}"


# -- the list -----


@click.command()
@options.as_json
def kpis(json_wanted: bool) -> None:
    """The KPIs that are computed: how, over which windows, and which of them /metrics has."""
    from resonanz_streams.exposition import DEFAULT_SERIES

    by_default = {
        kpi.id: [series.window for series in DEFAULT_SERIES if series.kpi == kpi.id] for kpi in known_kpis()
    }
    if json_wanted:
        options.print_json([_described(kpi, by_default[kpi.id]) for kpi in known_kpis()])
        return
    options.print_table(
        ("KPI", "unit", "windows", "computed", "in /metrics", "formula"),
        [
            (
                kpi.id,
                kpi.unit or "count",
                " ".join(kpi.windows),
                "deep" if kpi.deep else "every tick",
                "no, API only" if kpi.api_only else " ".join(by_default[kpi.id]) or "by export:",
                kpi.formula,
            )
            for kpi in known_kpis()
        ],
    )
    click.echo("deep: from every interaction that stands, some seconds apart; see KPIS.md", err=True)
    click.echo("export: adds further windows, and all parts of a KPI, to /metrics", err=True)


def _described(kpi: Kpi, by_default: Sequence[str]) -> dict[str, Any]:
    return {
        "kpi": kpi.id,
        "group": kpi.group,
        "unit": kpi.unit,
        "help": kpi.help,
        "windows": list(kpi.windows),
        "formula": kpi.formula,
        "numerator": kpi.numerator,
        "denominator": kpi.denominator,
        "interval": kpi.interval,
        "parts": dict(kpi.parts),
        "deep": kpi.deep,
        "exported": list(by_default),
    }


COMMANDS = (query, kpis)
