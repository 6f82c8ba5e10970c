"""KPI ``benchmark``: how an account does among its like, without telling anybody's figures.

Of each other account of the cohort the chance is taken that its rate lies below the account's own, given the
interactions and exposures of the two (gamma distributions, Jeffreys' prior). Their mean is the account's
expected percentile: one with few interactions stays near the middle, however lucky it was. Only a step of
ten is told (of five below ten accounts), so that another account's figures, whatever they are, move it by
one step at most.

Source: N. M. Laird, T. A. Louis, Empirical Bayes Ranking Methods, Journal of Educational Statistics 14
(1989).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from resonanz_streams.cohorts import Cohort, Exposed, total
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis.base import Floats

ID: Final = "benchmark"
KPI: Final = "engagement_rate_by_followers"
"""What is compared."""

WINDOW: Final = "28d"
LEAST_ACCOUNTS: Final = 8
LEAST_CLIENTS: Final = 3
_JEFFREYS: Final = 0.5
_TRACE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Standing:
    """The step of the percentile, from ``lo`` to ``hi``; ``accounts``: the cohort has at least so many."""

    lo: float
    hi: float
    accounts: int

    @property
    def value(self) -> float:
        """The middle of the step."""
        return (self.lo + self.hi) / 2


def entry(rate: KpiEntry, standing: Standing | None) -> KpiEntry:
    """The KPI of an account that shares; ``rate``: its own, ``standing``: if it has one.

    ``value``: the middle of the step, ``lo`` and ``hi`` its ends; ``denominator``: the cohort has at least so
    many accounts.
    """
    if standing is not None:
        numbers = (standing.value, standing.lo, standing.hi, None, float(standing.accounts))
        return KpiEntry(ID, WINDOW, None, *numbers, rate.coverage, None)
    alone = rate.lo is not None and rate.coverage
    reason = "cohort_too_small" if alone else rate.reason or "not_covered"
    return KpiEntry(ID, WINDOW, coverage=rate.coverage, reason=reason)


def not_shared() -> KpiEntry:
    """The KPI of an account whose client did not agree."""
    return KpiEntry(ID, WINDOW, reason="not_shared")


def standings(accounts: Sequence[Exposed]) -> Mapping[str, Standing]:
    """Of those accounts whose cohort is large and mixed enough. ``accounts``: those that may be compared;
    their order does not matter."""
    cohorts: dict[Cohort, list[Exposed]] = {}
    for one in accounts:
        if one.followers is not None:
            cohorts.setdefault(one.cohort, []).append(one)
    return {
        name: standing
        for members in cohorts.values()
        if tells_nothing_of_one(members)
        for name, standing in _standings(members)
    }


def tells_nothing_of_one(members: Sequence[Exposed]) -> bool:
    """Whether a cohort has enough accounts of enough clients, none of them with more than half of it."""
    clients = Counter(one.client for one in members)
    most = max(clients.values(), default=0)
    return len(members) >= LEAST_ACCOUNTS and len(clients) >= LEAST_CLIENTS and 2 * most <= len(members)


def _standings(members: Sequence[Exposed]) -> Iterator[tuple[str, Standing]]:
    counts = np.array([one.count for one in members], dtype=np.float64) + _JEFFREYS
    exposures = np.array([one.exposure for one in members], dtype=np.float64)
    # A step must be as wide as what one account can move.
    steps = 10 if len(members) >= 10 else 5
    for place, one in enumerate(members):
        below = _chances_below(counts, exposures, place)
        below[place] = 0.5
        step = min(int(total(below.tolist()) / len(members) * steps), steps - 1)
        yield one.account, Standing(step / steps, (step + 1) / steps, _at_least(len(members)))


def _chances_below(counts: Floats, exposures: Floats, place: int) -> Floats:
    """P(λ_b < λ_a) of each b: E_b·λ_b / (E_b·λ_b + E_a·λ_a) has a beta distribution."""
    share = exposures / (exposures + exposures[place])
    chances = special.betainc(counts, counts[place], share)
    # Not quite 0 and 1: from one to the other would be a whole step, and rounding could make it two.
    return np.asarray(np.clip(chances, _TRACE, 1 - _TRACE), dtype=np.float64)


def _at_least(accounts: int) -> int:
    """8, 10, 20, 50, 100 … whichever comes next below: the exact number would tell who joins."""
    steps = (first * 10**power for power in range(1, 10) for first in (1, 2, 5))
    return max((step for step in steps if step <= accounts), default=LEAST_ACCOUNTS)
