"""Dead letters: redrive."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, get_args

import click

from resonanz_streams.clock import wall_ms
from resonanz_streams.commands import options
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.letters import Reason
from resonanz_streams.redrive import Outcome
from resonanz_streams.redrive_judge import Letter, Verdict
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings

Still = Callable[[Letter, Verdict], None]


@click.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]"
)
@click.option("--list", "only_list", is_flag=True, help="Publish nothing, only say what there is.")
@click.option(
    "--reason", "reasons", multiple=True, type=click.Choice(get_args(Reason)), help="Only these; repeatable."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Publish nothing; write those that are still bad into this file (JSON Lines), for repair.",
)
@options.as_json
@options.config
def redrive(
    *,
    file: Path | None,
    only_list: bool,
    reasons: tuple[str, ...],
    out: Path | None,
    json_wanted: bool,
    config_path: Path,
) -> int:
    """Publish dead letters again that can be counted by now; or those of FILE, repaired.

    \b
    resonanz redrive --list                what there is, and why it is still bad
    resonanz redrive                       publish what is good by today's configuration
    resonanz redrive --out letters.jsonl   the others into a file; repair them in it
    resonanz redrive letters.jsonl         publish what is good in it

    A letter is sent once. Those that are still bad stay. Workers count what is sent by the configuration
    that they were started with: restart them first.
    """
    options.log_as("redrive")
    settings, registry = options.load(config_path)
    if out is not None and file is not None:
        raise click.UsageError("FILE is published, --out is written; give one of them")
    if reasons and file is not None:
        raise click.UsageError(
            "--reason chooses among all dead letters, not among those of FILE; leave it out"
        )
    publishes = not only_list and out is None
    with _kept(out, file) as keep:
        outcome = asyncio.run(_redriven(settings, registry, file, reasons, publishes=publishes, keep=keep))
    if json_wanted:
        options.print_json(_document(outcome, publishes))
    else:
        _print(outcome, publishes, settings)
    return 1 if file is not None and outcome.bad else 0


@contextlib.contextmanager
def _kept(out: Path | None, file: Path | None) -> Iterator[Still]:
    """Takes those that are still bad: says so of FILE's, writes them into ``out``. That is made with the
    first of them, or at the end: where the broker is away nothing is made.

    Raises:
        ConfigurationError: ``out`` exists, or cannot be written.
    """
    from resonanz_streams.redrive_files import written

    if out is not None and out.exists():
        raise _exists(out)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def lines(path: Path) -> BinaryIO:
            return stack.enter_context(_made(path))

        def keep(letter: Letter, verdict: Verdict) -> None:
            if out is not None:
                lines(out).write(written(letter, verdict))
            if file is not None:
                click.echo(f"{file}: {letter.error}: {verdict.reason}: {verdict.error}", err=True)

        yield keep
        if out is not None:
            lines(out)


def _made(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be made: {error.strerror}; name another file") from None


def _exists(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: is there already, perhaps repaired by hand; name another file, or move it away"
    )


async def _redriven(
    settings: Settings,
    registry: Registry,
    file: Path | None,
    reasons: tuple[str, ...],
    *,
    publishes: bool,
    keep: Still,
) -> Outcome:
    from resonanz_connectors.publisher import open_publisher
    from resonanz_streams.redrive import Sender, late_before_ms, letters, repaired
    from resonanz_streams.redrive import redrive as send
    from resonanz_streams.redrive_files import read
    from resonanz_streams.redrive_judge import Judge
    from resonanz_streams.transports.brokers import open_archive

    outcome, now_ms = Outcome(), wall_ms()
    async with contextlib.AsyncExitStack() as stack:
        archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        stack.push_async_callback(archive.close)
        sender = None
        if publishes:
            publisher = open_publisher(settings.broker, prefix=settings.topic_prefix)
            stack.callback(publisher.close)
            sender = Sender(publisher)
        await send(
            letters(archive, outcome, reasons) if file is None else repaired(archive, outcome, read(file)),
            Judge(registry, now_ms),
            outcome,
            floor_ms=late_before_ms(settings.clock, now_ms),
            sender=sender,
            still_bad=keep,
        )
    return outcome


def _document(outcome: Outcome, publishes: bool) -> dict[str, object]:
    return {
        "published": outcome.good if publishes else 0,
        "good": outcome.good,
        "late": outcome.late,
        "published_before": outcome.before,
        "bad": dict(outcome.bad),
    }


def _print(outcome: Outcome, publishes: bool, settings: Settings) -> None:
    if outcome.bad:
        options.print_table(
            ("still bad", "letters", "example", ""),
            [
                (reason, f"{count:,}", _place(outcome.examples[reason][0]), outcome.examples[reason][1].error)
                for reason, count in outcome.bad.most_common()
            ],
            right=("letters",),
        )
    verb = "published again" if publishes else "can be published again"
    click.echo(f"{outcome.good:,} letters {verb}, {outcome.bad.total():,} are still bad.")
    if outcome.late:
        click.echo(
            f"{outcome.late:,} of them are older than every window: a worker puts them into topic "
            f"{settings.topic_prefix}late, and no figure changes.",
            err=True,
        )
    if outcome.before:
        click.echo(f"{outcome.before:,} were published before and are left out.", err=True)


def _place(letter: Letter) -> str:
    return letter.error if letter.place is None else "dead-letters/{}@{}".format(*letter.place)


COMMANDS = (redrive,)
