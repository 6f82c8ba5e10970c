"""The latest figures of every account, in memory, in the order in which they changed.

A viewer is only a position in that order: it costs nothing while it is slow, and what it has missed is
exactly what stands after its position, each account once, with its latest figures.
"""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from resonanz_dashboards.entries import ConnectorState, Entry
from resonanz_dashboards.strangers import Strangers
from resonanz_dashboards.trail import Trail
from resonanz_streams.clock import Clock
from resonanz_streams.events import KpiEntry, KpiSnapshot, Status
from resonanz_streams.registry import Account, Registry
from resonanz_streams.topics import DEEP, STATUS
from resonanz_streams.transports.ports import Record
from resonanz_streams.unreadable import UNREADABLE

Feed = Literal["starting", "live", "away"]
Visible = Callable[[Account], bool]
STALE_MS: Final = 60_000
COMPLETE: Final = 0.95
PULSE: Final = "5m"
"""The window of the velocity that stands for now: a minute is too jumpy, an hour too slow."""


class BoardState:
    """Owned by one event loop; ``take`` is the only writer.

    ``version`` counts changes of accounts; ``boot`` tells one process from the next, whose count starts
    again, and one list of accounts from the next. ``news`` counts whatever a viewer should be told: changes,
    and how the broker is.
    ``feed`` says whether the broker answers, ``feed_detail`` why not, in one sentence.
    ``ignored`` counts records that are none of ours (unknown account), of an account while it is another
    client's, or that cannot be read.
    """

    def __init__(self, registry: Registry, *, clock: Clock, event_time: bool = False) -> None:
        self.registry = registry
        self.boot = _boot()
        self.version = 0
        self.news = 0
        self.feed: Feed = "starting"
        self.feed_detail = ""
        self.feed_since_ms = clock()
        self.ignored = {"unknown_account": 0, "other_client": 0, "unreadable": 0}
        self.event_time = event_time
        self._clock = clock
        self._newest_ms = 0
        self._entries: dict[str, Entry] = {key: Entry(it) for key, it in registry.accounts.items()}
        self._order: OrderedDict[str, Entry] = OrderedDict()
        self._strangers = Strangers()
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self.trail = Trail(list(self._entries))
        self._snapshots = msgspec.json.Decoder(KpiSnapshot)
        self._statuses = msgspec.json.Decoder(Status)

    def adopt(self, registry: Registry) -> None:
        """Show the accounts of another registry from now on; those of both keep their figures, unless they
        are another client's now: what was told of them for the one is not for the other."""
        before, self.registry = self._entries, registry
        self._entries = {key: before.get(key) or Entry(it) for key, it in registry.accounts.items()}
        self._order = OrderedDict((key, entry) for key, entry in self._order.items() if key in self._entries)
        moved = set()
        for key, entry in self._entries.items():
            account = registry.accounts[key]
            if entry.account.client != account.client:
                moved.add(key)
                entry.clear()
            if entry.account != account:
                entry.account = account
                self._touch(entry)
            # Who agreed to be compared may be others now.
            entry.benchmark = None
        self.trail = self.trail.of_others(list(self._entries), without=moved)
        for record in self._strangers.release():
            self._take(record)
        self.boot = _boot()
        self._wake()

    def now_ms(self) -> int:
        """The time that ages are counted to: the wall clock, or with event time the newest snapshot's."""
        return self._newest_ms if self.event_time else self._clock()

    def wall_ms(self) -> int:
        """The wall clock, whatever ages are counted to."""
        return self._clock()

    def age_ms(self, entry: Entry) -> int | None:
        """How old an account's figures are; None if there are none.

        Event time stands still when nobody moves it, so with it an account is at least as old as its
        silence: workers tell every account again within 30 s, even if nothing changes.
        """
        if entry.at_ms is None:
            return None
        age_ms = max(0, self.now_ms() - entry.at_ms)
        return max(age_ms, self._clock() - entry.arrived_ms) if self.event_time else age_ms

    def entry(self, account: str) -> Entry | None:
        """One account's entry; None if it is not configured."""
        return self._entries.get(account)

    def entries(self) -> Iterable[Entry]:
        """All configured accounts, in the configuration's order."""
        return self._entries.values()

    def take(self, records: Sequence[Record]) -> None:
        """Apply records of ``kpis``, ``kpis.deep`` and ``connectors.status``; later ones of a key win."""
        before = self.version
        for record in records:
            try:
                ignored = self._take(record)
            except UNREADABLE:
                ignored = "unreadable"
            if ignored is not None:
                self.ignored[ignored] += 1
        if self.version != before:
            self._wake()

    def set_feed(self, feed: Feed, detail: str = "") -> None:
        """Say whether the broker answers."""
        if (feed, detail) != (self.feed, self.feed_detail):
            self.feed, self.feed_detail, self.feed_since_ms = feed, detail, self._clock()
            self._wake()

    @property
    def closing(self) -> bool:
        """Whether the process is about to stop."""
        return self._closing.is_set()

    def close(self) -> None:
        """End every stream: the process is about to stop."""
        self._closing.set()
        self._wake()

    def sample(self) -> None:
        """Remember every account's velocity, if it is time; nothing of an account whose figures are stale."""
        now_ms = self.now_ms()
        if not self._newest_ms or not self.trail.due(now_ms):
            return
        ages = ((it, self.age_ms(it)) for it in self._entries.values())
        self.trail.sample(
            now_ms, [it.velocity if age is not None and age <= STALE_MS else None for it, age in ages]
        )

    def changed_since(self, version: int, visible: Visible) -> list[tuple[int, Entry]]:
        """What a viewer at ``version`` has missed, oldest change first, each account once."""
        missed: list[tuple[int, Entry]] = []
        for entry in reversed(self._order.values()):
            if entry.version <= version:
                break
            if visible(entry.account):
                missed.append((entry.version, entry))
        missed.reverse()
        return missed

    def set_benchmarks(self, found: Mapping[str, KpiEntry]) -> None:
        """These are the benchmarks now, and no others."""
        before = self.version
        for key, entry in self._entries.items():
            benchmark = found.get(key) if entry.value else None
            if benchmark != entry.benchmark:
                entry.benchmark = benchmark
                self._touch(entry)
        if self.version != before:
            self._wake()

    async def wait(self, news: int, timeout_seconds: float) -> None:
        """Return once there is other news than ``news``, or the time is up."""
        if self.news == news:
            await _until(self._changed, timeout_seconds)

    async def pause(self, seconds: float) -> None:
        """Return after ``seconds``, or at once when the process is about to stop."""
        await _until(self._closing, seconds)

    def _wake(self) -> None:
        self.news += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _take(self, record: Record) -> str | None:
        """Apply it, or say why it is ignored."""
        if record.topic == STATUS:
            return self._take_status(self._statuses.decode(record.value)) if record.value else None
        return self._take_snapshot(record) if record.value else self._forget(record)

    def _take_snapshot(self, record: Record) -> str | None:
        value = record.value or b""
        snapshot = self._snapshots.decode(value)
        place, entry = (record.topic, snapshot.account), self._entries.get(snapshot.account)
        if entry is None or entry.account.client != snapshot.client:
            self._strangers.keep(place, record)
            return "unknown_account" if entry is None else "other_client"
        self._strangers.drop(place)
        if record.topic == DEEP:
            entry.deep, entry.deep_at_ms = value, snapshot.at_ms
        else:
            entry.value, entry.velocity = value, _velocity(snapshot)
            entry.at_ms, entry.coverage = snapshot.at_ms, snapshot.coverage
            entry.arrived_ms = self._clock()
            self._newest_ms = max(self._newest_ms, snapshot.at_ms)
        self._touch(entry)
        return None

    def _take_status(self, status: Status) -> str | None:
        entry = self._entries.get(status.account)
        if entry is None:
            return "unknown_account"
        before = entry.connectors.get(status.connector)
        entry.connectors[status.connector] = ConnectorState(
            connector=status.connector,
            state=status.state,
            at_ms=status.at_ms,
            complete_through_ms=status.complete_through_ms,
            last_event_ms=status.last_event_ms,
            ended=status.ended,
        )
        # A heartbeat that says the same as the last is no news to a screen.
        if before is None or (before.state, before.ended) != (status.state, status.ended):
            self._touch(entry)
        return None

    def _forget(self, record: Record) -> str | None:
        account = (record.key or b"").decode()
        self._strangers.drop((record.topic, account))
        entry = self._entries.get(account)
        if entry is None:
            return "unknown_account"
        if record.topic == DEEP:
            entry.deep, entry.deep_at_ms = b"", None
            self._touch(entry)
        elif entry.at_ms is not None:
            entry.at_ms, entry.coverage, entry.velocity, entry.value = None, None, None, b""
            entry.benchmark = None
            self._touch(entry)
        return None

    def _touch(self, entry: Entry) -> None:
        self.version += 1
        entry.version = self.version
        entry.encoded = {}
        key = entry.account.id
        self._order[key] = entry
        self._order.move_to_end(key)


def _boot() -> str:
    return uuid.uuid4().hex[:12]


def _velocity(snapshot: KpiSnapshot) -> float | None:
    for it in snapshot.kpis:
        if it.kpi == "velocity" and it.window == PULSE and it.part is None:
            return it.value
    return None


async def _until(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
