"""The KPIs of PLAIN_KPIS once more from the files themselves, with dictionaries; it imports nothing of ours.

Rows are tuples (value, lo, hi, numerator, denominator, coverage, reason) by (account, KPI, window, part).
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from scipy.stats import chi2
from tests.naive import KINDS, WINDOWS, key_of, old_edge

Key = tuple[str, str, str, str | None]
Row = tuple[float | None, float | None, float | None, float | None, float | None, float, str | None]
Net = tuple[int, str, int, bool]
HOLD = 48 * 3_600_000
PLAIN_KPIS = ("interactions", "velocity", "engagement_rate_by_followers", "interactions_per_potential")


def cells_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, gzipped or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(text.splitlines()))


class Plain:
    """``events``: as in the contract. ``snapshots``: (account, time, followers). ``spans``: from the first
    row to the last of the files that hold an account. ``potential``: (valid from, people), ascending."""

    def __init__(
        self,
        events: Iterable[Mapping[str, Any]],
        snapshots: Iterable[tuple[str, int, int]],
        spans: Mapping[str, tuple[int, int]],
        potential: Sequence[tuple[int, int]],
    ) -> None:
        self.operations: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
        for event in events:
            self.operations[key_of(dict(event))].append(event)
        self.followers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for account, at, people in sorted(snapshots):
            self.followers[account].append((at, people))
        self.spans = spans
        self.potential = potential

    def rows(self, now: int) -> dict[Key, Row]:
        """Every KPI of every account as of ``now``."""
        net = self._net(now)
        found: dict[Key, Row] = {}
        for account in self.spans:
            for window, (length, resolution) in WINDOWS.items():
                for (kpi, part), row in self._account(account, net[account], now, length, resolution).items():
                    found[account, kpi, window, part] = row
        return found

    def _net(self, now: int) -> dict[str, list[Net]]:
        """Per account the time, kind and weight of each key's latest addition, and whether it counts."""
        net: dict[str, list[Net]] = defaultdict(list)
        for operations in self.operations.values():
            past = [event for event in operations if event["at_ms"] <= now]
            added = [event["at_ms"] for event in past if event.get("op") != "remove"]
            removed = [event["at_ms"] for event in past if event.get("op") == "remove"]
            if added:
                counts = not removed or max(added) > max(removed)
                net[past[0]["account"]].append((max(added), past[0]["kind"], 1, counts))
        return net

    def _account(
        self, account: str, net: Sequence[Net], now: int, length: int, resolution: int
    ) -> dict[tuple[str, str | None], Row]:
        start = old_edge(now, length, resolution)
        counts = dict.fromkeys((*KINDS, "removed"), 0)
        for at, kind, weight, standing in net:
            if start < at <= now:
                counts[kind if standing else "removed"] += weight
        first, last = self.spans[account]
        coverage = max(0, min(now, last) - max(now - length, first)) / length
        whole = sum(counts[kind] for kind in KINDS)
        rows: dict[tuple[str, str | None], Row] = {
            ("interactions", None): count_row(whole, coverage),
            ("velocity", None): rate_row(whole, (now - start) / 60_000, 1.0, coverage, "?"),
            ("engagement_rate_by_followers", None): rate_row(
                whole, self._mean_followers(account, start, now), 1000.0, coverage, "no_followers"
            ),
            ("interactions_per_potential", None): rate_row(
                whole, self._potential_at(now), 1000.0, coverage, "no_potential"
            ),
        }
        rows |= {("interactions", part): count_row(count, coverage) for part, count in counts.items()}
        if length == WINDOWS["24h"][0]:
            rows["velocity", "peak"] = peak_row(net, start, now, resolution, coverage)
        return rows

    def _mean_followers(self, account: str, start: int, now: int) -> float | None:
        """Time-weighted over the part of (start, now] in which they are known."""
        known = self.followers[account]
        whole = exposure = 0
        for number, (at, people) in enumerate(known):
            end = min(known[number + 1][0] if number + 1 < len(known) else at + HOLD, at + HOLD)
            overlap = max(0, min(end, now) - max(at, start))
            whole += people * overlap
            exposure += overlap
        return whole / exposure if exposure else None

    def _potential_at(self, now: int) -> float | None:
        valid = [people for since, people in self.potential if since <= now]
        return float(valid[-1]) if valid else None


@cache
def garwood(count: int) -> tuple[float, float]:
    """The exact Poisson interval at 95 %, from the textbook."""
    lo = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return lo, float(chi2.ppf(0.975, 2 * count + 2)) / 2


def count_row(count: int, coverage: float) -> Row:
    """A count; unknown where nothing was watched and nothing came."""
    if not coverage and not count:
        return None, None, None, None, None, coverage, "not_covered"
    return float(count), *garwood(count), float(count), None, coverage, None


def rate_row(count: int, exposure: float | None, per: float, coverage: float, missing: str) -> Row:
    """``per`` times count over exposure."""
    value, lo, hi, numerator, _, _, reason = count_row(count, coverage)
    if not exposure:
        return None, None, None, numerator, None, coverage, missing
    if value is None or lo is None or hi is None:
        return None, None, None, None, exposure, coverage, reason
    return per * value / exposure, per * lo / exposure, per * hi / exposure, value, exposure, coverage, None


def peak_row(net: Sequence[Net], start: int, now: int, resolution: int, coverage: float) -> Row:
    """The busiest 5 min bucket of a day, in interactions a minute."""
    buckets: dict[int, int] = defaultdict(int)
    for at, _, weight, counts in net:
        if start < at <= now and counts:
            buckets[-(-at // resolution)] += weight
    most = max([0, *buckets.values()])
    if not coverage and not most:
        return None, None, None, None, 5.0, coverage, "not_covered"
    return most / 5, None, None, float(most), 5.0, coverage, None
