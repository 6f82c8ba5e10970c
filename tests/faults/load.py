"""A seeded load of interactions, as a bad network would deliver it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from tests.faults.broken import broken_lines

KINDS = ("like", "comment", "share")
START_MS = 1_700_000_000_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
Line = tuple[str, str, bytes]


@dataclass(frozen=True, eq=False)
class Load:
    """``lines`` in delivery order: (account, kind, line); of kind ``audience`` are follower snapshots.

    ``end_ms`` is later than any event, so that only the end of the input reaches it. ``broken``: the lines
    that must not be counted, and why.
    """

    accounts: tuple[str, ...]
    lines: list[Line]
    end_ms: int
    broken: dict[bytes, str] = field(default_factory=dict)

    def events(self) -> list[dict[str, Any]]:
        """Every distinct interaction that is not broken."""
        return self._parsed(lambda kind: kind in KINDS)

    def audience(self) -> list[dict[str, Any]]:
        """Every distinct follower snapshot."""
        return self._parsed(lambda kind: kind == "audience")

    def _parsed(self, wanted: Any) -> list[dict[str, Any]]:
        lines = dict.fromkeys(line for _, kind, line in self.lines if wanted(kind))
        return [orjson.loads(line) for line in lines if line not in self.broken]


@lru_cache(maxsize=2)
def hard_load(seed: int, events: int) -> Load:
    """What every fault is tried with: 40 days, most of it in the last ones, so that every window is full and
    the oldest falls out of all of them."""
    return make_load(
        seed,
        events,
        span_ms=40 * DAY_MS,
        crowding=3.0,
        duplicates=0.30,
        removals=0.10,
        re_additions=0.05,
        out_of_order=0.30,
        broken=0.01,
        audience=0.01,
    )


def make_load(
    seed: int,
    events: int,
    *,
    accounts: int = 200,
    span_ms: int = 3 * DAY_MS,
    crowding: float = 1.0,
    duplicates: float = 0.10,
    removals: float = 0.05,
    re_additions: float = 0.01,
    out_of_order: float = 0.10,
    broken: float = 0.0,
    audience: float = 0.0,
) -> Load:
    """``events`` lines in all, of which the given shares are duplicates, removals, displaced ones and so on.

    ``crowding``: above 1, the more of it the more happens towards the end.
    """
    rng = random.Random(seed)
    names = tuple(f"file:a{number}" for number in range(accounts))
    weights = [1 / (rank + 1) ** 0.8 for rank in range(accounts)]
    fresh = int(events * (1 - duplicates - removals - re_additions - broken - audience))
    added = [
        _event(rng, number, account, START_MS + int(span_ms * (1 - (1 - number / fresh) ** crowding)))
        for number, account in enumerate(rng.choices(names, weights, k=fresh))
    ]
    operations = [*added, *_undone(rng, added, int(events * removals), int(events * re_additions))]
    operations += _snapshots(rng, names, int(events * audience), span_ms)
    operations.sort(key=lambda event: event["at_ms"])
    lines = [(event["account"], event.get("kind", "audience"), orjson.dumps(event)) for event in operations]
    bad = broken_lines(rng, added, int(events * broken))
    copies = rng.choices(lines, k=events - len(lines) - len(bad))
    strays = [*copies, *((account, kind, line) for account, kind, line, _ in bad)]
    return Load(
        names,
        list(_displaced(rng, lines, strays, out_of_order)),
        max(event["at_ms"] for event in operations) + 1,
        {line: reason for _, _, line, reason in bad},
    )


def _event(rng: random.Random, number: int, account: str, at_ms: int) -> dict[str, Any]:
    kind = rng.choice(KINDS)
    event: dict[str, Any] = {
        "v": 1,
        "id": f"e{number}",
        "source": "file",
        "kind": kind,
        "op": "add",
        "account": account,
        "at_ms": at_ms,
    }
    if kind == "like":
        # Few actors and objects: likes of the same actor on the same object must count once.
        event |= {"actor": f"p{rng.randrange(500)}", "object": f"o{rng.randrange(200)}"}
    return event


def _undone(
    rng: random.Random, added: Sequence[dict[str, Any]], removals: int, re_additions: int
) -> Iterator[dict[str, Any]]:
    """Within an hour after the addition, and before the end."""
    end_ms = added[-1]["at_ms"]
    for op, number in (("remove", removals), ("add", re_additions)):
        for original in rng.choices(added, k=number):
            at_ms = original["at_ms"]
            yield original | {"op": op, "at_ms": at_ms + int(rng.random() * min(HOUR_MS, end_ms - at_ms))}


def _snapshots(
    rng: random.Random, names: Sequence[str], number: int, span_ms: int
) -> Iterator[dict[str, Any]]:
    """Followers of two accounts of three, no two of an account at the same time."""
    times = rng.sample(range(span_ms), k=number)
    for place, (account, at) in enumerate(zip(rng.choices(names, k=number), times, strict=True)):
        if int(account.removeprefix("file:a")) % 3:
            yield {
                "v": 1,
                "id": f"f{place}",
                "source": "file",
                "account": account,
                "at_ms": START_MS + at,
                "followers": rng.randrange(50, 2_000),
            }


def _displaced(
    rng: random.Random, lines: Sequence[Line], strays: Sequence[Line], share: float
) -> Iterator[Line]:
    """A share of the lines is moved by up to 5 % of the whole; strays are anywhere."""
    reach = max(1, len(lines) // 20)
    keyed = [
        (place + rng.randrange(-reach, reach) if rng.random() < share else place, place)
        for place in range(len(lines))
    ]
    keyed += [(rng.randrange(len(lines)), len(lines) + place) for place in range(len(strays))]
    keyed.sort()
    both = [*lines, *strays]
    return (both[place] for _, place in keyed)
