"""Files in and out: replay, backtest."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from resonanz_streams.catalogue import kpis_by_id
from resonanz_streams.commands import options
from resonanz_streams.kpis.base import WINDOWS

Command = TypeVar("Command", bound=Callable[..., Any])
KINDS = ("like", "comment", "share", "post", "audience")
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_LONGEST_MS = 3660 * _UNITS_MS["d"]


class Duration(click.ParamType):
    """A number and a unit, such as 5m; the value is in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds."""
        found = _DURATION.fullmatch(str(value))
        milliseconds = int(found[1]) * _UNITS_MS[found[2]] if found else 0
        if not 0 < milliseconds <= _LONGEST_MS:
            self.fail("write a number and a unit of s, m, h or d, such as 5m; at most 3660d", param, ctx)
        return milliseconds


class Pace(click.ParamType):
    """How much faster than it went, or max."""

    name = "N|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """A number above 0, or ``max``."""
        try:
            speed = float(value) if value != "max" else 1.0
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail("write a number above 0, or max", param, ctx)
        return "max" if value == "max" else speed


class Mapping(click.ParamType):
    """field=column."""

    name = "field=column"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """(field, column)."""
        if isinstance(value, tuple):
            return value
        field, equals, column = str(value).partition("=")
        if not (field and equals and column):
            self.fail(f"{value!r} is no pair; write field=column, such as at_ms=created_at", param, ctx)
        return field, column


def reading(command: Command) -> Command:
    """The arguments that say which files and how to read them."""
    for decorate in (
        click.option("--account", help="For rows that name none."),
        click.option("--kind", type=click.Choice(KINDS), help="For rows that name none."),
        click.option(
            "--map", "mapping", type=Mapping(), multiple=True, help="A field's column; may be repeated."
        ),
        click.argument(
            "files",
            nargs=-1,
            required=True,
            metavar="FILE…",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
        ),
    ):
        command = decorate(command)
    return command


@click.command()
@reading
@click.option("--speed", type=Pace(), default="max", show_default=True, help="Times as fast as it went.")
@click.option("--shift-to-now", is_flag=True, help="Move all times so that the newest is now.")
@click.option(
    "--list-accounts", is_flag=True, help="Only print the files' accounts, as the configuration wants them."
)
@options.config
def replay(
    *,
    files: tuple[Path, ...],
    mapping: tuple[tuple[str, str], ...],
    kind: str | None,
    account: str | None,
    speed: Any,
    shift_to_now: bool,
    list_accounts: bool,
    config_path: Path,
) -> None:
    """Publish the events of CSV, TSV, JSON Lines or Parquet files (also .gz).

    The same command goes on where it was stopped.
    """
    from resonanz_connectors import replay_command

    if list_accounts:
        found = replay_command.list_accounts(files, mapping=dict(mapping), kind=kind, account=account)
        click.echo(found, nl=False)
        return
    options.log_as("replay")
    settings, registry = options.load(config_path)
    replay_command.run_replay(
        settings,
        registry,
        files,
        mapping=dict(mapping),
        kind=kind,
        account=account,
        speed=speed,
        shift_to_now=shift_to_now,
    )


class Instant(click.ParamType):
    """A date or a date and time (UTC unless it says otherwise); the value is epoch milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch milliseconds."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("write a time such as 2026-05-01 or 2026-05-01T10:00+02:00", param, ctx)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


class Names(click.ParamType):
    """Names separated by commas, each one of what ``known`` gives (nothing: any)."""

    name = "name,…"

    def __init__(self, known: Callable[[], Collection[str]] = tuple) -> None:
        self._known = known

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """A tuple of names."""
        names = tuple(name.strip() for name in str(value).split(",") if name.strip())
        known = self._known()
        if known and (unknown := [name for name in names if name not in known]):
            self.fail(f"{unknown[0]!r} is not known; write some of {', '.join(known)}", param, ctx)
        return names


@click.command()
@reading
@click.option("--step", "step_ms", type=Duration(), default="1h", show_default=True, help="From row to row.")
@click.option("--from", "from_ms", type=Instant(), help="The first instant.")
@click.option("--to", "to_ms", type=Instant(), help="The last instant at most.")
@click.option("--kpis", type=Names(kpis_by_id), help="Only these.")
@click.option("--windows", type=Names(lambda: WINDOWS), help="Only these.")
@click.option("--accounts", type=Names(), help="Only these.")
@click.option("--dense", is_flag=True, help="Also rows whose value is null or 0.")
@click.option("--arrival", is_flag=True, help="Know each event from when it was seen, not from when it was.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write: .parquet, .csv or .jsonl.",
)
@options.config
def backtest(
    *, files: tuple[Path, ...], mapping: tuple[tuple[str, str], ...], config_path: Path, **wanted: Any
) -> None:
    """What the KPIs were at every step of these files' time. No broker is needed.

    A row at time t holds the window up to t and exactly the operations until then, whatever the order
    in the files. Several files are merged by time.
    """
    from resonanz_streams.backtest import run_backtest
    from resonanz_streams.malloc import collect_seldom

    options.log_as("backtest")
    settings, registry = options.load(config_path)
    collect_seldom()
    run_backtest(settings, registry, files, mapping=dict(mapping), **wanted)


COMMANDS = (replay, backtest)
