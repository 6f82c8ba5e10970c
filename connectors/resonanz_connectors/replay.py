"""Files as a source: a CSV, TSV, JSON Lines or Parquet file played at once, or at N times its own pace."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from resonanz_connectors.base import Batch, Connector, Context, Options
from resonanz_connectors.pacing import Pace, Played, Speed
from resonanz_connectors.playback import Chunk, Press, Reading, Survey
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import AHEAD_MS
from resonanz_streams.unreadable import UNREADABLE


class ReplayOptions(Options):
    """``map`` is field: column; ``kind`` and ``account`` are for rows that name none."""

    files: list[str] = Field(min_length=1)
    map: Mapping[str, str] = Field(default_factory=dict)
    kind: Literal["like", "comment", "share", "post", "audience"] | None = None
    account: str | None = None
    speed: Speed = "max"
    shift_to_now: bool = False


class Position(msgspec.Struct, kw_only=True):
    """The cursor: which files, the last row of each that is durable, how far times are moved."""

    files: str
    rows: tuple[int, ...]
    shift_ms: int = 0
    done: bool = False


class FileReplay(Connector):
    """Publishes the events of CSV, TSV, JSON Lines and Parquet files.

    An interrupted replay goes on where it was; a finished one starts again (readers count once). The
    time from the first row of an account's files to their last counts as watched.
    """

    options_type = ReplayOptions
    options: ReplayOptions
    # A slow replay is silent for as long as its file is.
    quiet_limit_ms = 10**12

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        defaults = {"kind": self.options.kind, "account": self.options.account}
        self.reading = Reading(
            tuple(context.folder / name for name in self.options.files),
            self.options.map,
            {name: value for name, value in defaults.items() if value is not None},
            # Times that are moved so that the newest is now may have been anything.
            None if self.options.shift_to_now else context.clock() + AHEAD_MS,
        )
        if self.options.speed != "max" and self.options.speed <= 0:
            raise ConfigurationError(f"connectors.{self.name}.speed: write a number above 0, or max")
        self.played = Played()
        self.on_progress: Callable[[Played], None] = _ignore
        self._surveys: Sequence[Survey] = ()
        self._fingerprint = ""
        self._handed: tuple[Chunk, str] | None = None

    async def run(self) -> None:
        """As the base, once the files' time spans are known: heartbeats tell them from the first on."""
        if not self._surveys:
            self.prepare(await self.context.offload(self.reading.survey))
        self._fingerprint = self.reading.fingerprint
        try:
            await super().run()
        finally:
            self._settle()

    def prepare(self, surveys: Sequence[Survey]) -> None:
        """Take what a survey of the files found.

        Raises:
            ConfigurationError: no row can be published.
        """
        self._surveys = surveys
        spans = [(s.first_ms, s.last_ms) for s in surveys if s.first_ms is not None and s.last_ms is not None]
        if not spans:
            raise ConfigurationError(f"{self.reading.files[0]}: has no row that can be published")
        self._last_ms = max(last for _, last in spans)
        self._spans = {name: span for name in self.accounts if (span := self._span(name)) is not None}
        self._shift_ms = self.context.clock() - self._last_ms if self.options.shift_to_now else 0
        self._watch(self._shift_ms)

    def _span(self, account: str) -> tuple[int, int] | None:
        """From the first to the last row of the files that hold the account."""
        mine = [survey for survey in self._surveys if account in survey.accounts]
        firsts = [survey.first_ms for survey in mine if survey.first_ms is not None]
        lasts = [survey.last_ms for survey in mine if survey.last_ms is not None]
        return (min(firsts), max(lasts)) if firsts and lasts else None

    def _watch(self, shift_ms: int) -> None:
        for name in self.accounts:
            first, last = self._spans.get(name, (self._last_ms, self._last_ms))
            self.watch_from(first + shift_ms, [name])
            # After an earlier replay: nobody watched between the end of that and the start of this.
            self.gap(self.complete_through(name), (first if name in self._spans else last) + shift_ms, [name])

    async def stream(self) -> AsyncIterator[Batch]:
        """All rows after the cursor, then the end."""
        position = self._position()
        self.played = Played(before=sum(position.rows), resumed=any(position.rows))
        if not self.played.resumed:
            self._watch(position.shift_ms)
        pace = Pace(self.options.speed, self.context.clock, self._sleep)
        press = Press(self.context.registry, self.accounts, position.shift_ms)
        playing = press.chunks(self.reading, position.rows, pace.slice_ms)
        while (chunk := await self.context.offload(next, playing, None)) is not None:
            await pace.wait(chunk.first_ms)
            position = msgspec.structs.replace(position, rows=chunk.positions)
            self._handed = chunk, _encode(position)
            yield Batch(
                records=chunk.records,
                dead_letters=chunk.dead_letters,
                last_event_ms=chunk.last_event_ms,
                cursor=_encode(position),
                complete_through_ms=self._through(chunk.last_ms, position.shift_ms),
            )
            self._settle()
        ends = {name: last + position.shift_ms for name, (_, last) in self._spans.items()}
        yield Batch(cursor=_encode(msgspec.structs.replace(position, done=True)), complete_through_ms=ends)
        self.played.finished = True

    def _through(self, at_ms: int, shift_ms: int) -> dict[str, int] | None:
        """While a file in order of time is played at a pace, heartbeats follow it."""
        if self.options.speed == "max" or not all(survey.ordered for survey in self._surveys):
            return None
        return {
            name: at_ms - 1 + shift_ms for name, (first, last) in self._spans.items() if first < at_ms <= last
        }

    def _settle(self) -> None:
        """Count the chunk that was handed out, if it became durable: then the cursor has reached it."""
        if self._handed is not None and self._handed[1] == self.cursor:
            self.played.add(self._handed[0])
            self._handed = None
            self.on_progress(self.played)

    def _position(self) -> Position:
        anew = Position(files=self._fingerprint, rows=(0,) * len(self.reading.files), shift_ms=self._shift_ms)
        if self.cursor is None:
            return anew
        try:
            known = msgspec.json.decode(self.cursor, type=Position)
        except UNREADABLE:
            return anew
        return anew if known.done or known.files != self._fingerprint else known

    async def _sleep(self, seconds: float) -> None:
        await self.context.sleep(seconds, self.context.stop)


def _encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def _ignore(_: Played) -> None:
    """Nobody watches."""
