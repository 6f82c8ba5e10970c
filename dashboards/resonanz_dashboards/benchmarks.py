"""The benchmark of each account whose client shares, from what the board holds of all of them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.groups import Held, held
from resonanz_streams import benchmark
from resonanz_streams.cohorts import Exposed
from resonanz_streams.events import KpiEntry

log = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 60.0
_LATEST_MS: Final = 24 * 3_600_000
"""Figures of the last day count: who is stale for a minute must not come and go, which would tell of it."""


async def keep_benchmarks(board: BoardState, seconds: float = REFRESH_SECONDS) -> None:
    """Compute them once the board is fed, and again and again; what fails is said and tried again."""
    while True:
        try:
            if board.feed == "live":
                await refresh(board)
        except Exception as error:
            log.exception("the benchmarks cannot be computed: %s", type(error).__name__)
            board.set_benchmarks({})
        await asyncio.sleep(seconds if board.feed == "live" else min(seconds, 1.0))


async def refresh(board: BoardState) -> None:
    """Compute them from what the board holds now."""
    registry = board.registry
    sharing = [it for it in board.entries() if registry.clients[it.account.client].benchmarks]
    found = await asyncio.to_thread(benchmarks, held(board, sharing))
    # Another configuration may have come meanwhile: then these are nobody's.
    if board.registry is registry:
        board.set_benchmarks(found)


def benchmarks(accounts: Sequence[Held]) -> Mapping[str, KpiEntry]:
    """By account, of those that have figures; all of them agreed to be compared."""
    rates = {it.account: rate for it in accounts if (rate := _rate(it)) is not None}
    compared = [one for it in accounts if (one := _exposed(it, rates.get(it.account))) is not None]
    standings = benchmark.standings(compared)
    return {account: benchmark.entry(rate, standings.get(account)) for account, rate in rates.items()}


def _rate(it: Held) -> KpiEntry | None:
    """What is compared."""
    if it.age_ms is None or it.age_ms > _LATEST_MS:
        return None
    for snapshot in it.snapshots()[:1]:
        for entry in snapshot.kpis:
            if (entry.kpi, entry.window, entry.part) == (benchmark.KPI, benchmark.WINDOW, None):
                return entry
    return None


def _exposed(it: Held, rate: KpiEntry | None) -> Exposed | None:
    """Followers, for the share of the window that was watched."""
    if rate is None or rate.lo is None or not rate.denominator or not rate.coverage:
        return None
    count, followers = round(rate.numerator or 0), rate.denominator
    return Exposed(it.account, it.client, it.platform, count, followers * rate.coverage, followers)
