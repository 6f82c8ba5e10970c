"""Reach and impressions of posts in a partition's durable state against its log."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.audit_counts import insights, start_ms
from resonanz_streams.audit_log import POST, Logged, taken, ways
from resonanz_streams.audit_report import Difference, Report
from resonanz_streams.audit_state import Evidence, plain, same
from resonanz_streams.insights import FIGURES
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.reach import hidden

NO_ROOM: Final = "the state had no room for all that was told of posts"
_LONGEST: Final = WINDOWS[-1]


def compare_insights(evidence: Evidence, rows: Sequence[int], report: Report) -> None:
    """Both figures of every post of these accounts of which a snapshot tells."""
    now, book = evidence.now_ms, evidence.engine.insights
    mine = np.isin(evidence.people.rows, rows) & (evidence.people.details[:, POST] > 0)
    told = evidence.people.where(mine)
    reasons = dict.fromkeys(np.unique(told.rows).tolist(), "")
    limits = hidden(evidence.people_limits, {_LONGEST: start_ms(_LONGEST, now)})
    for row in reasons:
        reasons[row] = limits.get(_LONGEST, NO_ROOM if book.cut(row) else "")
        if reasons[row]:
            report.leave_out("state", {f"{_LONGEST} reach": reasons[row]}, 1)
    told = told.where(np.array([not reasons[row] for row in told.rows.tolist()], dtype=np.bool_))
    spots = np.unique(np.stack((told.rows.astype(np.uint64), told.details[:, POST])), axis=1)
    accounts, posts = spots[0].astype(np.int64), spots[1]
    variants = [insights(taken(told, way), now)(accounts, posts) for way in ways(told)]
    report.figures += len(FIGURES) * len(posts)
    for number, live in enumerate(book.at(now)(accounts, posts)):
        for place in range(len(posts)):
            if any(same(live[place], variant[number][place]) for variant in variants):
                continue
            account, post = int(accounts[place]), int(posts[place])
            report.add(
                Difference(
                    account=evidence.engine.accounts[account].id,
                    source="state",
                    window=_LONGEST,
                    figure=f"{FIGURES[number]} of a post",
                    live=plain(live[place]),
                    recomputed=plain(variants[0][number][place]),
                    partition=evidence.partition,
                    at_ms=now,
                    where=_where(evidence, told, account, post),
                )
            )


def _where(evidence: Evidence, told: Logged, account: int, post: int) -> str:
    """The newest record about a post."""
    about = np.flatnonzero((told.rows == account) & (told.details[:, POST] == np.uint64(post)))
    return f"audience/{evidence.partition}@{told.offsets[about[np.argmax(told.at_ms[about])]]}"
