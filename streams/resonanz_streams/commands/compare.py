"""Two periods side by side: compare."""

import csv
import sys
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

import click

from resonanz_streams.commands import options
from resonanz_streams.commands.files import Duration, Instant, Names
from resonanz_streams.comparison import Compared
from resonanz_streams.kpis.base import WINDOWS


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.parquet")
@click.option(
    "--window", type=click.Choice(WINDOWS), default="7d", show_default=True, help="How long both are."
)
@click.option("--at", "at_ms", type=Instant(), help="When the later one ends; the file's last instant.")
@click.option(
    "--against",
    "back_ms",
    type=Duration(),
    required=True,
    help="How much earlier the other one ends, such as 364d.",
)
@click.option("--accounts", type=Names(), default="", help="Only these.")
@click.option(
    "--format", "form", type=click.Choice(("table", "json", "csv")), default="table", show_default=True
)
@options.as_json
def compare(
    *,
    file: Path,
    window: str,
    at_ms: int | None,
    back_ms: int,
    accounts: tuple[str, ...],
    form: str,
    json_wanted: bool,
) -> None:
    """Interactions of two periods from the output of a back-test: their ratio, with its exact interval and
    p-value.

    Write the file with --dense, else it tells no count of 0. 364d keeps the day of the week.
    """
    from resonanz_streams import comparison

    found = comparison.compare(file, window, at_ms=at_ms, back_ms=back_ms, accounts=accounts)
    if json_wanted or form == "json":
        options.print_json([asdict(one) for one in found])
    elif form == "csv":
        names = [field.name for field in fields(Compared)]
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in found)
    else:
        _print(found, window)


def _print(found: list[Compared], window: str) -> None:
    at, against = (
        datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (found[0].at_ms, found[0].against_ms)
    )
    click.echo(
        f"interactions over {window} until {at:%Y-%m-%d %H:%M} UTC against {against:%Y-%m-%d %H:%M} UTC"
    )
    options.print_table(
        ("account", "part", "now", "before", "change", "95 % interval", "p", "coverage", "note"),
        [_line(one) for one in found],
        right=("now", "before", "change", "95 % interval", "p", "coverage"),
    )


def _line(one: Compared) -> tuple[str, ...]:
    return (
        one.account,
        one.part or "",
        "" if one.numerator is None else f"{one.numerator:,}",
        "" if one.denominator is None else f"{one.denominator:,}",
        "absent" if one.value is None else f"{one.value:.3g}",
        "" if one.lo is None or one.hi is None else f"{one.lo:.3g} to {one.hi:.3g}",
        "" if one.p is None else f"{one.p:.3f}",
        "" if one.coverage is None else f"{one.coverage:.0%}",
        one.reason or "",
    )


COMMANDS = (compare,)
