"""From acts to what arrives: delays, duplicates, removals and their take-backs, in order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from resonanz_connectors.simulator_draws import Ints, Keys, exponential, uniform
from resonanz_connectors.simulator_incidents import Planned
from resonanz_connectors.simulator_model import (
    ACTIONS,
    CASCADE_MOST_MS,
    HOUR_MS,
    LIKE,
    NEVER,
    REMOVAL_MOST_MS,
    Actions,
    Public,
    gone_ms,
    originals,
)
from resonanz_connectors.simulator_talk import TALK_MOST_MS, answers

USUAL_LAG_MS: Final = 3_000
_LATE_MOST_MS: Final = 6 * HOUR_MS
_RETURN_MOST_MS: Final = 6 * HOUR_MS
_DUPLICATE_MOST_MS: Final = HOUR_MS
REACH_MS: Final = (
    HOUR_MS
    + CASCADE_MOST_MS
    + TALK_MOST_MS
    + REMOVAL_MOST_MS
    + _RETURN_MOST_MS
    + _LATE_MOST_MS
    + _DUPLICATE_MOST_MS
)
"""How long after an hour began something caused in it can still arrive."""
_CELLS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrives in [from_ms, to_ms): acts in order of arrival; posts and follower snapshots as (row,
    number) and (row, at_ms, followers). Numbers of posts are as in :data:`Actions`."""

    from_ms: int
    to_ms: int
    actions: Actions
    posts: Sequence[tuple[int, int]]
    snapshots: Sequence[tuple[int, int, int]]


class Feed:
    """Walks through time. Whatever the steps, and wherever it began, the same arrives at the same time.

    Nothing has its cause before ``world_ms``. Up to a day before ``start_ms`` followers are read four
    times a day, then hourly.
    """

    def __init__(
        self, public: Public, incidents: Sequence[Planned], *, world_ms: int, start_ms: int, from_ms: int
    ) -> None:
        self._public = public
        self._incidents = incidents
        self._hourly_from = start_ms - 24 * HOUR_MS
        self._at_ms = from_ms
        self._next_hour = max(world_ms, from_ms - REACH_MS) // HOUR_MS
        self._pending: Actions = np.zeros(0, dtype=ACTIONS)

    def advance(self, to_ms: int) -> Arrivals:
        """Everything that arrives from where the feed stands until ``to_ms`` (excluded)."""
        from_ms, self._at_ms = self._at_ms, max(to_ms, self._at_ms)
        last_hour = -(-to_ms // HOUR_MS)
        step = max(1, _CELLS // max(1, len(self._public.keys)))
        while self._next_hour < last_hour:
            hours = np.arange(self._next_hour, min(last_hour, self._next_hour + step))
            self._draw(hours, from_ms)
        cut = int(np.searchsorted(self._pending["seen_ms"], to_ms, side="left"))
        actions, self._pending = self._pending[:cut], self._pending[cut:]
        return Arrivals(from_ms, to_ms, actions, self._posts(from_ms, to_ms), self._snapshots(from_ms, to_ms))

    def _draw(self, hours: Ints, from_ms: int) -> None:
        self._next_hour = int(hours[-1]) + 1
        acts = originals(self._public, hours, self._incidents)
        fresh = operations(np.concatenate([acts, answers(self._public, acts, self._incidents)]))
        fresh = fresh[(fresh["seen_ms"] >= from_ms) & ~self._unheard(fresh["account"], fresh["seen_ms"])]
        pending = np.concatenate([self._pending, fresh])
        # Stable and complete, so that equal times do not depend on where the feed began.
        order = np.lexsort((pending["at_ms"], pending["remove"], pending["key"], pending["seen_ms"]))
        self._pending = pending[order]

    def _unheard(self, rows: Ints, seen_ms: Ints) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        lost = np.zeros(len(rows), dtype=np.bool_)
        for incident in self._incidents:
            if incident.kind == "dead":
                during = (seen_ms >= incident.from_ms) & (seen_ms < incident.to_ms)
                lost |= during & np.isin(rows, incident.rows)
        return lost

    def _posts(self, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        public = self._public
        rows, numbers = self._published(public.post_phase, public.post_every, from_ms, to_ms)
        there, away = self._published(public.away_phase, public.away_every, from_ms, to_ms)
        rows, numbers = np.concatenate([rows, there]), np.concatenate([numbers, -1 - away])
        return list(zip(rows.tolist(), numbers.tolist(), strict=True))

    def _published(self, phase: Ints, every: Ints, from_ms: int, to_ms: int) -> tuple[Ints, Ints]:
        """Rows and numbers of what comes at regular times."""
        first, end = -((phase - from_ms) // every), -((phase - to_ms) // every)
        rows = np.repeat(np.arange(len(first)), np.maximum(0, end - first))
        skipped = np.cumsum(np.maximum(0, end - first)) - np.maximum(0, end - first)
        numbers = first[rows] + np.arange(len(rows)) - skipped[rows]
        lost = self._unheard(rows, phase[rows] + numbers * every[rows])
        return rows[~lost], numbers[~lost]

    def _snapshots(self, from_ms: int, to_ms: int) -> list[tuple[int, int, int]]:
        rows = np.arange(len(self._public.keys))
        snapshots: list[tuple[int, int, int]] = []
        for hour in range(-(-from_ms // HOUR_MS), -(-to_ms // HOUR_MS)):
            at_ms = hour * HOUR_MS
            if at_ms < self._hourly_from and hour % 6:
                continue
            heard = ~self._unheard(rows, np.full(len(rows), at_ms))
            counts = self._public.followers_at(hour)
            snapshots.extend(
                (row, at_ms, count)
                for row, count in zip(rows[heard].tolist(), counts[heard].tolist(), strict=True)
            )
        return snapshots


def operations(acts: Actions) -> Actions:
    """The acts and all that follows from them, each with the time at which it arrives."""
    keys = acts["key"]
    acts["seen_ms"] = acts["at_ms"] + _lag(keys, "lag")
    late = uniform(keys, "late") < 0.004
    acts["seen_ms"][late] += (_LATE_MOST_MS * uniform(keys[late], "how late") ** 3).astype(np.int64)
    twice = acts[uniform(keys, "twice") < 0.01].copy()
    twice["seen_ms"] += 1 + (_DUPLICATE_MOST_MS * uniform(twice["key"], "again") ** 4).astype(np.int64)
    gone = gone_ms(acts)
    removed = acts[gone < NEVER].copy()
    removed["remove"] = True
    removed["at_ms"] = gone[gone < NEVER]
    removed["seen_ms"] = removed["at_ms"] + _lag(removed["key"], "removal")
    # Only a like can come back under the same identity; a comment is written anew.
    back = removed[(removed["kind"] == LIKE) & (uniform(removed["key"], "back") < 0.2)].copy()
    back["remove"] = False
    back["at_ms"] += 1_000 + exponential(back["key"], "return", HOUR_MS, _RETURN_MOST_MS - 10_000).astype(
        np.int64
    )
    back["seen_ms"] = back["at_ms"] + _lag(back["key"], "return lag")
    return np.concatenate([acts, twice, removed, back])


def _lag(keys: Keys, purpose: str) -> Ints:
    """Usual network and platform delay, never more than USUAL_LAG_MS: enough to swap neighbours."""
    lag: Ints = 150 + exponential(keys, purpose, 600.0, USUAL_LAG_MS - 200.0).astype(np.int64)
    return lag
