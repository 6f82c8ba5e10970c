"""Accounts by their shrunken rate: a small account that was lucky once does not come first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from resonanz_dashboards.groups import Held
from resonanz_streams.cohorts import Exposed
from resonanz_streams.events import KpiEntry
from resonanz_streams.shrinkage import Prior, priors

RankedKpi = Literal["engagement_rate_by_followers", "interactions_per_potential"]
RankedWindow = Literal["24h", "7d", "28d"]
FOLLOWERS: Final = "engagement_rate_by_followers"
"""Whose denominator is the followers."""

PER: Final = 1000.0


def ranking(
    seen: Sequence[Held], shown: frozenset[str], kpi: RankedKpi, window: RankedWindow
) -> dict[str, Any]:
    """``seen``: the accounts that what is usual is taken from, no others; ``shown``: those that are ranked.

    Each account that is not ranked is listed with the reason.
    """
    told = {it.account: _entries(it, window) for it in seen}
    known = {it.account: it for it in seen}
    exposed = {it.account: one for it in seen if (one := exposed_of(it, told[it.account], kpi)) is not None}
    usual = priors(list(exposed.values()))
    rows = [
        {
            "client": one.client,
            "platform": one.platform,
            "account": account,
            "at_ms": known[account].at_ms,
            **_rates(one, usual[account], told[account][kpi]),
        }
        for account, one in exposed.items()
        if account in shown
    ]
    rows.sort(key=lambda row: (-row["value"], -row["raw"], row["account"]))
    return {
        "accounts": [{"rank": place, **row} for place, row in enumerate(rows, 1)],
        "unranked": list(_unranked(known, told, shown - exposed.keys(), kpi)),
    }


def exposed_of(it: Held, entries: Mapping[str, KpiEntry], kpi: str) -> Exposed | None:
    """An account's count and exposure; None where its rate is null or has no interval, or it is stale."""
    entry, people = entries.get(kpi), entries.get(FOLLOWERS)
    if not it.fresh or entry is None or entry.lo is None or not entry.denominator:
        return None
    followers = None if people is None else people.denominator
    count = round(entry.numerator or 0)
    return Exposed(it.account, it.client, it.platform, count, entry.denominator, followers)


def _entries(it: Held, window: str) -> dict[str, KpiEntry]:
    """The wholes over a window by KPI."""
    return {
        entry.kpi: entry
        for snapshot in it.snapshots()[:1]
        for entry in snapshot.kpis
        if entry.window == window and entry.part is None
    }


def _rates(one: Exposed, prior: Prior, entry: KpiEntry) -> dict[str, Any]:
    return {
        "value": PER * prior.shrunken(one.count, one.exposure),
        "weight": prior.weight(one.exposure),
        "raw": entry.value,
        "lo": entry.lo,
        "hi": entry.hi,
        "numerator": entry.numerator,
        "denominator": entry.denominator,
        "coverage": entry.coverage,
        "prior": {
            "level": prior.level,
            "accounts": prior.accounts,
            "mean": PER * prior.mean,
            "deviation": PER * prior.variance**0.5,
        },
    }


def _unranked(
    known: Mapping[str, Held], told: Mapping[str, Mapping[str, KpiEntry]], names: frozenset[str], kpi: str
) -> Iterator[dict[str, Any]]:
    for name in sorted(names):
        it, entry = known[name], told[name].get(kpi)
        reason = "stale" if it.age_ms is not None and not it.fresh else "not_covered"
        if it.fresh and entry is not None:
            reason = entry.reason or reason
        yield {"client": it.client, "platform": it.platform, "account": name, "reason": reason}
