"""A partition's durable state against its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.audit_counts import Standing, counts, followers, standing, start_ms
from resonanz_streams.audit_log import Logged, taken, ways
from resonanz_streams.audit_report import Difference, Report
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.events import LEDGER_KINDS
from resonanz_streams.kpis.base import REMOVED, WINDOWS, Inputs
from resonanz_streams.reach import Limit, hidden
from resonanz_streams.topics import LEDGER_TOPICS

Flags = NDArray[np.bool_]
PARTS = (*LEDGER_KINDS, "removed")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both sides say of a partition at ``now_ms``. ``live``: the state's net states, one of a key."""

    partition: int
    engine: PartitionEngine
    inputs: Inputs
    live: Standing
    operations: Logged
    people: Logged
    limits: Sequence[Limit]
    people_limits: Sequence[Limit]

    @property
    def now_ms(self) -> int:
        """As of when."""
        return self.inputs.now_ms


def compare_state(evidence: Evidence, rows: Sequence[int], report: Report) -> None:
    """Every count and every follower mean of these accounts, in every window."""
    now, engine = evidence.now_ms, evidence.engine
    starts = {window: start_ms(window, now) for window in WINDOWS}
    unknown = hidden(evidence.limits, starts)
    report.leave_out("state", unknown, len(rows))
    unknown_means = hidden(evidence.people_limits, starts)
    report.leave_out(
        "state", {f"{window} followers": why for window, why in unknown_means.items()}, len(rows)
    )
    known = [window for window in WINDOWS if window not in unknown]
    known_means = [window for window in WINDOWS if window not in unknown_means]
    report.accounts.update(engine.accounts[row].id for row in rows)
    report.figures += len(rows) * (len(known) * len(PARTS) + len(known_means))
    for row, net in _recounted(evidence, rows, known):
        for difference in _counts_of(evidence, row, net, known):
            report.add(difference)
    for difference in _means_of(evidence, rows, known_means):
        report.add(difference)


def _recounted(evidence: Evidence, rows: Sequence[int], windows: Sequence[str]) -> list[tuple[int, Standing]]:
    """The accounts that differ from all that they may be, with what they should be."""
    operations, accounts = evidence.operations, len(evidence.engine.accounts)
    variants = [standing(taken(operations, way)) for way in ways(operations)]
    sums = [counts(net, accounts, evidence.now_ms) for net in variants]
    return [
        (row, variants[0])
        for row in rows
        if all(
            any((found[window][row] != evidence.inputs.counts[window][row]).any() for window in windows)
            for found in sums
        )
    ]


def _counts_of(evidence: Evidence, row: int, net: Standing, windows: Sequence[str]) -> list[Difference]:
    net = net.of(row)
    found = counts(net, len(evidence.engine.accounts), evidence.now_ms)
    keys = differing_keys(evidence.live.of(row), net)
    return [
        Difference(
            account=evidence.engine.accounts[row].id,
            source="state",
            window=window,
            figure=PARTS[column],
            live=int(live),
            recomputed=int(recomputed),
            partition=evidence.partition,
            at_ms=evidence.now_ms,
            where=_where(evidence, row, keys, start_ms(window, evidence.now_ms), column),
        )
        for window in windows
        for column, (live, recomputed) in enumerate(
            zip(evidence.inputs.counts[window][row], found[window][row], strict=True)
        )
        if live != recomputed
    ]


def differing_keys(live: Standing, recomputed: Standing) -> Mapping[int, tuple[set[int], int]]:
    """The keys of an account on which the two do not agree: the columns they touch, and the newest time."""
    sides = [
        dict(
            zip(
                net.keys.tolist(),
                zip(net.columns.tolist(), net.at_ms.tolist(), net.weights.tolist(), strict=True),
                strict=True,
            )
        )
        for net in (live, recomputed)
    ]
    found = {}
    for key in sides[0].keys() | sides[1].keys():
        states = [side[key] for side in sides if key in side]
        if len(states) < len(sides) or states[0] != states[1]:
            found[key] = {state[0] for state in states}, max(state[1] for state in states)
    return found


def _where(
    evidence: Evidence, row: int, keys: Mapping[int, tuple[set[int], int]], start: int, column: int
) -> str:
    chosen = [key for key, (columns, at) in keys.items() if column in columns and at > start]
    if not chosen:
        return span(evidence.operations, evidence.partition, row, start, column)
    places = [place_of(evidence.operations, evidence.partition, key) for key in chosen[:_SHOWN]]
    more = f" and {len(chosen) - _SHOWN} more keys" if len(chosen) > _SHOWN else ""
    return ", ".join(places) + more


def place_of(logged: Logged, partition: int, key: int) -> str:
    """The newest record of a key."""
    mine = np.flatnonzero(logged.keys == np.uint64(key))
    if not len(mine):
        return "a key that no record has"
    last = mine[int(np.argmax(logged.offsets[mine]))]
    return f"{LEDGER_TOPICS[logged.columns[last]]}/{partition}@{logged.offsets[last]}"


def span(logged: Logged, partition: int, row: int, start: int, column: int | None) -> str:
    """Where the records stand that a figure is counted from, topic by topic."""
    mine = (logged.rows == row) & (logged.at_ms > start)
    found = []
    for number, topic in enumerate(LEDGER_TOPICS):
        offsets = logged.offsets[mine & (logged.columns == number)]
        if len(offsets) and column in {None, number, REMOVED}:
            found.append(f"{topic}/{partition}@{offsets.min()}–{offsets.max()}")
    return ", ".join(found) or "no record"


def _means_of(evidence: Evidence, rows: Sequence[int], windows: Sequence[str]) -> list[Difference]:
    people = evidence.people
    accounts = len(evidence.engine.accounts)
    variants = [followers(taken(people, way), accounts, evidence.now_ms) for way in ways(people)]
    found = []
    for row in rows:
        live = {window: evidence.inputs.followers[window][row] for window in windows}
        if any(all(same(live[window], means[window][row]) for window in windows) for means in variants):
            continue
        offsets = people.offsets[people.rows == row]
        where = (
            f"audience/{evidence.partition}@{offsets.min()}–{offsets.max()}" if len(offsets) else "no record"
        )
        found += [
            Difference(
                account=evidence.engine.accounts[row].id,
                source="state",
                window=window,
                figure="followers",
                live=plain(live[window]),
                recomputed=plain(variants[0][window][row]),
                partition=evidence.partition,
                at_ms=evidence.now_ms,
                where=where,
            )
            for window in windows
            if not same(live[window], variants[0][window][row])
        ]
    return found


def same(one: float | None, other: float | None) -> bool:
    """Equal but for the last digits, which another machine may round otherwise; NaN and None are absent."""
    a, b = plain(one), plain(other)
    if a is None or b is None:
        return a is b
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def plain(value: float | None) -> float | None:
    """As JSON says it."""
    return None if value is None or value != value else float(value)  # noqa: PLR0124  # NaN
