"""Accounts of clients as topic ``kpis`` knows them: snapshots of what was said in a few words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from resonanz_streams.aggregates.figures import Aggregate, aggregates
from resonanz_streams.aggregates.members import Member
from resonanz_streams.deep import deep_figures
from resonanz_streams.events import KpiEntry, KpiSnapshot, encode
from resonanz_streams.kpis.base import Inputs
from resonanz_streams.snapshots import entries_of
from tests.inputs import NOW_MS

Figures = dict[tuple[str, str, str | None], Aggregate]


def snapshots_of(inputs: Inputs, names: Sequence[str]) -> list[KpiSnapshot]:
    """One for each row, of all its KPIs."""
    shallow = list(zip(*entries_of(replace(inputs, net=None)), strict=True))
    if inputs.net is None:
        return [snapshot_of(name, shallow[row]) for row, name in enumerate(names)]
    figures = deep_figures(inputs, {})
    arranged = figures.arranged()
    return [
        snapshot_of(
            name, [*shallow[row], *arranged.entries(row)], actors=figures.actors.get(row, msgspec.UNSET)
        )
        for row, name in enumerate(names)
    ]


def snapshot_of(account: str, entries: Sequence[KpiEntry], **more: Any) -> KpiSnapshot:
    """Written and read again."""
    head: dict[str, Any] = {"at_ms": NOW_MS, "client": "c", "platform": "file", "coverage": 1.0}
    written = encode(KpiSnapshot(account=account, kpis=entries, **(head | more)))
    return msgspec.json.decode(written, type=KpiSnapshot)


def member(snapshot: KpiSnapshot, *, fresh: bool = True, client: str = "bakery") -> Member:
    """An account with its snapshot, of both topics in one."""
    return Member(snapshot.account, client, [snapshot], fresh=fresh, deep=True)


def together(members: Sequence[Member]) -> Figures:
    """The figures of one group by KPI, window and part."""
    (found,) = aggregates([members])
    figures = {(entry.kpi, entry.window, entry.part): entry for entry in found}
    assert len(figures) == len(found)
    return figures


def numbers(entry: Aggregate) -> tuple[Any, Any, Any]:
    """Value, numerator, denominator."""
    return entry.value, entry.numerator, entry.denominator
