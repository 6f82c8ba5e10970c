"""Accounts that may be compared: of one platform, their followers of one order of magnitude."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Cohort(NamedTuple):
    """``decade``: followers from 10^decade to below ten times that; None if nobody told them."""

    platform: str
    decade: int | None


@dataclass(frozen=True, slots=True)
class Exposed:
    """Interactions of one account, and what they are divided by.

    ``count`` is not negative; ``exposure`` is above 0; ``followers`` None: nobody told them.
    """

    account: str
    client: str
    platform: str
    count: int
    exposure: float
    followers: float | None

    @property
    def cohort(self) -> Cohort:
        """Its own."""
        return cohort_of(self.platform, self.followers)


def cohort_of(platform: str, followers: float | None) -> Cohort:
    """The cohort of an account with so many followers; less than one is as one."""
    if followers is None:
        return Cohort(platform, None)
    # By the number's own digits: the logarithm of 1000 is not 3 on every machine.
    return Cohort(platform, len(str(int(max(followers, 1.0)))) - 1)


def total(values: Sequence[float]) -> float:
    """Their sum, rounded once: whatever the order, the same bits."""
    return math.fsum(values)
