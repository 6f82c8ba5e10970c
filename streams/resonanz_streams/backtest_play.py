"""Time passes in steps over what was read, and the KPIs are evaluated at each of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from resonanz_streams.backtest_spool import Rows, Spool
from resonanz_streams.backtest_tidy import Tidy
from resonanz_streams.details import Facets
from resonanz_streams.evaluation import KpiFailures, evaluate
from resonanz_streams.events import Status
from resonanz_streams.kpis.base import POST, WINDOWS, Kpi
from resonanz_streams.ledger_rows import Entries
from resonanz_streams.measures import Measures
from resonanz_streams.net_states import alone
from resonanz_streams.registry import Registry
from resonanz_streams.windows import old_edge_ms


@dataclass(slots=True)
class Counted:
    """What became of the interactions up to the last step; see Net state."""

    added: int = 0
    removed: int = 0
    duplicates: int = 0


class Play:
    """Counts operations as they become known, for these windows. ``facets``: those of the operations, None if
    no KPI asks for them. ``failures``: KPIs that were left out."""

    def __init__(
        self,
        registry: Registry,
        operations: Spool,
        snapshots: Spool,
        facets: Facets | None,
        windows: Sequence[str],
        *,
        max_bytes: int,
    ) -> None:
        self.counted = Counted()
        self.failures = KpiFailures()
        self.measures = Measures(
            registry, registry.accounts_of(0), ledger_max_bytes=max_bytes, facets=facets, windows=windows
        )
        self._deep = facets is not None
        self._windows = windows
        # What people answer or react to may lie before the window.
        self._longest = WINDOWS[-1] if self._deep else windows[-1]
        self._operations = operations
        self._snapshots = snapshots

    def watched(self, statuses: Iterable[Status]) -> None:
        """Say when each account was watched."""
        for status in statuses:
            self.measures.coverage.observe(status)

    def run(
        self,
        steps: Sequence[int],
        kpis: Sequence[Kpi],
        tidy: Tidy,
        progress: Callable[[int], None],
    ) -> None:
        """Evaluate ``kpis`` at each of ``steps`` (epoch ms, ascending)."""
        for number, now_ms in enumerate(steps, 1):
            self._advance(now_ms)
            inputs = self.measures.inputs(self._windows)
            if inputs is not None:
                if self._deep:
                    inputs = replace(inputs, net=self.measures.net()())
                found = evaluate(inputs, kpis, self._windows, compute=self.failures.columns)
                tidy.add(inputs, found)
            if number % 16 == 0 or number == len(steps):
                progress(number)

    def _advance(self, now_ms: int) -> None:
        self.measures.advance(now_ms)
        ledger = self.measures.ledger
        ledger.forget(old_edge_ms(self._longest, now_ms) + 1)
        for rows in self._operations.until(now_ms):
            self._count(rows)
            ledger.forget(old_edge_ms(self._longest, now_ms) + 1)
            while (merge := ledger.merge_job()) is not None:
                merge()()
        for rows in self._snapshots.until(now_ms):
            for at_ms, account, followers, post, *figures in rows.tolist():
                self.measures.audience.add(account, at_ms, followers)
                self.measures.insights.add(account, post, at_ms, figures)

    def _count(self, rows: Rows) -> None:
        removal = np.ascontiguousarray(rows["removal"])
        details = rows["details"].astype(np.uint64) if self._deep else None
        states = alone(rows["at_ms"], removal, rows["weight"].astype(np.int64), details)
        keys, accounts = np.ascontiguousarray(rows["key"]), np.ascontiguousarray(rows["account"])
        _, news = self.measures.count(Entries(keys, states, accounts, np.ascontiguousarray(rows["kind"])))
        news &= rows["kind"] != POST
        removed = int(np.count_nonzero(news & removal))
        known = int(np.count_nonzero(news))
        self.counted.added += known - removed
        self.counted.removed += removed
        self.counted.duplicates += int(np.count_nonzero(rows["kind"] != POST)) - known
