"""What ``resonanz replay`` does: publish files into the configured broker and say what came of it."""

import asyncio
import contextlib
import itertools
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from resonanz_connectors.batch import DeadLetter
from resonanz_connectors.context import Context
from resonanz_connectors.cursors import TopicCursors
from resonanz_connectors.pacing import Played, Speed
from resonanz_connectors.playback import Reading, Survey
from resonanz_connectors.publisher import open_publisher
from resonanz_connectors.replay import FileReplay
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import AHEAD_MS
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings
from resonanz_streams.topics import PUBLISHED, TOPICS
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Publisher

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Replayed:
    """``finished`` False: it was stopped; the same command goes on from there."""

    rows: int
    published: Mapping[str, int]
    refused: int
    examples: Sequence[DeadLetter]
    unknown: Mapping[str, int]
    resumed: bool
    finished: bool

    def sentences(self) -> Iterator[str]:
        """For a person: what was published and what was not, and what to do about it."""
        topics = ", ".join(f"{number:,} {topic}" for topic, number in sorted(self.published.items()))
        begin = "Went on where it was: read" if self.resumed else "Read"
        yield f"{begin} {_rows(self.rows)}, published {topics or 'nothing'}."
        if self.refused:
            first = "; ".join(f"{it.origin}:{it.offset}: {it.error}" for it in self.examples)
            yield (
                f"{_rows(self.refused)} could not be understood and went to topic dead-letters, each with "
                f"its reason. The first: {first}."
            )
        if self.unknown:
            yield unknown_sentence(self.unknown)
        if not self.finished:
            yield "Stopped before the end; the same command goes on from here."


def run_replay(
    settings: Settings,
    registry: Registry,
    files: Sequence[Path],
    *,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    account: str | None = None,
    speed: Speed = "max",
    shift_to_now: bool = False,
    console: Console | None = None,
    clock: Clock = wall_ms,
    stop: asyncio.Event | None = None,
) -> Replayed:
    """Publish ``files``; blocks until they end, SIGINT, SIGTERM or ``stop``. Prints to ``console``
    (default: standard error), with a progress bar on a terminal.

    Raises:
        ConfigurationError: a file, an option or the accounts are wrong.
        StopError: the broker cannot be used.
    """
    console = console or Console(stderr=True)
    reading = _reading(files, mapping, kind, account, None if shift_to_now else clock() + AHEAD_MS)
    with console.status("Looking through the files …"):
        surveys = reading.survey()
    accounts = _known(registry, surveys)
    if not shift_to_now and (sentence := _too_old(settings, surveys, clock())):
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    _ensure_topics(settings)
    publisher = open_publisher(settings.broker, prefix=settings.topic_prefix)
    with contextlib.closing(publisher):
        pace = {"speed": speed, "shift_to_now": shift_to_now}
        context = _context(
            settings, registry, accounts, reading, publisher=publisher, pace=pace, clock=clock, stop=stop
        )
        replay = FileReplay(context)
        replay.prepare(surveys)
        with _bar(console, replay, sum(survey.rows for survey in surveys)):
            asyncio.run(_until_stopped(replay))
    return _told(replay.played, console)


def _context(
    settings: Settings,
    registry: Registry,
    accounts: Sequence[str],
    reading: Reading,
    *,
    publisher: Publisher,
    pace: Mapping[str, object],
    clock: Clock,
    stop: asyncio.Event | None,
) -> Context:
    return Context(
        # Each set of files has a heartbeat and a cursor of its own.
        name=f"file-{reading.fingerprint[:8]}",
        accounts=tuple(registry.accounts[name] for name in accounts),
        registry=registry,
        publisher=publisher,
        cursors=TopicCursors(
            publisher, lambda topics: open_tail(settings.broker, topics, prefix=settings.topic_prefix)
        ),
        options={
            "files": [str(path) for path in reading.files],
            "map": reading.mapping,
            **reading.defaults,
            **pace,
        },
        clock=clock,
        stop=stop or asyncio.Event(),
    )


