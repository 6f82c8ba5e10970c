"""``resonanz compare``: the interactions of two periods, from what a back-test wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.kpis.base import REASONS
from resonanz_streams.kpis.interactions_change import COMPARABLE, change
from resonanz_streams.windows import RING_OF_WINDOW, old_edge_ms

KPI: Final = "interactions"
_LABELS: Final = ("client", "platform", "account", "part")
_READ: Final = ("at_ms", *_LABELS, "kpi", "window", "value", "coverage")
_NO_ROW: Final = "no_row"


@dataclass(frozen=True, slots=True)
class Compared:
    """``value``: the ratio of the counts ``numerator``, of the later period, and ``denominator``, with its
    interval and p-value; see :mod:`resonanz_streams.kpis.interactions_change`. ``coverage``: the smaller one
    of both. ``reason``: why it is null; ``no_row``: the file does not tell one of the counts."""

    client: str
    platform: str
    account: str
    part: str | None
    window: str
    at_ms: int
    against_ms: int
    value: float | None
    lo: float | None
    hi: float | None
    p: float | None
    numerator: int | None
    denominator: int | None
    coverage: float | None
    reason: str | None


def compare(
    path: Path, window: str, *, at_ms: int | None, back_ms: int, accounts: Sequence[str] = ()
) -> list[Compared]:
    """Each account and part of KPI ``interactions`` over ``window`` at ``at_ms`` (None: the file's last
    instant) against ``back_ms`` earlier; in the file's order.

    Raises:
        ConfigurationError: it is no such file, has no such rows, or the periods cannot be compared.
    """
    instants = _instants(path, window)
    now = int(instants[-1]) if at_ms is None else at_ms
    before = now - back_ms
    _check_periods(window, now, before)
    for wanted in (now, before):
        if wanted not in instants:
            raise ConfigurationError(f"{path}: {_no_instant(window, instants, wanted)}")
    rows = _rows(path, window, (now, before))
    if accounts:
        rows = {labels: found for labels, found in rows.items() if labels[2] in accounts}
        if missing := [name for name in accounts if all(labels[2] != name for labels in rows)]:
            raise ConfigurationError(f"{path}: holds nothing of {missing[0]} at these times")
    return _compared(rows, window, now, before)


def _instants(path: Path, window: str) -> "np.ndarray[Any, np.dtype[np.int64]]":
    try:
        names = pq.read_schema(path).names
        if missing := [name for name in _READ if name not in names]:
            raise ConfigurationError(
                f"{path}: has no column {missing[0]!r}; write one with: "
                "resonanz backtest … --out kpis.parquet"
            )
        table = pq.read_table(path, columns=["at_ms"], filters=[("kpi", "=", KPI), ("window", "=", window)])
    except (pa.ArrowException, OSError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]}); "
            "write one with: resonanz backtest … --out kpis.parquet"
        ) from None
    if not len(table):
        raise ConfigurationError(
            f"{path}: holds no {KPI} over {window}; write them with: "
            f"resonanz backtest … --kpis {KPI} --windows {window} --dense"
        )
    return np.unique(table["at_ms"].to_numpy())


def _check_periods(window: str, now_ms: int, before_ms: int) -> None:
    resolution = RING_OF_WINDOW[window].resolution_ms
    if (now_ms - before_ms) % resolution:
        raise ConfigurationError(
            f"--against: windows of {window} begin at multiples of {resolution // 1000} s; write one of "
            "those, so that both are equally long"
        )
    if old_edge_ms(window, now_ms) < before_ms:
        raise ConfigurationError(
            f"--against: two windows of {window} would overlap, and part of what is counted stand in both; "
            f"write at least {window}, and a --at at which windows begin"
        )


def _no_instant(window: str, instants: "np.ndarray[Any, np.dtype[np.int64]]", wanted_ms: int) -> str:
    near = instants[np.argsort(np.abs(instants - wanted_ms), kind="stable")[:2]].tolist()
    told = " and ".join(_utc(one) for one in sorted(near))
    return f"holds no {KPI} over {window} at {_utc(wanted_ms)}; next to it there are {told}"


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


Labels = tuple[str, str, str, str | None]
Found = dict[int, tuple[float | None, float | None]]
"""By time: value and coverage."""


def _rows(path: Path, window: str, times: Sequence[int]) -> Mapping[Labels, Found]:
    found: dict[Labels, Found] = {}
    table = pq.read_table(
        path,
        columns=list(_READ),
        filters=[("kpi", "=", KPI), ("window", "=", window), ("at_ms", "in", list(times))],
    )
    for row in table.to_pylist():
        labels = row["client"], row["platform"], row["account"], row["part"]
        found.setdefault(labels, {})[row["at_ms"]] = row["value"], row["coverage"]
    return found


def _compared(rows: Mapping[Labels, Found], window: str, now_ms: int, before_ms: int) -> list[Compared]:
    pairs = [(found.get(now_ms), found.get(before_ms)) for found in rows.values()]
    watched = [
        None if now is None or before is None else min(now[1] or 0.0, before[1] or 0.0)
        for now, before in pairs
    ]
    counts = [
        np.array([0 if one is None or one[0] is None else round(one[0]) for one in side], dtype=np.int64)
        for side in zip(*pairs, strict=True)
    ]
    comparable = np.array([share is not None and share >= COMPARABLE for share in watched], dtype=np.bool_)
    whole, chance = change(counts[0], counts[1], comparable)
    listed = []
    for place, (labels, share) in enumerate(zip(rows, watched, strict=True)):
        reason = _NO_ROW if share is None else REASONS[whole.reason[place]] or None
        now, before = (None if one is None or one[0] is None else round(one[0]) for one in pairs[place])
        listed.append(
            Compared(
                *labels,
                window=window,
                at_ms=now_ms,
                against_ms=before_ms,
                value=_known(whole.value[place]),
                lo=_known(whole.lo[place]),
                hi=_known(whole.hi[place]),
                p=_known(chance.value[place]),
                numerator=now,
                denominator=before,
                coverage=share,
                reason=reason,
            )
        )
    return listed


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
