"""How deep people talk with each other."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, NONE, Reasons, net_of, why
from resonanz_streams.net.talk import counted, talk


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """The mean depth of the audience's comments of the window; part ``max``: the deepest; parts
    ``thread_max`` and ``thread_mean``: the mean over threads of each one's deepest and of each one's mean.

    A comment on a post has depth 1, an answer one more than what it answers. Own and removed comments keep
    their place in the tree and are not counted themselves; a parent that nobody told us of stands at depth 1;
    comments that answer each other in a circle have no depth and are left out. ``numerator``: all depths,
    ``denominator``: comments, or threads.
    """
    table = net_of(inputs)
    said = table.once(talk)
    chosen = np.flatnonzero(said.asked & (said.depth > 0) & (said.at_ms > inputs.start_ms(window)))
    accounts, depth = said.accounts[chosen], said.depth[chosen]
    # By thread, the deepest of each last.
    order = np.lexsort((depth, said.threads[chosen], accounts))
    threads, accounts, depth = said.threads[chosen][order], accounts[order], depth[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (threads[1:] != threads[:-1]) | (accounts[1:] != accounts[:-1])
    ends = np.flatnonzero(last)
    sums = np.diff(np.cumsum(depth)[ends], prepend=0)
    sizes = np.diff(ends, prepend=-1)
    comments, of_thread = counted(accounts, table.size), accounts[ends]
    many = counted(of_thread, table.size)
    deepest = np.zeros(table.size, dtype=np.int64)
    np.maximum.at(deepest, accounts, depth)
    missing = why(NO_COMMENTS, inputs, window)
    return [
        _column(part, total, whole, missing)
        for part, total, whole in (
            (None, _summed(table.size, accounts, depth), comments),
            ("max", deepest, np.minimum(comments, 1)),
            ("thread_max", _summed(table.size, of_thread, depth[ends]), many),
            ("thread_mean", _summed(table.size, of_thread, sums / sizes), many),
        )
    ]


def _summed(size: int, accounts: Ints, values: Ints | Floats) -> Floats:
    """Per account the sum of its values."""
    return np.bincount(accounts, weights=values, minlength=size).astype(np.float64)


def _column(part: str | None, total: Floats | Ints, whole: Ints, missing: Reasons) -> Column:
    none = np.full(len(total), np.nan)
    usable = np.where(whole > 0, whole, np.nan)
    reason = np.where(whole > 0, NONE, missing).astype(np.uint8)
    return Column(part, total / usable, none, none, np.where(whole > 0, total, np.nan), usable, reason)


KPI = Kpi(
    id="conversation_depth",
    unit="",
    help="Mean depth of comments in their threads.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=4,
    group="dialogue",
    formula="the mean depth of the audience comments of the window",
    numerator="the sum of the depths",
    denominator="comments (of thread_max and thread_mean: threads)",
    parts={
        "max": "the deepest",
        "thread_max": "the mean over threads of each one's deepest",
        "thread_mean": "the mean over threads of each one's mean",
    },
    merge="mean",
    merge_parts={"max": "max"},
)
