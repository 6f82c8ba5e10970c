"""All in one on this machine: connectors, worker and wall under one roof."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from resonanz_streams.arrangement import Wanted, arrange
from resonanz_streams.commands import options
from resonanz_streams.commands.files import KINDS, Mapping
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.logs import is_json, say
from resonanz_streams.registry import Registry
from resonanz_streams.reload import Reloader
from resonanz_streams.settings import DEFAULT_PATH, Settings
from resonanz_streams.supervisor import Part, Supervisor

DEMO_FOLDER: Final = Path("resonanz-demo")


@click.command()
@click.option("--demo", is_flag=True, help="A simulated agency.")
@click.option(
    "--bluesky", multiple=True, metavar="HANDLE", help="Watch a real Bluesky account; may be repeated."
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Show the events of a CSV, TSV, JSON Lines or Parquet file as if they ended now.",
)
@click.option("--map", "mapping", type=Mapping(), multiple=True, help="A field's column in the files.")
@click.option("--kind", type=click.Choice(KINDS), help="For rows of the files that name none.")
@click.option("--account", help="For rows of the files that name none.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEMO_FOLDER,
    show_default=True,
    help="Where --demo, --bluesky and --file keep configuration and database.",
)
@click.option("--config", "config_path", type=click.Path(path_type=Path), help=f"[default: {DEFAULT_PATH}]")
@options.host
@options.port(8080)
@options.log_format
def up(
    *,
    demo: bool,
    bluesky: tuple[str, ...],
    files: tuple[Path, ...],
    folder: Path,
    config_path: Path | None,
    host: str,
    port: int,
    **reading: Any,
) -> int:
    """Everything on this machine: connectors, worker, wall and /metrics. Ctrl-C ends it.

    \b
    resonanz up --demo                          a simulated agency
    resonanz up --demo --bluesky bsky.app       and a real account beside it
    resonanz up --file likes.csv                a file of your own
    resonanz up                                 what resonanz.yaml says
    """
    options.log_as("up")
    if demo or bluesky or files:
        if config_path is not None:
            raise click.UsageError(
                "--config says it all; leave out --demo, --bluesky and --file, or --config"
            )
        config_path = arrange(_wanted(demo, bluesky, files, reading), folder)
    path = config_path or DEFAULT_PATH
    reloader = options.reloader(path)
    parts = _parts(reloader.settings, reloader.registry, path, host, port)
    return asyncio.run(_supervise(parts, _addresses(host, port, path), reloader))


def _wanted(demo: bool, bluesky: tuple[str, ...], files: tuple[Path, ...], reading: dict[str, Any]) -> Wanted:
    from resonanz_connectors.replay_command import accounts_in

    mapping = dict(reading["mapping"])
    defaults = {name: reading[name] for name in ("kind", "account") if reading[name]}
    found = accounts_in(files, mapping=mapping, **defaults) if files else []
    if files and not found:
        raise ConfigurationError(f"{files[0]}: has no row that can be shown")
    return Wanted(
        demo=demo,
        bluesky=bluesky,
        files=[file.resolve() for file in files],
        file_accounts=found,
        mapping=mapping,
        defaults=defaults,
    )


def _parts(settings: Settings, registry: Registry, path: Path, host: str, port: int) -> list[Part]:
    from resonanz_connectors.runner import check_connectors

    connectors = check_connectors(settings, registry)
    _must_be_free(host, port)
    worker_url = f"http://127.0.0.1:{_free_port()}"
    configured = ["--config", str(path), "--log-format", "json" if is_json() else "text"]
    parts = [
        Part(
            "worker",
            ["worker", *configured, "--port", worker_url.rpartition(":")[2]],
            f"{worker_url}/healthz",
        ),
        Part(
            "wall",
            ["wall", *configured, "--host", host, "--port", str(port), "--worker", worker_url],
            f"{options.address(host, port)}healthz",
        ),
    ]
    return [Part("connect", ["connect", *configured], ends=True, asleep=not connectors), *parts]


def _must_be_free(host: str, port: int) -> None:
    """Before anything starts: else another program's answer there could pass as the wall's."""
    from resonanz_dashboards.wall import listen

    listen(host, port).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _addresses(host: str, port: int, path: Path) -> str:
    front = options.address(host, port)
    return "\n".join(
        (
            f"  Wall     {click.style(front, bold=True)}",
            f"  Metrics  {front}metrics",
            f"  API      {front}openapi.json",
            f"  Config   {path}",
            "Ctrl-C ends it.",
        )
    )


async def _supervise(parts: list[Part], addresses: str, reloader: Reloader) -> int:
    supervisor = Supervisor(parts, _tell)
    with _signals(supervisor):
        running = asyncio.create_task(supervisor.run())
        watching = asyncio.create_task(_wake(parts[0], reloader))
        _tell("Starting …")
        if await supervisor.started():
            for line in addresses.splitlines():
                _tell(line)
        code = await running
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    if code == 0:
        _tell("Stopped; everything is written.")
    return code


def _tell(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        say(sentence)


async def _wake(connect: Part, reloader: Reloader) -> None:
    """Each part sees by itself to changes of the configuration; one that has ended must be told."""
    from resonanz_connectors.runner import plans

    # The parts say what is wrong.
    logging.getLogger("resonanz_streams.reload").setLevel(logging.CRITICAL)

    async def take(settings: Settings, registry: Registry) -> None:
        needed = plans(settings, registry)
        if needed and needed != plans(reloader.settings, reloader.registry):
            connect.wake.set()

    # A terminal that closes ends everything: the parts are in sessions of their own and hear nothing of it.
    await reloader.run(take, hangup=False)


@contextlib.contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup lets it be
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, supervisor.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


COMMANDS = (up,)
