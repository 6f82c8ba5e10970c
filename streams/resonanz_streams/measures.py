"""All that the KPIs of some accounts are computed from, as of now; pure of log, broker and clock."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from resonanz_streams.audience import AudienceBook
from resonanz_streams.contributions import net_deltas, standing
from resonanz_streams.coverage import CoverageBook
from resonanz_streams.details import Facets
from resonanz_streams.events import KINDS
from resonanz_streams.exclusions import patterns
from resonanz_streams.footprint import Footprint, rings_footprint
from resonanz_streams.identity import hashes
from resonanz_streams.insights import InsightBook
from resonanz_streams.kpis.base import WINDOWS, WINDOWS_MS, Clients, Inputs, Kpi
from resonanz_streams.ledger import Ledger
from resonanz_streams.ledger_rows import Entries
from resonanz_streams.net.suspects import Screening
from resonanz_streams.net.table import NetTable, net_table
from resonanz_streams.net_states import NEVER, Flags
from resonanz_streams.registry import Account, Registry
from resonanz_streams.windows import Deltas, Windows, old_edge_ms


class Measures:
    """What counts once, sums of these windows, followers and coverage; row i of every array is account i."""

    def __init__(
        self,
        registry: Registry,
        accounts: Sequence[Account],
        *,
        ledger_max_bytes: int,
        facets: Facets | None = None,
        kpis: Sequence[Kpi] | None = None,
        windows: Sequence[str] = WINDOWS,
    ) -> None:
        self.ledger = Ledger(ledger_max_bytes, detailed=facets is not None)
        self.audience = AudienceBook(len(accounts))
        self.insights = InsightBook()
        self.coverage = CoverageBook([account.id for account in accounts])
        self._windows = Windows(len(accounts), windows)
        self._accounts = accounts
        self._registry = registry
        self._facets = facets
        self._kpis = kpis
        self._clients = clients_of(registry, accounts)

    @property
    def now_ms(self) -> int | None:
        """As of when; None before the first :meth:`advance`."""
        return self._windows.now_ms

    def advance(self, now_ms: int) -> None:
        """Let time pass to ``now_ms``; an earlier time changes nothing."""
        self._windows.advance(now_ms)
        self.audience.forget(now_ms)
        self.insights.forget(now_ms)

    def load(self, entries: Entries) -> None:
        """Begin with these net states of distinct keys, ascending."""
        self.ledger.load(entries.keys, entries.states)
        self._add(standing(entries.states, entries.accounts.astype(np.int64), entries.kinds.astype(np.int64)))

    def count(self, operations: Entries) -> tuple[Entries, Flags]:
        """Count operations that are not later than now, each as the state it would make alone.

        Returns the keys whose state changed with their new states, and per operation whether it was news.
        """
        changes, news = self.ledger.apply(operations.keys, operations.states)
        touched = operations.at(changes.first)
        self._add(net_deltas(changes, touched.accounts.astype(np.int64), touched.kinds.astype(np.int64)))
        return Entries(changes.keys, changes.after, touched.accounts, touched.kinds), news

    def _add(self, deltas: Deltas) -> None:
        # Accounts that left the configuration keep their entries and have no row in the windows.
        here = deltas.rows < len(self._accounts)
        self._windows.add(deltas if here.all() else deltas.where(here))

    def rings_footprint(self) -> Footprint:
        """Memory of the windows' counts."""
        return rings_footprint(self._windows, len(self._accounts))

    def net(self, *, known_from_ms: int = NEVER) -> Callable[[], NetTable]:
        """A function that gives the table of what stands now, in any thread: as far back as windows go
        but not before ``known_from_ms``.

        Raises:
            RuntimeError: nobody asked for details, or before the first :meth:`advance`.
        """
        facets, now_ms, size = self._facets, self.now_ms, len(self._accounts)
        if facets is None or now_ms is None:
            raise RuntimeError("there are no details to make a table of")
        taken = self.ledger.snapshot()
        begin_ms = max(old_edge_ms(WINDOWS[-1], now_ms) + 1, self.ledger.cut_ms, known_from_ms)
        table, known = facets.table(), self.insights.at(now_ms)
        return lambda: net_table(*taken(), table, size, now_ms, begin_ms=begin_ms, known=known)

    def inputs(self, windows: Sequence[str] = WINDOWS, *, known_from_ms: int = NEVER) -> Inputs | None:
        """The KPIs' inputs for these windows; None before the first :meth:`advance`. Counts are copies.

        What lies before ``known_from_ms``, or before the ledger's cut, is not covered.
        """
        now = self.now_ms
        if now is None:
            return None
        known_from_ms = max(self.ledger.cut_ms, known_from_ms)
        starts = {window: old_edge_ms(window, now) for window in windows}
        lengths = {window: now - start for window, start in starts.items()}
        watched = self.coverage.between(now, known_from_ms=known_from_ms)
        people = {name: self._registry.potential_at(name, now) for name in self._registry.clients}
        potential = [people[account.client] for account in self._accounts]
        return Inputs(
            now_ms=now,
            counts={window: self._windows.sums[window].copy() for window in windows},
            length_ms=lengths,
            peak_per_minute=self._windows.peak_per_minute(),
            followers=self.audience.mean(now, lengths),
            # None becomes NaN.
            potential=np.array(potential, dtype=np.float64),
            clients=self._clients,
            kpis=self._kpis,
            followers_at=self.audience.at(),
            days=self.coverage.days(now, starts, known_from_ms=known_from_ms),
            covered=lambda _, begin_ms, end_ms: watched(begin_ms, end_ms),
            coverage=self.coverage.share(
                now,
                {window: now - WINDOWS_MS[window] for window in windows},
                known_from_ms=known_from_ms,
            ),
        )


def clients_of(registry: Registry, accounts: Sequence[Account]) -> Clients:
    """What KPIs ask of the accounts' clients."""
    clients = [registry.clients[account.client] for account in accounts]
    # Once a client: its list may be long, its accounts many.
    targets = {client.id: np.sort(hashes(client.targets)) for client in dict.fromkeys(clients)}
    accounts_of = Counter(account.client for account in registry.accounts.values())
    excluded = [one for client in dict.fromkeys(clients) for one in client.exclusions]
    return Clients(
        np.array([client.sla_ms for client in clients], dtype=np.int64),
        [targets[client.id] for client in clients],
        [client.timezone for client in clients],
        [client.voice for client in clients],
        [client.hours for client in clients],
        np.array([client.weights for client in clients], dtype=np.float64).reshape(-1, len(KINDS)),
        Screening(
            [client.burst for client in clients],
            patterns(excluded, [account.id for account in accounts]),
        ),
        np.array([accounts_of[client.id] > 1 for client in clients], dtype=np.bool_),
    )


MakeMeasures = Callable[..., Measures]
"""Called as :class:`Measures` is."""
