"""Rates for a ranking: those of small accounts are drawn towards what is usual among their like.

An account's interactions are Poisson with mean λ·E, E being its exposure, and its λ comes from a gamma
distribution, the prior. Its mean m and variance v are fitted by moments, so with counts I:

    m = ΣI / ΣE
    v = max(0, ΣE(I/E − m)² / ΣE − m / mean(E))
    shrunken rate = w · I/E + (1 − w) · m  with  w = v / (v + m/E)

which is the mean of the gamma distribution of λ given I. Where accounts differ no more than chance makes
them, v and so every w is 0.

Source: R. J. Marshall, Mapping Disease and Mortality Rates Using Empirical Bayes Estimators, Applied
Statistics 40 (1991).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from resonanz_streams.cohorts import Exposed, total

LEAST: Final = 8
"""Accounts of a cohort that can say what is usual in it."""

Level = Literal["cohort", "platform", "all"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is usual among so many accounts: mean and variance of their rates per unit of exposure."""

    level: Level
    accounts: int
    mean: float
    variance: float

    def weight(self, exposure: float) -> float:
        """How much of an account's own rate stays, 0 to 1."""
        noise = self.mean / exposure
        return self.variance / (self.variance + noise) if self.variance > 0 else 0.0

    def shrunken(self, count: int, exposure: float) -> float:
        """The rate of an account per unit of exposure."""
        weight = self.weight(exposure)
        return weight * count / exposure + (1 - weight) * self.mean


def prior_of(accounts: Sequence[Exposed], level: Level) -> Prior:
    """Fitted to these accounts, at least one; their order does not matter."""
    exposure = total([one.exposure for one in accounts])
    mean = total([one.count for one in accounts]) / exposure
    spread = total([one.exposure * (one.count / one.exposure - mean) ** 2 for one in accounts]) / exposure
    variance = max(0.0, spread - mean * len(accounts) / exposure)
    return Prior(level, len(accounts), mean, variance)


def priors(accounts: Sequence[Exposed]) -> Mapping[str, Prior]:
    """The prior of each account: of its cohort, or where that has fewer than 8 accounts of its platform, or
    where that has fewer of all."""
    known: dict[tuple[object, ...], Prior] = {}
    groups: dict[tuple[object, ...], list[Exposed]] = {}
    for one in accounts:
        for group in _groups(one):
            groups.setdefault(group, []).append(one)
    found: dict[str, Prior] = {}
    for one in accounts:
        *narrow, everyone = _groups(one)
        group = next((each for each in narrow if len(groups[each]) >= LEAST), everyone)
        if group not in known:
            known[group] = prior_of(groups[group], _LEVELS[len(group)])
        found[one.account] = known[group]
    return found


_LEVELS: Final[tuple[Level, ...]] = ("all", "platform", "cohort")


def _groups(one: Exposed) -> tuple[tuple[object, ...], ...]:
    """From the narrowest to that of all. Nobody is like an account whose followers nobody knows."""
    platform: tuple[object, ...] = (one.platform,)
    return (platform, ()) if one.followers is None else (tuple(one.cohort), platform, ())
