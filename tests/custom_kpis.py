"""KPIs as others might bring them: one that is right, and many that are not."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np

from resonanz_streams.catalogue import GROUP
from resonanz_streams.kpis.base import LIKE, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import count_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Likes."""
    return [count_column(None, inputs.counts[window][:, LIKE], inputs.coverage[window] > 0)]


def fails(_: Inputs, __: str) -> Sequence[Column]:
    """As a defect would."""
    raise ZeroDivisionError("by nobody")


def vandal(inputs: Inputs, window: str) -> Sequence[Column]:
    """Changes what others are computed from."""
    inputs.counts[window][:] = 0
    return compute(inputs, window)


HEARTS = Kpi("hearts", "", "Likes.", WINDOWS, compute, interval="Garwood")
FAILING = replace(HEARTS, id="failing", compute=fails)
FAILING_DEEP = replace(FAILING, id="failing_deep", windows=("24h",), deep=True)
VANDAL = replace(HEARTS, id="vandal", compute=vandal)

SPACED = replace(HEARTS, id="two words")
OURS = replace(HEARTS, id="velocity")
CLIENT = replace(HEARTS, id="client_hearts")
COVERAGE = replace(HEARTS, id="coverage")
UNIT = replace(HEARTS, unit="percent")  # type: ignore[arg-type]  # that is the point
SHAPE = replace(HEARTS, shape="square")  # type: ignore[arg-type]  # that is the point
TWO_HOURS = replace(HEARTS, windows=("1h", "2h"))
NO_WINDOW = replace(HEARTS, windows=())
DEEP_MINUTE = replace(HEARTS, deep=True, windows=("1m",))
LINES = replace(HEARTS, help="Likes.\n# TYPE x counter")
BACKSLASH = replace(HEARTS, help="Likes\\n")
FORMULA: Any = replace(HEARTS, formula=None)  # type: ignore[arg-type]  # that is the point
NO_FUNCTION = replace(HEARTS, compute="likes")  # type: ignore[arg-type]  # that is the point
MERGE = replace(HEARTS, merge="median")  # type: ignore[arg-type]  # that is the point
NO_PARTS = replace(HEARTS, most_parts=0)
ODD_PART = replace(HEARTS, parts={"account:x": "it would stand there twice"})


def point(name: str, value: str | None = None) -> EntryPoint:
    """An entry point that names one of these."""
    return EntryPoint(name.lower(), value or f"{__name__}:{name}", GROUP)


def column(accounts: int = 2, **changes: Any) -> Column:
    """A column that is right, but for the changes."""
    ones, none = np.ones(accounts), np.full(accounts, np.nan)
    return replace(Column(None, ones, none, none, ones, none, np.zeros(accounts, np.uint8)), **changes)
