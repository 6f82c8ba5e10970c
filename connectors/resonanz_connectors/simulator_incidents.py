"""What goes wrong, or viral, in the simulated agency, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.registry import Account

MINUTE_MS: Final = 60_000


class Incident(BaseModel):
    """One planned incident. ``after_minutes`` counts from the first start, and may be negative.

    ``drop``: the audience really goes quiet, what is left is ``factor``. ``dead``: the connector hears
    nothing of these accounts, and what they did then is lost. ``viral``: a cascade of ``size``
    interactions on one post. Without ``accounts``: the busiest (viral: the second), or for ``dead``
    the platform of the last account.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["drop", "dead", "viral"]
    after_minutes: float
    minutes: Annotated[float, Field(gt=0)] = 30.0
    accounts: tuple[str, ...] = ()
    factor: Annotated[float, Field(ge=0, lt=1)] = 0.02
    size: Annotated[int, Field(gt=0, le=1_000_000)] = 1000


DEFAULT: Final = (
    Incident(kind="viral", after_minutes=1, minutes=8, size=1500),
    Incident(kind="dead", after_minutes=6, minutes=3),
    Incident(kind="drop", after_minutes=12, minutes=240),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """An incident in epoch ms, with the rows of its accounts."""

    kind: Literal["drop", "dead", "viral"]
    accounts: tuple[str, ...]
    rows: NDArray[np.int64]
    from_ms: int
    to_ms: int
    factor: float
    size: int


def plan(
    incidents: Sequence[Incident], accounts: Sequence[Account], daily: NDArray[np.float64], start_ms: int
) -> tuple[Planned, ...]:
    """``daily`` are the expected interactions a day of each account.

    Raises:
        ConfigurationError: an incident names an account that this connector does not have.
    """
    rows = {account.id: row for row, account in enumerate(accounts)}
    by_size = [accounts[row].id for row in np.argsort(-daily, kind="stable")]
    planned = []
    for incident in incidents:
        if unknown := [name for name in incident.accounts if name not in rows]:
            raise ConfigurationError(
                f"connectors.simulator.incidents: {unknown[0]!r} is no account of the simulator;"
                " write one that has connector: simulator"
            )
        names = incident.accounts or _chosen(incident.kind, accounts, by_size)
        from_ms = start_ms + round(incident.after_minutes * MINUTE_MS)
        planned.append(
            Planned(
                incident.kind,
                tuple(names),
                np.array([rows[name] for name in names], dtype=np.int64),
                from_ms,
                from_ms + round(incident.minutes * MINUTE_MS),
                incident.factor,
                incident.size,
            )
        )
    return tuple(planned)


def _chosen(kind: str, accounts: Sequence[Account], by_size: Sequence[str]) -> tuple[str, ...]:
    if not by_size:
        return ()
    if kind == "dead":
        platform = accounts[-1].platform
        return tuple(account.id for account in accounts if account.platform == platform)
    return (by_size[min(1, len(by_size) - 1)] if kind == "viral" else by_size[0],)
