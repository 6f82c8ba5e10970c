"""A changed configuration takes effect in a process that runs.

The file and those that it names are looked at every two seconds, and at once on SIGHUP. What is read is the
whole of a file that has come to rest; one that is wrong changes nothing and is told once.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from xxhash import xxh3_128_hexdigest

from resonanz_streams.clock import Clock, elapsed_ms, wall_ms
from resonanz_streams.errors import ConfigurationError, ResonanzError, RetryError
from resonanz_streams.logs import hide, say, secrets_of
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.registry_changes import described
from resonanz_streams.settings import DEFAULT_PATH, Settings, load_settings

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""A file that is being written has changed again by the next look: only what stood still for one is read."""

LIVE: Final = frozenset({"clients", "wall", "connectors"})
"""Settings that take effect in a running process; all others with its restart."""

Take = Callable[[Settings, Registry], Awaitable[None]]
"""Lets a process go on by these; returns once it does.

Raises:
    ConfigurationError: it cannot, and has changed nothing.
    RetryError: not for now; it is asked again.
"""

Stamp = tuple[int, ...]


class _Mark(NamedTuple):
    """A file as it was read; of what stands in it (perhaps a secret) only a digest."""

    stamp: Stamp
    digest: str


class Reloader:
    """Keeps the configuration of one process. ``settings`` and ``registry`` are those that it goes by.

    ``successful``: whether what stands in the file is what the process goes by. ``success_ms``: since when.
    """

    def __init__(
        self,
        path: Path | None,
        environment: Mapping[str, str],
        *,
        clock: Clock = wall_ms,
        tell: Callable[[str], None] = say,
    ) -> None:
        """Read it for the first time.

        Raises:
            ConfigurationError: one line for each mistake.
        """
        self._path = path or DEFAULT_PATH
        self._environment = environment
        self._clock = clock
        self._tell = tell
        self._asked = asyncio.Event()
        self._marks: dict[Path, _Mark] = {}
        self._seen: Mapping[Path, Stamp] = {}
        self._waits = False
        self._refused = ""
        self.settings = self._load()
        self.registry = build_registry(self.settings)
        self.successful = True
        self.success_ms = clock()

    async def run(self, take: Take, *, every_seconds: float = LOOK_SECONDS, hangup: bool = True) -> None:
        """Look again and again, until cancelled. ``hangup``: whether SIGHUP asks for it, too."""
        with self._on_hangup() if hangup else contextlib.nullcontext():
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), every_seconds)
                asked = self._asked.is_set()
                self._asked.clear()
                await self.look(take, asked=asked)

    async def look(self, take: Take, *, asked: bool = False) -> None:
        """Read the files if they have changed and come to rest, or if somebody has ``asked`` for it."""
        found = {path: _stamp(path) for path in self._marks}
        rests, self._seen = found == self._seen, found
        anyway = asked or (rests and self._waits)
        if not anyway and (not rests or all(mark.stamp == found[path] for path, mark in self._marks.items())):
            return
        if not anyway and all(mark.digest == _digest(path) for path, mark in self._marks.items()):
            self._marks = {path: mark._replace(stamp=found[path]) for path, mark in self._marks.items()}
            return
        try:
            await self._reload(take, asked=asked)
        except ResonanzError as error:
            self._refuse(str(error))
            self._waits = isinstance(error, RetryError)
        except Exception as error:  # whatever it is, the configuration before goes on
            log.debug("what failed", exc_info=error)
            self._refuse(f"{self._path}: cannot be taken over ({type(error).__name__})")

    def _refuse(self, sentence: str) -> None:
        if not self.successful and sentence == self._refused:
            return
        self.successful, self._refused = False, sentence
        log.error("the configuration before goes on, since the new one cannot be taken over:\n%s", sentence)

    async def _reload(self, take: Take, *, asked: bool) -> None:
        begun = elapsed_ms()
        settings = await asyncio.to_thread(self._load)
        self._must_be_live(settings)
        registry = await asyncio.to_thread(self.registry.by, settings)
        if registry.clients == self.registry.clients and registry.accounts == self.registry.accounts:
            registry = self.registry
        what, differs = described(self.registry, registry), settings != self.settings
        if differs:
            await take(settings, registry)
        self.settings, self.registry = settings, registry
        if differs or asked or not self.successful:
            took = (elapsed_ms() - begun) / 1000
            self._tell(f"{self._path} was read again and is in effect: {what}; it took {took:.1f} s.")
        self.successful, self.success_ms, self._waits = True, self._clock(), False

    def _load(self) -> Settings:
        marks: dict[Path, _Mark] = {}

        def note(path: Path) -> None:
            # Before it is read: what is written meanwhile is a change.
            marks[path] = _Mark(_stamp(path), _digest(path))

        note(self._path)
        try:
            settings = load_settings(self._path, self._environment, read=note)
        except ConfigurationError:
            # Perhaps it names fewer files because it is wrong.
            self._marks |= marks
            raise
        self._marks = marks
        hide(secrets_of(settings))
        return settings

    def _must_be_live(self, settings: Settings) -> None:
        fields = [name for name in Settings.model_fields if name not in LIVE]
        changed = [name for name in fields if getattr(settings, name) != getattr(self.settings, name)]
        if changed:
            raise ConfigurationError(
                f"{self._path}: {' and '.join(changed)} changed, which takes a restart; without one "
                "nothing of the file takes effect"
            )
        if self.registry.accounts and not any(client.accounts for client in settings.clients.values()):
            raise ConfigurationError(
                f"{self._path}: names no account any more; to end, stop the process, and to begin "
                "without any, restart it"
            )

    @contextlib.contextmanager
    def _on_hangup(self) -> Iterator[None]:
        """Only where the loop may handle signals: in the main thread."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        except (ValueError, RuntimeError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)


def _stamp(path: Path) -> Stamp:
    """What differs when a file was written, or another put into its place."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _digest(path: Path) -> str:
    try:
        return xxh3_128_hexdigest(path.read_bytes())
    except OSError:
        return ""
