"""Looking after what is counted: audit, rebuild, redrive."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from resonanz_streams.audit_report import Report
from resonanz_streams.commands import letters, options
from resonanz_streams.reach import told
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings

_EXAMPLES = 50


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of records, where a person looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.completed:,.0f} records"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)


@click.command()
@click.argument("account", required=False)
@options.as_json
@options.config
def audit(account: str | None, json_wanted: bool, config_path: Path) -> int:
    """Count everything, or ACCOUNT, once more from the log and compare it with what is live.

    What differs is listed, with the records it comes from; the exit code is then 1, as it is where there is
    nothing to compare with the log. Workers go on meanwhile.
    """
    options.log_as("audit")
    settings, registry = options.load(config_path)
    if account is not None:
        options.known_account(registry, account)
    report = asyncio.run(_audited(settings, registry, account))
    if json_wanted:
        options.print_json(report.document())
    else:
        _print_report(report)
    return 1 if report.wrong else 0


async def _audited(settings: Settings, registry: Registry, account: str | None) -> Report:
    from resonanz_streams.audit import audit as recount
    from resonanz_streams.transports.brokers import open_archive

    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        with _bar("Counting") as progress:
            return await recount(settings, registry, archive, account=account, progress=progress)
    finally:
        await archive.close()


def _print_report(report: Report) -> None:
    if report.differences:
        shown = report.differences[:_EXAMPLES]
        options.print_table(
            ("account", "in", "window", "figure", "live", "recomputed", "as of", "records"),
            [
                (
                    one.account,
                    one.source,
                    one.window,
                    one.figure,
                    _cell(one.live),
                    _cell(one.recomputed),
                    told(one.at_ms),
                    one.where,
                )
                for one in shown
            ],
            right=("live", "recomputed"),
        )
        if report.differ > len(shown):
            click.echo(f"… and {report.differ - len(shown):,} more; all of them with --json.", err=True)
    for what, why in report.missing.items():
        click.echo(f"The {what} {why}.", err=True)
    for (source, window, reason), accounts in report.unchecked.items():
        click.echo(f"Not checkable: {window} in the {source} of {accounts:,} accounts: {reason}.", err=True)
    if report.refused:
        click.echo(
            f"{report.refused:,} lines were dead letters when they were read and would count today; "
            "they are published again by: resonanz redrive",
            err=True,
        )
    _print_rules(report)
    click.echo(report.summary())
    if any(one.source == "state" for one in report.differences):
        click.echo("Stop the workers, then count anew from the log with: resonanz rebuild", err=True)


def _print_rules(report: Report) -> None:
    """What of the differences may come from the configuration alone."""
    since = {one.account: one.rules_since_ms for one in report.differences if one.rules_since_ms is not None}
    if since:
        click.echo(
            f"Of {len(since):,} of these accounts the client's own actors, topics, venues or flags were "
            f"others until {told(max(since.values()))}. What was read by then was counted by those, and "
            "stays so: that alone may be the difference. By today's all of it is counted by: "
            "resonanz rebuild",
            err=True,
        )
    if report.outdated:
        click.echo(
            "The state does not know today's own actors, topics, venues or flags of "
            f"{len(report.outdated):,} clients: a running worker takes them over within seconds, or says "
            "why not.",
            err=True,
        )


def _cell(value: float | str | None) -> str:
    return "absent" if value is None else value if isinstance(value, str) else f"{value:,.10g}"


@click.command()
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Also if the log no longer holds all that the windows were counted from.",
)
@options.as_json
@options.config
def rebuild(accept_loss: bool, json_wanted: bool, config_path: Path) -> None:
    """Throw the state away and count everything anew from the log, up to where the state had ended.

    All workers must be stopped. Killed at any moment, each partition has its old state or the new one.
    """
    from resonanz_streams.rebuild import rebuild as count_anew

    options.log_as("rebuild")
    settings, registry = options.load(config_path)
    with _bar("Counting") as progress:
        done = asyncio.run(count_anew(settings, registry, accept_loss=accept_loss, progress=progress))
    if json_wanted:
        options.print_json(dataclasses.asdict(done))
        return
    click.echo(f"{done.partitions:,} partitions counted anew from {done.records:,} records.")
    if done.windows:
        click.echo(f"Not complete, for the log is not: {', '.join(done.windows)}.", err=True)
    click.echo("A worker goes on from there: resonanz worker", err=True)


COMMANDS = (audit, rebuild, *letters.COMMANDS)
