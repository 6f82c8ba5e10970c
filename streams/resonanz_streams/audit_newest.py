"""What topics ``kpis`` and ``kpis.deep`` hold of each account, whose it is, and what lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from resonanz_streams.audit_log import Logged
from resonanz_streams.audit_report import Difference, Report
from resonanz_streams.current import NotReadableError, snapshot_in
from resonanz_streams.events import KpiSnapshot
from resonanz_streams.registry import Account
from resonanz_streams.transports.ports import Archive

_NAMES: Final = {"account": "id", "client": "client", "platform": "platform"}


@dataclass(frozen=True, slots=True)
class Told:
    """A snapshot, its account's row, and where it stands in its partition of ``topic``."""

    row: int
    snapshot: KpiSnapshot
    topic: str
    offset: int


@dataclass(frozen=True, slots=True)
class Newest:
    """Of one topic, by account row: the newest snapshots, and of those that are none offset and reason."""

    topic: str
    told: dict[int, Told] = field(default_factory=dict)
    faults: dict[int, tuple[int, str]] = field(default_factory=dict)


async def newest_told(archive: Archive, topic: str, partition: int, accounts: Sequence[Account]) -> Newest:
    """Those of other accounts are left out."""
    rows = {account.id.encode(): row for row, account in enumerate(accounts)}
    records: dict[int, tuple[int, bytes | None]] = {}
    end = (await archive.ends(topic)).get(partition, 0)
    async for batch in archive.records(topic, partition, 0, end):
        for record in batch:
            if record.key in rows:
                records[rows[record.key]] = record.offset, record.value
    newest = Newest(topic)
    for row, (offset, value) in records.items():
        if value is None:
            continue
        try:
            newest.told[row] = Told(row, snapshot_in(value), topic, offset)
        except NotReadableError as error:
            newest.faults[row] = offset, str(error)
    return newest


@dataclass(frozen=True, slots=True)
class Presence:
    """Compares what is there; ``at_ms``: as of when."""

    partition: int
    accounts: Sequence[Account]
    counted: Sequence[Logged]
    at_ms: int
    report: Report

    def absent(self, rows: Sequence[int], newest: Newest) -> set[int]:
        """Accounts that something was counted of, and that have no snapshot."""
        counted = {row for logged in self.counted for row in np.unique(logged.rows[~logged.refused]).tolist()}
        return (counted & set(rows)) - newest.told.keys() - newest.faults.keys()

    def compare(self, rows: Sequence[int], newest: Newest, absent: set[int]) -> None:
        """Of these accounts: is there a snapshot, can it be read, and whose is it?"""
        for row in rows:
            if row in newest.told:
                self._whose(newest.told[row])
            elif row in newest.faults:
                offset, why = newest.faults[row]
                where = f"{newest.topic}/{self.partition}@{offset}: {why}"
                self._differs(row, "snapshot", "not readable", "readable", where)
            elif row in absent:
                self._differs(row, "snapshot", "missing", "present", "a running worker tells it within 30 s")

    def _whose(self, told: Told) -> None:
        for name, field_name in _NAMES.items():
            live, configured = getattr(told.snapshot, name), getattr(self.accounts[told.row], field_name)
            if live != configured:
                where = f"{told.topic}/{self.partition}@{told.offset}"
                self._differs(told.row, name, live, configured, where)

    def _differs(self, row: int, figure: str, live: Any, right: Any, where: str) -> None:
        self.report.add(
            Difference(
                account=self.accounts[row].id,
                source="kpis",
                window="all",
                figure=figure,
                live=live,
                recomputed=right,
                partition=self.partition,
                at_ms=self.at_ms,
                where=where,
            )
        )
