"""Questions about what is configured and installed: check, topics, connectors."""

import contextlib
from dataclasses import asdict
from pathlib import Path

import click

from resonanz_streams.acls import command_lines, needed_acls
from resonanz_streams.commands import options
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.logs import hide, secrets_of
from resonanz_streams.settings import Settings, load_settings
from resonanz_streams.topics import TOPICS
from resonanz_streams.transports.brokers import open_admin, scheme_of


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
        "exclusions": [one.row() for client in registry.clients.values() for one in client.exclusions],
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
    for client in registry.clients.values():
        for exclusion in client.exclusions:
            click.echo(exclusion.sentence())


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
def connectors(json_wanted: bool) -> None:
    """The connectors that are installed."""
    from resonanz_connectors.runner import list_connectors

    listed = list_connectors()
    if json_wanted:
        options.print_json([{"connector": one.name, "summary": one.summary} for one in listed])
        return
    options.print_table(("connector", ""), [(one.name, one.summary) for one in listed])


COMMANDS = (check, topics, connectors)
