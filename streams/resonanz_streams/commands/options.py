"""What several commands take, and how they print."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.table import Table

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.logs import FORMATS, Format, hide, log_to_stderr, secrets_of
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.reload import Reloader
from resonanz_streams.settings import DEFAULT_PATH, Settings, load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

config = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration.",
)
as_json = click.option("--json", "json_wanted", is_flag=True, help="For programs.")
host = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; beyond loopback tokens are needed.",
)


PORT = click.IntRange(1, 65_535)


def port(default: int) -> Callable[[Command], Command]:
    """``--port`` with this default."""
    return click.option("--port", type=PORT, default=default, show_default=True, help="Where to listen.")


def load(path: Path) -> tuple[Settings, Registry]:
    """Settings and registry of a configuration file.

    Raises:
        ConfigurationError: one line for each mistake, or for each custom KPI that cannot be used.
    """
    known_kpis()
    settings = load_settings(path, os.environ)
    hide(secrets_of(settings))
    return settings, build_registry(settings)


def reloader(path: Path) -> Reloader:
    """The configuration of a process that goes on by what is written into it later.

    Raises:
        ConfigurationError: one line for each mistake, or for each custom KPI that cannot be used.
    """
    known_kpis()
    return Reloader(path, os.environ)


def known_account(registry: Registry, account: str) -> None:
    """Nothing, if the account is configured.

    Raises:
        ConfigurationError: it is not; which is meant, perhaps.
    """
    if account in registry.accounts:
        return
    near = difflib.get_close_matches(account, registry.accounts, 3, 0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "the configuration names the accounts"
    raise ConfigurationError(f"there is no account {account!r}; {hint}")


def address(host: str, port: int) -> str:
    """Where this machine's browser finds what listens on ``host``."""
    if host in {"0.0.0.0", "::", "[::]", ""}:  # noqa: S104  # asked for, not chosen
        host = "127.0.0.1"
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{name}:{port}/"


def _choose_log_format(context: click.Context, _: click.Parameter, form: Format) -> None:
    context.meta[__name__] = form


log_format = click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="text",
    envvar="RESONANZ_LOG_FORMAT",
    show_default=True,
    show_envvar=True,
    expose_value=False,
    callback=_choose_log_format,
    help="How to write to standard error.",
)


def log_as(name: str) -> None:
    """Warnings and worse go to standard error, a line each, with the time and the process's name."""
    log_to_stderr(name, click.get_current_context().meta.get(__name__, "text"))


def print_json(document: Any) -> None:
    """To standard output, indented where a person looks."""
    indent = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    text = orjson.dumps(document, option=indent | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
    click.echo(text.decode(), nl=False)


def printable(text: str) -> str:
    """The same with � for what is no character to see: names come from events, and a terminal obeys some."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """To standard output, as :func:`printable`; ``right`` names the columns of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    # Without a terminal nothing must be folded: a program may read it.
    console = Console() if sys.stdout.isatty() else Console(width=10_000, soft_wrap=True)
    console.print(table, highlight=False, markup=False)
