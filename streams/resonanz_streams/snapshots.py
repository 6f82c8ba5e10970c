"""What topic ``kpis`` is told: a JSON snapshot of every account whose numbers changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.evaluation import Compute, evaluate, plainly
from resonanz_streams.events import KpiEntry, KpiSnapshot, encode
from resonanz_streams.kpis.base import REASONS, FollowersAt, Inputs
from resonanz_streams.registry import Account

REFRESH_MS: Final = 30_000
"""An account that does not change is told again after this, so that a reader can see it is alive."""

_EVALUATED: Final = 250
"""Accounts whose KPIs are computed together: of fewer, numpy's calls cost more than the numbers."""

_COLUMNS: Final = 16
"""Columns of those that are computed without a pause: about 2 ms."""

_SLICE: Final = 50
"""Accounts whose JSON is written without a pause: about 2 ms."""

_MOST: Final = 0.40
_LEAST: Final = 0.03
Rows = NDArray[np.intp]


def share_of_time(load: float) -> float:
    """The part of a tick that may go into making snapshots, when the process was busy for ``load`` of the
    time. Writing them takes as much again: while it catches up, all of it stays under a tenth of the CPU.
    """
    return max(_LEAST, _MOST * (1 - load))


class SnapshotBook:
    """Remembers what was last told of each account of a partition.

    ``every_tick``: tell everything whenever event time moved (``clock: event``), so that the last
    snapshots of a replay carry its end. ``compute``: the KPIs.
    """

    def __init__(
        self, accounts: Sequence[Account], *, every_tick: bool = False, compute: Compute = plainly
    ) -> None:
        self._accounts = accounts
        self._compute = compute
        self._every_tick = every_tick
        self._told: NDArray[np.float64] | None = None
        self._told_ms = np.zeros(len(accounts), dtype=np.int64)

    def due(self, inputs: Inputs, clock_ms: int) -> Rows:
        """Rows to tell now, those told longest ago first. ``clock_ms`` is the wall clock."""
        signature = self._signature(inputs)
        if self._told is None:
            self._told = np.full_like(signature, np.inf)
        changed = (signature != self._told).any(axis=1) | (clock_ms - self._told_ms >= REFRESH_MS)
        rows = np.flatnonzero(changed)
        return rows[np.argsort(self._told_ms[rows], kind="stable")]

    def _signature(self, inputs: Inputs) -> NDArray[np.float64]:
        columns: list[NDArray[Any]] = [*inputs.counts.values()]
        columns += [np.nan_to_num(mean, nan=-1.0)[:, None] for mean in inputs.followers.values()]
        columns += [np.round(share, 2)[:, None] for share in inputs.coverage.values()]
        columns.append(np.nan_to_num(inputs.potential, nan=-1.0)[:, None])
        if self._every_tick:
            columns.append(np.full((len(self._accounts), 1), inputs.now_ms))
        return np.concatenate(columns, axis=1, dtype=np.float64)

    def encode(
        self,
        rows: Rows,
        inputs: Inputs,
        clock_ms: int,
        *,
        read: Mapping[str, int] | None = None,
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        """(key, JSON) of these rows in their order, slice by slice.

        ``read``: the next offsets per topic when ``inputs`` were taken. From the first slice on the caller
        may let others work in between; some slices are empty for that. What is not asked for stays due and
        comes first the next time.
        """
        if not len(rows):
            return
        # Now, of all accounts: the rings that they are read from go on when others work.
        peaks = inputs.peak_per_minute()
        inputs = replace(inputs, peak_per_minute=lambda: peaks)
        signature = self._signature(inputs)
        for first in range(0, len(rows), _EVALUATED):
            together = rows[first : first + _EVALUATED]
            columns = []
            for column in entries_of(chosen(inputs, together), self._compute):
                columns.append(column)
                if len(columns) % _COLUMNS == 0:
                    yield []
            entries = list(zip(*columns, strict=True)) if columns else [()] * len(together)
            yield []
            for start in range(0, len(together), _SLICE):
                part = together[start : start + _SLICE]
                own = entries[start : start + _SLICE]
                told = [
                    self._snapshot(row, few, inputs, read)
                    for row, few in zip(part.tolist(), own, strict=True)
                ]
                if self._told is not None:
                    self._told[part] = signature[part]
                self._told_ms[part] = clock_ms
                yield told

    def _snapshot(
        self,
        row: int,
        entries: Sequence[KpiEntry],
        inputs: Inputs,
        read: Mapping[str, int] | None,
    ) -> tuple[bytes, bytes]:
        account = self._accounts[row]
        snapshot = KpiSnapshot(
            at_ms=inputs.now_ms,
            client=account.client,
            platform=account.platform,
            account=account.id,
            coverage=float(inputs.coverage["24h"][row]),
            kpis=entries,
            read=read,
        )
        return account.id.encode(), encode(snapshot)


def entries_of(inputs: Inputs, compute: Compute = plainly) -> Iterator[Sequence[KpiEntry]]:
    """Every column of every KPI that is not deep, as one entry an account. NaN is written as null."""
    reasons = [reason or None for reason in REASONS]
    coverage = {window: share.tolist() for window, share in inputs.coverage.items()}
    for kpi, window, column in evaluate(inputs, compute=compute):
        numbers = (column.value, column.lo, column.hi, column.numerator, column.denominator)
        # A loop in C: these are sixty entries an account, with every tick.
        yield list(
            map(
                KpiEntry,
                repeat(kpi.id),
                repeat(window),
                repeat(column.part),
                *(values.tolist() for values in numbers),
                coverage[window],
                map(reasons.__getitem__, column.reason.tolist()),
            )
        )


def chosen(inputs: Inputs, rows: Rows) -> Inputs:
    """The inputs of some accounts only."""
    return replace(
        inputs,
        counts={window: counts[rows] for window, counts in inputs.counts.items()},
        peak_per_minute=lambda: inputs.peak_per_minute()[rows],
        followers={window: mean[rows] for window, mean in inputs.followers.items()},
        potential=inputs.potential[rows],
        coverage={window: share[rows] for window, share in inputs.coverage.items()},
        clients=inputs.clients.of(rows),
        followers_at=_of(inputs.followers_at, rows),
    )


def _of(followers_at: FollowersAt | None, rows: Rows) -> FollowersAt | None:
    """The same, of accounts that are numbered as these rows."""
    if followers_at is None:
        return None
    whole = followers_at
    return lambda accounts, times: whole(rows[accounts], times)
