"""The long-running parts one by one: worker, wall, connect. Each ends cleanly on SIGTERM and Ctrl-C."""

import asyncio
from pathlib import Path

import click

from resonanz_streams.commands import options
from resonanz_streams.commands.parent import announce, supervised


@click.command()
@options.config
@options.host
@options.port(9464)
@click.option(
    "--instance",
    default="",
    metavar="NAME",
    help="A name that it keeps and no other worker of the group has.  [default: host and port]",
)
@options.log_format
@supervised
def worker(config_path: Path, host: str, port: int, instance: str) -> None:
    """Count: read the topics, keep the state, serve /metrics, /healthz and /readyz."""
    from resonanz_streams.worker import run_worker

    options.log_as("worker")
    reloader = options.reloader(config_path)
    announce(f"/metrics, /healthz and /readyz: {options.address(host, port)}")
    run_worker(
        reloader.settings, reloader.registry, host=host, port=port, instance=instance, reloader=reloader
    )


@click.command()
@options.config
@options.host
@options.port(8080)
@click.option("--worker", "worker_url", metavar="URL", help="Relay this worker's /metrics.")
@options.log_format
@supervised
def wall(config_path: Path, host: str, port: int, worker_url: str | None) -> None:
    """Show: the page, the live stream and the JSON API."""
    from resonanz_dashboards.wall import run_wall

    options.log_as("wall")
    reloader = options.reloader(config_path)
    announce(f"Wall: {options.address(host, port)}")
    run_wall(reloader.settings, reloader.registry, host, port, worker_url, reloader=reloader)


@click.command()
@click.argument("names", nargs=-1, metavar="NAME…")
@options.config
@options.log_format
@supervised
def connect(names: tuple[str, ...], config_path: Path) -> None:
    """Publish: run these connectors, or all that have accounts."""
    from resonanz_connectors.runner import run_connectors

    options.log_as("connect")
    reloader = options.reloader(config_path)
    asyncio.run(run_connectors(reloader.settings, reloader.registry, names, reloader=reloader))


COMMANDS = (worker, wall, connect)
