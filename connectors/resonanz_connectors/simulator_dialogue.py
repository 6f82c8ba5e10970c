"""What a reader of the simulated comments must come to: who answered whom, how soon, how deep."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_ROUNDING = 1e-12


class Comment(NamedTuple):
    """``parent`` is the key of the comment that it answers, 0 at the top; ``thread`` its post."""

    at_ms: int
    own: bool
    parent: int
    thread: int


class Dialogue(NamedTuple):
    """Of an account's comments by the audience, later than ``after_ms``, that stand at ``at_ms``.

    ``due``: their SLA has passed; ``in_time``: and they were answered within it. ``waiting``: without an
    answer, the oldest since ``oldest_ms``; ``breaches``: and their SLA has passed. ``median_ms``: to the
    first answer (Kaplan–Meier, those who wait are censored). ``depths``: the sum of their depths;
    ``thread_depths`` and ``thread_means``: of each thread's deepest and of its mean. ``returned``: threads in
    which the audience answered an own answer.
    """

    after_ms: int
    at_ms: int
    comments: int
    answered: int
    due: int
    in_time: int
    waiting: int
    breaches: int
    oldest_ms: int | None
    median_ms: int | None
    depths: int
    deepest: int
    threads: int
    thread_depths: int
    thread_means: float
    returned: int


class Talk:
    """The comments of one account by their keys. ``removed``: keys of those that do not stand."""

    def __init__(self, comments: Mapping[int, Comment], removed: Iterable[int], *, sla_ms: int) -> None:
        self._comments = comments
        self._gone = frozenset(removed)
        self._sla_ms = sla_ms
        self._depths: dict[int, int] = {}
        self._answers: dict[int, int] = {}
        # An answer is never earlier than what it answers, which so has its depth by then.
        for key, comment in sorted(comments.items(), key=lambda item: item[1].at_ms):
            above = self._depths.get(comment.parent, 1)
            self._depths[key] = above + 1 if comment.parent else 1
            if comment.own and key not in self._gone:
                self._answers.setdefault(comment.parent, comment.at_ms)

    def dialogue(self, after_ms: int, at_ms: int) -> Dialogue:
        """Of this time."""
        said = {
            key: comment
            for key, comment in self._comments.items()
            if comment.at_ms > after_ms and not comment.own and key not in self._gone
        }
        due = [key for key, comment in said.items() if comment.at_ms + self._sla_ms <= at_ms]
        waiting = [comment.at_ms for key, comment in said.items() if key not in self._answers]
        waits = [
            (self._answers.get(key, at_ms) - comment.at_ms, key in self._answers)
            for key, comment in said.items()
        ]
        threads = self._threads(said)
        return Dialogue(
            after_ms=after_ms,
            at_ms=at_ms,
            comments=len(said),
            answered=len(said) - len(waiting),
            due=len(due),
            in_time=sum(self._in_time(key) for key in due),
            waiting=len(waiting),
            breaches=sum(began + self._sla_ms <= at_ms for began in waiting),
            oldest_ms=min(waiting, default=None),
            median_ms=_median(waits),
            depths=sum(map(sum, threads)),
            deepest=max(map(max, threads), default=0),
            threads=len(threads),
            thread_depths=sum(map(max, threads)),
            thread_means=sum(sum(depths) / len(depths) for depths in threads),
            returned=len({comment.thread for comment in said.values() if self._returns(comment)}),
        )

    def _in_time(self, key: int) -> bool:
        answered_ms = self._answers.get(key)
        return answered_ms is not None and answered_ms - self._comments[key].at_ms <= self._sla_ms

    def _threads(self, said: Mapping[int, Comment]) -> Sequence[Sequence[int]]:
        """The depths in each thread."""
        threads: dict[int, list[int]] = {}
        for key, comment in said.items():
            threads.setdefault(comment.thread, []).append(self._depths[key])
        return list(threads.values())

    def _returns(self, comment: Comment) -> bool:
        answer = self._standing(comment.parent)
        first = self._standing(answer.parent) if answer is not None and answer.own else None
        return first is not None and not first.own

    def _standing(self, key: int) -> Comment | None:
        return None if key in self._gone else self._comments.get(key)


def _median(waits: Sequence[tuple[int, bool]]) -> int | None:
    """When half have an answer; None if that is not known."""
    left, waiting = len(waits), 1.0
    # Who still waits was there when others, after the same time, had their answer.
    for waited, answered in sorted(waits, key=lambda wait: (wait[0], not wait[1])):
        if answered:
            waiting *= (left - 1) / left
            if waiting <= 0.5 + _ROUNDING:
                return waited
        left -= 1
    return None
