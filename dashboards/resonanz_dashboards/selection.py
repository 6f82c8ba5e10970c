"""Which figures of an account a viewer wants, and an account's figures cut to them, encoded once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from resonanz_dashboards.entries import Entry
from resonanz_streams.events import KpiEntry, KpiSnapshot

KEPT: Final = 4
"""Encodings kept for each account: pages ask for few different things, strangers for anything."""

_snapshots = msgspec.json.Decoder(KpiSnapshot)


@dataclass(frozen=True, slots=True)
class Selection:
    """``kpis`` holds ids (``velocity``) and ids of one window (``5m/velocity``); empty means all of them,
    as does an empty ``windows``.
    """

    windows: frozenset[str] = frozenset()
    kpis: frozenset[str] = frozenset()

    @classmethod
    def of(cls, windows: Iterable[str] | None, kpis: Iterable[str] | None) -> "Selection":
        """As a query asks for them."""
        return cls(frozenset(windows or ()), frozenset(kpis or ()))

    def wants(self, it: KpiEntry) -> bool:
        """Whether the viewer asked for this entry."""
        return self.wants_figure(it.kpi, it.window)

    def wants_figure(self, kpi: str, window: str) -> bool:
        """Whether the viewer asked for this KPI over this window."""
        if self.windows and window not in self.windows:
            return False
        return not self.kpis or kpi in self.kpis or f"{window}/{kpi}" in self.kpis


ALL: Final = Selection()


def figures(entry: Entry, selection: Selection) -> list[KpiEntry]:
    """The account's latest figures that are wanted; empty if there are none."""
    return [it for _, it in dated_figures(entry, selection)]


def dated_figures(entry: Entry, selection: Selection) -> list[tuple[int, KpiEntry]]:
    """The same, each with the time that it is as of: those of ``kpis.deep`` may be older. Behind them stands
    the benchmark, which is computed here."""
    told = [_snapshots.decode(value) for value in (entry.value, entry.deep) if value]
    found = [(snapshot.at_ms, it) for snapshot in told for it in snapshot.kpis if selection.wants(it)]
    if entry.benchmark is not None and entry.at_ms is not None and selection.wants(entry.benchmark):
        found.append((entry.at_ms, entry.benchmark))
    return found


def encoded(entry: Entry, selection: Selection) -> bytes:
    """The account's latest KpiSnapshot as JSON, with what its connectors say beside it.

    Client and platform are those of the configuration: who may see an account is decided by them.
    However many viewers want the same, it is encoded once a change.
    """
    found = entry.encoded.get(selection)
    if found is None:
        found = _encode(entry, selection)
        if len(entry.encoded) >= KEPT:
            entry.encoded.pop(next(iter(entry.encoded)))
        entry.encoded[selection] = found
    return found


def _encode(entry: Entry, selection: Selection) -> bytes:
    return msgspec.json.encode(
        {
            "v": 1,
            "at_ms": entry.at_ms,
            "deep_at_ms": entry.deep_at_ms,
            "arrived_ms": entry.arrived_ms,
            "client": entry.account.client,
            "platform": entry.account.platform,
            "account": entry.account.id,
            "coverage": entry.coverage,
            "connectors": list(entry.connectors.values()),
            "kpis": figures(entry, selection),
        }
    )
