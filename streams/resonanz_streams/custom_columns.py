"""What a custom KPI is given, which it cannot change, and what it gives, which is checked.

Ours are checked by tests instead, which costs nothing while events come in.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from resonanz_streams.kpis.base import REASONS, Column, Inputs, Kpi

LABEL: Final = re.compile(r"(?!(client|platform|account):)[a-z_][a-z0-9_]*(:.+)?")
"""A part: a name, or a label and its value; /metrics has other uses for three labels."""

_NUMBERS: Final = ("value", "lo", "hi", "numerator", "denominator")


class WrongColumnError(Exception):
    """A KPI gave what is no column, or not of these accounts."""


def checked(kpi: Kpi) -> Kpi:
    """The same, computed from what it cannot change.

    Its function raises :class:`WrongColumnError` instead of giving what others would stumble over.
    """

    def compute(inputs: Inputs, window: str) -> Sequence[Column]:
        columns = list(kpi.compute(_read_only(inputs), window))
        for column in columns:
            _check(kpi, column, len(inputs.potential))
        _check_parts(kpi, columns)
        return columns

    return replace(kpi, compute=compute)


def _read_only(inputs: Inputs) -> Inputs:
    peaks = inputs.peak_per_minute
    return replace(
        inputs,
        counts=_views(inputs.counts),
        peak_per_minute=lambda: _view(peaks()),
        followers=_views(inputs.followers),
        potential=_view(inputs.potential),
        coverage=_views(inputs.coverage),
        clients=_with_views(inputs.clients),
        net=None if inputs.net is None else _with_views(inputs.net),
    )


def _view(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


def _views(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _view(array) for name, array in arrays.items()}


def _with_views(record: Any) -> Any:
    """A dataclass with each of its arrays."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return replace(record, **_views({n: v for n, v in values.items() if isinstance(v, np.ndarray)}))


def _check(kpi: Kpi, column: Any, accounts: int) -> None:
    if not isinstance(column, Column):
        raise WrongColumnError(f"gave a {type(column).__name__} and no Column")
    size = accounts if column.rows is None else len(column.rows)
    for name in _NUMBERS:
        values = getattr(column, name)
        if not _is_numbers(values, size):
            raise WrongColumnError(f"{name} must be {size} numbers of float64")
        if np.isinf(values).any():
            raise WrongColumnError(f"{name} is infinite")
    _check_beside(kpi, column, size)
    codes = column.reason
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu" or codes.shape != (size,):
        raise WrongColumnError(f"reason must be {size} integers")
    if ((codes < 0) | (codes >= len(REASONS))).any():
        raise WrongColumnError("reason must be one of resonanz_streams.kpis.columns")
    if (np.isnan(column.value) & (codes == 0)).any():
        raise WrongColumnError("a value is null without a reason")
    if column.rows is not None and len(column.rows):
        if column.rows.dtype.kind not in "iu" or column.rows.min() < 0 or column.rows.max() >= accounts:
            raise WrongColumnError(f"rows must be integers below {accounts}")
        if len(column.parts) != size:
            raise WrongColumnError(f"parts must be {size} names")


def _check_beside(kpi: Kpi, column: Column, size: int) -> None:
    share = column.coverage
    # What is told every tick is one value for each account, beside the coverage of the window.
    if not kpi.deep and (column.rows is not None or share is not None):
        what = "parts of some accounts" if column.rows is not None else "a coverage of its own"
        raise WrongColumnError(f"gave {what}, which only a KPI with deep=True can have")
    if share is not None and not (_is_numbers(share, size) and ((share >= 0) & (share <= 1)).all()):
        raise WrongColumnError(f"coverage must be {size} numbers of float64 from 0 to 1")
    if not kpi.interval and not np.isnan(column.lo).all():
        raise WrongColumnError("gave an interval, and interval does not say whose")


def _is_numbers(values: Any, size: int) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == np.float64 and values.shape == (size,)


def _check_parts(kpi: Kpi, columns: Sequence[Column]) -> None:
    """Named once an account, and not more than the cap on series reckons with."""
    whole = [column.part for column in columns if column.rows is None]
    some = [
        place
        for column in columns
        if column.rows is not None
        for place in zip(column.rows.tolist(), column.parts, strict=True)
    ]
    for part in {*whole, *(part for _, part in some)} - {None}:
        if not (isinstance(part, str) and LABEL.fullmatch(part)):
            raise WrongColumnError(f"part {part!r} must be a name, or a label and a value such as mood:glad")
    if len(set(whole)) < len(whole) or len(set(some)) < len(some) or {part for _, part in some} & set(whole):
        raise WrongColumnError("a part is given twice")
    most = int(np.bincount([row for row, _ in some]).max()) if some else 0
    if len(whole) + most > kpi.most_parts:
        raise WrongColumnError(f"gave {len(whole) + most} parts, most_parts says {kpi.most_parts}")
