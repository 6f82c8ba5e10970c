"""How far back a log and a state tell everything: what lies before cannot be recomputed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resonanz_streams.audience import HOLD_MS
from resonanz_streams.events import AHEAD_MS
from resonanz_streams.net_states import NEVER
from resonanz_streams.state_head import Head
from resonanz_streams.transports.ports import Beginning


@dataclass(frozen=True, slots=True)
class Limit:
    """What is not later than ``until_ms`` may be missing, for this reason."""

    until_ms: int
    reason: str

    def hides(self, start_ms: int) -> bool:
        """Whether a window that begins at ``start_ms`` (exclusive) needs what may be missing."""
        return start_ms < self.until_ms


def log_limits(beginnings: Mapping[str, Beginning], marks: Mapping[str, int]) -> Iterator[Limit]:
    """Where retention has taken away the beginning of a topic of interactions.

    A record that is gone was written before the first one that is left, so it told of nothing later than
    10 min after that, if it is known when that was; nor of anything later than the newest that was counted
    (``marks``).
    """
    for topic, first in beginnings.items():
        newest = marks.get(topic, NEVER)
        if first.offset > 0 and newest > NEVER:
            until = newest if first.at_ms is None else min(newest, first.at_ms + AHEAD_MS)
            yield Limit(until, f"topic {topic} no longer holds what came before {told(until)}")


def audience_limits(first: Beginning, newest_ms: int) -> Iterator[Limit]:
    """The same for followers. ``newest_ms``: the newest snapshot that was counted; each holds for 48 h."""
    if first.offset > 0 and newest_ms > NEVER:
        until = newest_ms if first.at_ms is None else min(newest_ms, first.at_ms + AHEAD_MS)
        yield Limit(until + HOLD_MS, f"topic audience no longer holds what came before {told(until)}")


def state_limits(head: Head, now_ms: int, horizon_ms: int) -> Iterator[Limit]:
    """What a worker may have left out by its rules, which depend on when it read each record."""
    if head.cut_ms > NEVER:
        yield Limit(head.cut_ms - 1, f"the ledger had no room for what came before {told(head.cut_ms)}")
    yield Limit(now_ms - horizon_ms - 1, "it is longer than the horizon: what came too late was left out")


def hidden(limits: Sequence[Limit], starts: Mapping[str, int]) -> dict[str, str]:
    """The windows that cannot be recomputed, each with the first reason."""
    return {
        window: reason
        for window, start in starts.items()
        if (reason := next((limit.reason for limit in limits if limit.hides(start)), ""))
    }


def told(at_ms: int) -> str:
    """A time for a person; of what no calendar holds, the number."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return f"{at_ms} ms"
