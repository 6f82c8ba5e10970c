"""What the wall's own /metrics says: the default list of each client, and of each of its platforms.

They have other names than those of accounts, one for each of the two levels: what is added up over a name is
then never a whole and its parts.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.groups import Held, held
from resonanz_streams.aggregates.figures import Aggregate, aggregates
from resonanz_streams.catalogue import known_kpis, kpis_by_id
from resonanz_streams.exposition import (
    DEFAULT_SERIES,
    Family,
    Sample,
    Series,
    chunks,
    escape,
    metric_name,
    part_label,
)

_COVERED: Final = ("interactions", "24h", None)
"""Of all figures of a window the coverage is that of the counts."""

_EDGES: Final[Mapping[str, str]] = {
    "": "",
    "_lo": ", lower end of the 95 % interval",
    "_hi": ", upper end of the 95 % interval",
}
_MOST: Final = 0.1
Figures = Mapping[tuple[str, str, str | None], Aggregate]


class ClientSeries:
    """The text as of now, or of a little before: a tenth of the time at most goes into it, so that with very
    many accounts it is older instead."""

    def __init__(self, board: BoardState, seconds: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._text = b""
        self._due = -math.inf

    async def text(self) -> bytes:
        """Made in a thread, for all who ask meanwhile."""
        async with self._lock:
            begun = self._seconds()
            if begun >= self._due:
                accounts = held(self._board, self._board.entries())
                self._text = await asyncio.to_thread(exposition, accounts)
                ended = self._seconds()
                self._due = ended + (ended - begun) * (1 / _MOST - 1)
            return self._text


def exposition(accounts: Sequence[Held]) -> bytes:
    """Prometheus text of these accounts' clients; in any thread."""
    levels: dict[str, dict[str, list[Held]]] = {"resonanz_client": {}, "resonanz_client_platform": {}}
    for one in accounts:
        client = f'{{client="{escape(one.client)}"'
        platform = f'{client},platform="{escape(one.platform)}"'
        for groups, label in zip(levels.values(), (client, platform), strict=True):
            groups.setdefault(label, []).append(one)
    members = {one.account: one.member() for one in accounts}
    together = [[members[it.account] for it in its] for groups in levels.values() for its in groups.values()]
    asked = {(one.kpi, one.window) for one in DEFAULT_SERIES} | {_COVERED[:2]}
    found = iter(aggregates(together, lambda kpi, window: (kpi, window) in asked, known_kpis()))
    return b"".join(
        chunk
        for prefix, groups in levels.items()
        for chunk in chunks(_families(prefix, groups, [_by_place(next(found)) for _ in groups]))
    )


def _by_place(figures: Sequence[Aggregate]) -> Figures:
    return {(it.kpi, it.window, it.part): it for it in figures}


def _families(
    prefix: str, groups: Mapping[str, Sequence[Held]], figures: Sequence[Figures]
) -> Iterator[Family]:
    labels = list(groups)
    about = "Of a client. " if prefix == "resonanz_client" else "Of a client on one platform. "
    for one in DEFAULT_SERIES:
        kpi = kpis_by_id()[one.kpi]
        name = prefix + metric_name(kpi, one.window).removeprefix("resonanz")
        for edge in _EDGES if one.intervals else ("",):
            samples = [_sample(labels, figures, one, part, edge) for part in one.parts or ()]
            yield Family(name + edge, f"{about}{kpi.help} Last {one.window}{_EDGES[edge]}.", samples)
    shares = [it[_COVERED].coverage if _COVERED in it else None for it in figures]
    yield Family(
        f"{prefix}_coverage_24h_ratio",
        f"{about}Share of the last 24h that was watched completely; 0 of each account that is stale.",
        [(labels, "} ", np.array(shares, dtype=np.float64))],
    )
    for name, counts in (
        ("accounts", [len(its) for its in groups.values()]),
        ("accounts_stale", [sum(not it.fresh for it in its) for its in groups.values()]),
    ):
        stale = " whose figures are over 60 s old or missing: they do not enter" if "_" in name else ""
        help_text = f"{about}Accounts{stale}."
        yield Family(f"{prefix}_{name}", help_text, [(labels, "} ", np.array(counts, dtype=np.int64))])


def _sample(
    labels: Sequence[str], figures: Sequence[Figures], series: Series, part: str | None, edge: str
) -> Sample:
    place = series.kpi, series.window, part
    found = [it.get(place) for it in figures]
    values = [None if it is None else getattr(it, edge[1:] or "value") for it in found]
    # None becomes NaN, which is not exported.
    return labels, f"{part_label(part)}}} ", np.array(values, dtype=np.float64)
