"""Snapshots as a worker writes them, for a wall without one."""

from collections.abc import Mapping, Sequence

from scipy.special import gammaincinv

from resonanz_streams.events import KpiEntry, KpiSnapshot, Status, encode
from resonanz_streams.topics import DEEP, KPIS, STATUS
from resonanz_streams.transports.ports import Record

MINUTES: Mapping[str, int] = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "1h": 60,
    "24h": 1440,
    "7d": 10_080,
    "28d": 40_320,
}
ALL_WINDOWS = tuple(MINUTES)


def snapshot(
    account: str,
    at_ms: int,
    *,
    client: str = "bakery",
    likes_per_hour: float = 60,
    followers: float | None = 2400,
    potential: float | None = 1200,
    coverage: float = 1.0,
    windows: Sequence[str] = ALL_WINDOWS,
) -> KpiSnapshot:
    """An account whose interactions come evenly: six parts likes, three comments, one share."""
    entries: list[KpiEntry] = []
    for window in windows:
        likes = round(likes_per_hour * MINUTES[window] / 60)
        parts = {"like": likes, "comment": likes // 2, "share": likes // 6, "removed": max(0, likes // 20)}
        total = parts["like"] + parts["comment"] + parts["share"]
        entries += [_count(window, None, total, coverage)]
        entries += [_count(window, part, number, coverage) for part, number in parts.items()]
        entries += [_velocity(window, total, coverage)]
        entries += [_rate("engagement_rate_by_followers", window, total, followers, coverage)]
        entries += [_rate("interactions_per_potential", window, total, potential, coverage)]
    return KpiSnapshot(
        at_ms=at_ms,
        client=client,
        platform=account.partition(":")[0],
        account=account,
        coverage=coverage,
        kpis=entries,
    )


def record(shot: KpiSnapshot, offset: int = 0) -> Record:
    """As it stands in the topic."""
    return Record(KPIS, 0, offset, shot.account.encode(), encode(shot))


def deep_record(shot: KpiSnapshot) -> Record:
    """As it stands in the topic of deep figures."""
    return Record(DEEP, 0, 0, shot.account.encode(), encode(shot))


def tombstone(account: str) -> Record:
    """An account that has left the topic."""
    return Record(KPIS, 0, 0, account.encode(), None)


def status(account: str, at_ms: int, state: str = "ok", connector: str = "bluesky") -> Record:
    """A connector's heartbeat."""
    heartbeat = Status(
        connector=connector,
        account=account,
        at_ms=at_ms,
        state=state,  # type: ignore[arg-type]  # the tests give one of the three
        since_ms=0,
        complete_through_ms=at_ms,
    )
    return Record(STATUS, 0, 0, f"{connector}/{account}".encode(), encode(heartbeat))


def _count(window: str, part: str | None, number: int, coverage: float) -> KpiEntry:
    return KpiEntry(
        kpi="interactions",
        window=window,
        part=part,
        value=number if coverage else None,
        numerator=number,
        coverage=coverage,
        reason=None if coverage else "not_covered",
    )


def _velocity(window: str, total: int, coverage: float) -> KpiEntry:
    return KpiEntry(
        kpi="velocity",
        window=window,
        value=total / MINUTES[window] if coverage else None,
        numerator=total,
        denominator=MINUTES[window],
        coverage=coverage,
        reason=None if coverage else "not_covered",
    )


def _rate(kpi: str, window: str, total: int, exposure: float | None, coverage: float) -> KpiEntry:
    if exposure is None or not coverage:
        missing = "no_potential" if kpi.endswith("potential") else "no_followers"
        reason = missing if coverage else "not_covered"
        return KpiEntry(kpi=kpi, window=window, numerator=total, coverage=coverage, reason=reason)
    low, high = _interval(total)
    return KpiEntry(
        kpi=kpi,
        window=window,
        value=1000 * total / exposure,
        lo=None if low is None else 1000 * low / exposure,
        hi=None if high is None else 1000 * high / exposure,
        numerator=total,
        denominator=exposure,
        coverage=coverage,
        reason="negative_count" if total < 0 else None,
    )


def _interval(total: int) -> tuple[float | None, float | None]:
    """Garwood's; a negative net count has none."""
    if total < 0:
        return None, None
    low = float(gammaincinv(total, 0.025)) if total else 0.0
    return low, float(gammaincinv(total + 1, 0.975))
