"""Questions: query, check, topics, kpis, connectors."""

import asyncio
import contextlib
import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from resonanz_streams.acls import command_lines, needed_acls
from resonanz_streams.catalogue import known_kpis
from resonanz_streams.commands import options
from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.logs import hide, secrets_of
from resonanz_streams.settings import Settings, load_settings
from resonanz_streams.topics import TOPICS
from resonanz_streams.transports.brokers import open_admin, scheme_of

PARTIAL: Final = 0.95
_COLUMNS: Final = (
    "at_ms",
    "client",
    "platform",
    "account",
    *(field for field in KpiEntry.__struct_fields__),
)


@click.command()
@click.argument("account")
@click.option("--window", type=click.Choice(WINDOWS), help="Only this window.")
@click.option(
    "--format", "form", type=click.Choice(("table", "json", "csv")), default="table", show_default=True
)
@options.as_json
@options.config
def query(account: str, window: str | None, form: str, json_wanted: bool, config_path: Path) -> None:
    """The current KPIs of ACCOUNT, each with its interval, coverage and, where absent, the reason."""
    from resonanz_streams.current import latest_snapshots

    options.log_as("query")
    settings, registry = options.load(config_path)
    options.known_account(registry, account)
    snapshots = asyncio.run(latest_snapshots(settings, account))
    if not snapshots:
        raise StopError(f"nothing is known of {account} yet; is a worker running? Start: resonanz worker")
    for snapshot in snapshots:
        snapshot.kpis = [entry for entry in snapshot.kpis if window in {None, entry.window}]
    if json_wanted or form == "json":
        options.print_json(_rows(snapshots))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rows(snapshots))
    else:
        for snapshot in snapshots:
            if snapshot.kpis:
                _print_snapshot(snapshot)


def _rows(snapshots: Sequence[KpiSnapshot]) -> list[dict[str, Any]]:
    return [
        {name: getattr(snapshot, name) for name in _COLUMNS[:4]} | msgspec.structs.asdict(entry)
        for snapshot in snapshots
        for entry in snapshot.kpis
    ]


def _print_snapshot(snapshot: KpiSnapshot) -> None:
    at = datetime.fromtimestamp(snapshot.at_ms / 1000, UTC)
    click.echo(f"{snapshot.account}  client {snapshot.client}  as of {at:%Y-%m-%d %H:%M:%S} UTC")
    options.print_table(
        ("KPI", "window", "part", "value", "95 % interval", "from", "coverage", "note"),
        [_line(entry) for entry in snapshot.kpis],
        right=("value", "95 % interval", "from", "coverage"),
    )


def _line(entry: KpiEntry) -> tuple[str, ...]:
    interval = "" if entry.lo is None or entry.hi is None else f"{_number(entry.lo)} to {_number(entry.hi)}"
    counted = _number(entry.numerator)
    if entry.denominator is not None:
        counted += f" / {_number(entry.denominator)}"
    partial = entry.coverage is not None and entry.coverage < PARTIAL
    note = entry.reason or ("PARTIAL" if partial else "")
    coverage = "" if entry.coverage is None else f"{entry.coverage:.0%}"
    value = "absent" if entry.value is None else _number(entry.value)
    return entry.kpi, entry.window, entry.part or "", value, interval, counted, coverage, note


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


@click.command()
@options.as_json
@options.config
def check(json_wanted: bool, config_path: Path) -> None:
    """Validate the configuration: every mistake with its line and what to write instead."""
    from resonanz_connectors.runner import check_connectors

    settings, registry = options.load(config_path)
    connectors = check_connectors(settings, registry)
    found = {
        "clients": len(registry.clients),
        "accounts": len(registry.accounts),
        "connectors": list(connectors),
        "broker": settings.broker,
    }
    if json_wanted:
        options.print_json(found)
        return
    clients, accounts = _of(len(registry.clients), "client"), _of(len(registry.accounts), "account")
    click.echo(f"{config_path}: right. {clients}, {accounts}, connectors: {', '.join(connectors) or 'none'}.")
    if without := [name for name, client in registry.clients.items() if not client.potential]:
        click.echo(
            f"Without potential, so without interactions_per_potential: {', '.join(without)}.", err=True
        )


def _of(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


@click.command()
@click.option("--create", is_flag=True, help="Make those that are missing.")
@click.option(
    "--acls", "acls_wanted", is_flag=True, help="Only print what each part must be allowed on Apache Kafka."
)
@options.as_json
@options.config
def topics(create: bool, acls_wanted: bool, json_wanted: bool, config_path: Path) -> int:
    """The topics: how each must be set up, and whether it is."""
    # Whoever administers a cluster has none of our secrets, and needs none.
    settings = load_settings(config_path, None)
    hide(secrets_of(settings))
    if acls_wanted:
        _print_acls(settings, json_wanted)
        return 0
    specs = tuple(TOPICS.values())
    with contextlib.closing(open_admin(settings.broker, prefix=settings.topic_prefix)) as admin:
        problems = (admin.ensure if create else admin.check)(specs, settings.partitions)
        rows = [
            {
                "topic": settings.topic_prefix + spec.name,
                "partitions": spec.partitions or settings.partitions,
                "cleanup": spec.cleanup,
                "records": sum(admin.end_offsets(spec.name).values()),
            }
            for spec in specs
        ]
    if json_wanted:
        options.print_json({"topics": rows, "problems": list(problems)})
    else:
        options.print_table(
            ("topic", "partitions", "cleanup", "records"),
            [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row.values()] for row in rows],
            right=("partitions", "records"),
        )
        for problem in problems:
            click.echo(problem, err=True)
    return 1 if problems else 0


def _print_acls(settings: Settings, json_wanted: bool) -> None:
    if scheme_of(settings.broker) != "kafka":
        raise ConfigurationError("broker: only Apache Kafka has ACLs; write kafka://host:9092")
    needed = needed_acls(settings.topic_prefix, settings.group)
    if json_wanted:
        options.print_json([asdict(acl) for acl in needed])
        return
    servers = settings.broker.removeprefix("kafka://").partition("?")[0]
    for line in command_lines(needed, servers):
        click.echo(line)
    click.echo("# Before Kafka 2.8 who writes also needs: --operation IdempotentWrite --cluster")


@click.command()
@options.as_json
def kpis(json_wanted: bool) -> None:
    """The KPIs that are computed."""
    rows = [
        {"kpi": kpi.id, "unit": kpi.unit, "windows": list(kpi.windows), "help": kpi.help}
        for kpi in known_kpis()
    ]
    if json_wanted:
        options.print_json(rows)
        return
    options.print_table(
        ("KPI", "unit", "windows", ""),
        [(kpi.id, kpi.unit or "count", " ".join(kpi.windows), kpi.help) for kpi in known_kpis()],
    )


@click.command()
@options.as_json
def connectors(json_wanted: bool) -> None:
    """The connectors that are installed."""
    from resonanz_connectors.runner import list_connectors

    listed = list_connectors()
    if json_wanted:
        options.print_json([{"connector": one.name, "summary": one.summary} for one in listed])
        return
    options.print_table(("connector", ""), [(one.name, one.summary) for one in listed])


COMMANDS = (query, check, topics, kpis, connectors)
