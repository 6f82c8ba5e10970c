"""How far a connector has come with one account, and what it missed: the content of a heartbeat."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from resonanz_streams.events import Status
from resonanz_streams.topics import DAY_MS, SOURCE_TOPICS, partition_of

State = Literal["ok", "degraded", "down"]

GAP_HORIZON_MS: Final = 29 * DAY_MS
MAX_GAPS: Final = 500
MAX_REASONS: Final = 20
_SEVERITY: Final[dict[State, int]] = {"ok": 0, "degraded": 1, "down": 2}


class Progress:
    """One account of one connector.

    ``state`` is what is wrong with this account alone; the connector's own state is added in
    :meth:`status`. Everything in [since_ms, complete_through_ms) outside ``gaps`` has been published.
    """

    def __init__(self, account: str, now_ms: int, partitions: int) -> None:
        self.account = account
        self._partition = partition_of(account, partitions)
        self.since_ms = now_ms
        self.complete_through_ms = now_ms
        self.last_event_ms: int | None = None
        self.state: State = "ok"
        self.gaps: list[tuple[int, int]] = []
        self.errors: Counter[str] = Counter()
        self.published: dict[str, int] = {}
        self.fresh = True

    def restore(self, status: Status) -> None:
        """Go on where an earlier process left off."""
        self.since_ms = status.since_ms
        self.complete_through_ms = status.complete_through_ms
        self.last_event_ms = status.last_event_ms
        self.gaps = [(start, end) for start, end in status.gaps]
        self.published = dict(status.published)
        self.fresh = False

    def watch_from(self, at_ms: int) -> None:
        """The source reaches back (or begins only) there; no effect once the account has been watched."""
        if self.fresh:
            self.since_ms = self.complete_through_ms = at_ms

    def complete(self, through_ms: int) -> None:
        """Everything up to ``through_ms`` has been published; it never moves back."""
        self.complete_through_ms = max(self.complete_through_ms, through_ms)
        self.fresh = False

    def gap(self, from_ms: int, to_ms: int) -> None:
        """What happened in [from_ms, to_ms) will not come."""
        start = max(from_ms, self.since_ms)
        if to_ms > start:
            self.gaps = united([*self.gaps, (start, to_ms)])

    def error(self, reason: str) -> None:
        """Count an error; reasons beyond a bound share the name ``other``."""
        known = reason in self.errors or len(self.errors) < MAX_REASONS
        self.errors[reason if known else "other"] += 1

    def event(self, at_ms: int) -> None:
        """Note the time of an event."""
        self.last_event_ms = at_ms if self.last_event_ms is None else max(self.last_event_ms, at_ms)

    def written(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Keep the offsets after the last records of the partitions in which this account lives."""
        for (topic, partition), end in ends.items():
            if partition == self._partition and topic in SOURCE_TOPICS:
                self.published[f"{topic}/{partition}"] = end

    def status(
        self, connector: str, at_ms: int, *, state: State, cursor: str | None, ended: bool = False
    ) -> Status:
        """The heartbeat as of ``at_ms``."""
        horizon = at_ms - GAP_HORIZON_MS
        self.gaps = [(start, end) for start, end in self.gaps if end > horizon]
        return Status(
            connector=connector,
            account=self.account,
            at_ms=at_ms,
            state=max(state, self.state, key=_SEVERITY.__getitem__),
            since_ms=self.since_ms,
            last_event_ms=self.last_event_ms,
            complete_through_ms=self.complete_through_ms,
            ended=ended,
            cursor=cursor,
            gaps=list(self.gaps),
            errors=dict(self.errors),
            published=dict(self.published),
        )


def united(gaps: Sequence[tuple[int, int]], limit: int = MAX_GAPS) -> list[tuple[int, int]]:
    """Sorted and disjoint; beyond ``limit`` the nearest neighbours become one (rather too much is called
    missing than too little)."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(gaps):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    while len(merged) > limit:
        near = min(range(1, len(merged)), key=lambda i: merged[i][0] - merged[i - 1][1])
        merged[near - 1 : near + 1] = [(merged[near - 1][0], merged[near][1])]
    return merged