def _told(done: Played, console: Console) -> Replayed:
    replayed = Replayed(
        done.rows,
        done.published,
        done.refused,
        done.dead_letters,
        done.unknown,
        done.resumed,
        done.finished,
    )
    for sentence in replayed.sentences():
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    return replayed


def list_accounts(
    files: Sequence[Path],
    *,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> str:
    """The accounts in ``files``, most rows first, as lines to paste into resonanz.yaml.

    Raises:
        ConfigurationError: a file or an option is wrong.
    """
    found = _accounts(_reading(files, mapping, kind, account).survey())
    lines = [f"      - {_quoted(name)}  # {_rows(number)}" for name, number in found.most_common()]
    return "\n".join(["    accounts:", *lines, ""])


def accounts_in(
    files: Sequence[Path],
    *,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> list[str]:
    """The accounts in ``files``, most rows first.

    Raises:
        ConfigurationError: a file or an option is wrong.
    """
    found = _accounts(_reading(files, mapping, kind, account).survey())
    return [name for name, _ in found.most_common()]


def _too_old(settings: Settings, surveys: Sequence[Survey], now_ms: int) -> str:
    """What to do about files that the wall clock has left behind; "" if there are none."""
    last_ms = max((survey.last_ms for survey in surveys if survey.last_ms is not None), default=now_ms)
    if settings.clock != "wall" or last_ms >= now_ms - settings.horizon_ms:
        return ""
    return (
        f"All of it is older than the horizon of {settings.horizon}: a worker with clock: wall calls it late "
        "and counts nothing. Move it to now with --shift-to-now, write clock: event, or use resonanz "
        "backtest."
    )


def unknown_sentence(unknown: Mapping[str, int]) -> str:
    """Which accounts the configuration does not name, and what to write for the first few."""
    rows = sum(unknown.values())
    named = list(itertools.islice(Counter(unknown).most_common(), _NAMED))
    lines = "\n".join(f"      - {_quoted(name)}" for name, _ in named)
    more = f"\n      (and {len(unknown) - len(named):,} more)" if len(unknown) > len(named) else ""
    return (
        f"{_rows(rows)} of {len(unknown):,} accounts are left out, because resonanz.yaml does not name these;"
        f" write under a client:\n    accounts:\n{lines}{more}\n"
        "The whole list: resonanz replay with the same files and --list-accounts."
    )


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()


def _reading(
    files: Sequence[Path],
    mapping: Mapping[str, str] | None,
    kind: str | None,
    account: str | None,
    latest_ms: int | None = None,
) -> Reading:
    defaults = {name: value for name, value in (("kind", kind), ("account", account)) if value is not None}
    return Reading(tuple(path.resolve() for path in files), dict(mapping or {}), defaults, latest_ms)


def _accounts(surveys: Sequence[Survey]) -> Counter[str]:
    return sum((survey.accounts for survey in surveys), Counter[str]())


def _known(registry: Registry, surveys: Sequence[Survey]) -> list[str]:
    """The configured accounts among those of the files."""
    found = _accounts(surveys)
    known = [name for name in registry.accounts if name in found]
    if found and not known:
        raise ConfigurationError(unknown_sentence(found))
    return known


def _ensure_topics(settings: Settings) -> None:
    admin = open_admin(settings.broker, prefix=settings.topic_prefix)
    with contextlib.closing(admin):
        if problems := admin.ensure([TOPICS[name] for name in PUBLISHED], settings.partitions):
            raise ConfigurationError("\n".join(problems))


@contextlib.contextmanager
def _bar(console: Console, replay: FileReplay, rows: int) -> Iterator[None]:
    columns = (TextColumn("Replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=rows)

        def show(played: Played) -> None:
            bar.update(task, completed=played.before + played.rows)

        replay.on_progress = show
        yield


async def _until_stopped(replay: FileReplay) -> None:
    loop = asyncio.get_running_loop()
    held = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Elsewhere than in the main thread the caller's ``stop`` remains.
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, replay.context.stop.set)
            held.append(number)
    try:
        await replay.run()
    finally:
        for number in held:
            loop.remove_signal_handler(number)
