"""What comments lead to: the client's own people answer, and the audience answers them and each other."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_connectors.simulator_draws import Ints, exponential, mixed, named, normal, uniform
from resonanz_connectors.simulator_incidents import Planned
from resonanz_connectors.simulator_model import (
    BOT,
    COMMENT,
    HOUR_MS,
    TEAM,
    Actions,
    Public,
    gone_ms,
    heard,
    people,
)

_ROUNDS: Final = 2
_WAIT_FOR_WORK: Final = 0.7
_USUAL_MS: Final = 35 * 60_000
_SPREAD: Final = 1.1
_SLOWEST_MS: Final = 4 * HOUR_MS
_CLOSED_MOST_MS: Final = 14 * HOUR_MS
_AUDIENCE_MOST_MS: Final = 4 * HOUR_MS
_OWN_MOST_MS: Final = _SLOWEST_MS + _CLOSED_MOST_MS + _SLOWEST_MS // 2
TALK_MOST_MS: Final = _ROUNDS * (_OWN_MOST_MS + _AUDIENCE_MOST_MS) + _OWN_MOST_MS
"""How long after a comment something that it led to can still happen."""


def answers(public: Public, acts: Actions, incidents: Sequence[Planned]) -> Actions:
    """All that the comments among the acts lead to, each with the comment that it answers as parent."""
    said, parts = acts[acts["kind"] == COMMENT], []
    for _ in range(_ROUNDS):
        own, asked_by = _own(public, said)
        said = np.concatenate([_back(own, asked_by), _among(public, said)])
        said = heard(said, incidents)
        parts += [own, said]
    own, _ = _own(public, said)
    return np.concatenate([*parts, own])


def _own(public: Public, said: Actions) -> tuple[Actions, Ints]:
    """The answers of the client's own people, and whom they answer. Most of the night's wait for the day."""
    keen = 0.5 + 0.45 * uniform(public.keys, "keen")
    wanted = uniform(said["key"], "answer") < keen[said["account"]]
    asked = said[wanted & (said["flags"] & BOT == 0)]
    own = _below(asked, "own")
    own["actor"] = TEAM
    slow = _USUAL_MS * np.exp(_SPREAD * normal(own["key"], "slow"))
    # Spread, so that no single length stands out where the slowest are cut off.
    most = _SLOWEST_MS * (0.5 + 0.5 * uniform(own["key"], "slowest"))
    slow = np.clip(slow, 60_000, most).astype(np.int64)
    at_ms = asked["at_ms"] + slow
    closed = public.closed(own["account"].astype(np.int64), at_ms)
    waits = (closed > 0) & (uniform(own["key"], "waits") < _WAIT_FOR_WORK)
    own["at_ms"] = np.where(waits, (at_ms // HOUR_MS + closed) * HOUR_MS + slow // 2, at_ms)
    there = own["at_ms"] < gone_ms(asked)
    return own[there], asked["actor"][there]


def _back(own: Actions, asked_by: Ints) -> Actions:
    """Who was answered says something in turn."""
    chosen = uniform(own["key"], "back again") < 0.3
    back = _below(own[chosen], "back")
    back["actor"] = asked_by[chosen]
    return _soon(own[chosen], back)


def _among(public: Public, said: Actions) -> Actions:
    """People answer each other."""
    chosen = uniform(said["key"], "discussed") < 0.25
    more = _below(said[chosen], "among")
    people(public, more)
    return _soon(said[chosen], more)


def _below(said: Actions, purpose: str) -> Actions:
    """An answer to each, in the same place; its key is one of its own."""
    found: Actions = said.copy()
    found["parent"] = said["key"]
    found["key"] = mixed(said["key"] ^ np.uint64(named("answer", purpose)))
    return found


def _soon(said: Actions, found: Actions) -> Actions:
    """Within hours; nobody answers what is gone by then."""
    delay = exponential(found["key"], "delay", HOUR_MS, _AUDIENCE_MOST_MS - 10_000)
    found["at_ms"] = said["at_ms"] + 5_000 + delay.astype(np.int64)
    return found[found["at_ms"] < gone_ms(said)]
