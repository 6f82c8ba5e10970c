"""A seeded load of interactions, as a bad network would deliver it."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("like", "comment", "share")
START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Load:
    """``lines`` in delivery order: (account, kind, JSON line). ``end_ms`` is the newest event's time."""

    accounts: tuple[str, ...]
    lines: list[tuple[str, str, bytes]]
    end_ms: int


def make_load(
    seed: int,
    events: int,
    *,
    accounts: int = 200,
    span_ms: int = 3 * 86_400_000,
    duplicates: float = 0.10,
    removals: float = 0.05,
    re_additions: float = 0.01,
    out_of_order: float = 0.10,
) -> Load:
    """``events`` lines in all, of which the given shares are duplicates, removals and displaced ones."""
    rng = random.Random(seed)
    names = tuple(f"file:a{number}" for number in range(accounts))
    weights = [1 / (rank + 1) ** 0.8 for rank in range(accounts)]
    fresh = int(events * (1 - duplicates - removals - re_additions))
    added: list[dict[str, object]] = []
    operations: list[dict[str, object]] = []
    chosen = rng.choices(names, weights, k=fresh)
    for number, account in enumerate(chosen):
        event = _event(rng, number, account, START_MS + number * span_ms // fresh)
        added.append(event)
        operations.append(event)
    for op, share in (("remove", removals), ("add", re_additions)):
        for _ in range(int(events * share)):
            original = rng.choice(added)
            at_ms = int(str(original["at_ms"])) + rng.randrange(0, 3_600_000)
            operations.append(original | {"op": op, "at_ms": at_ms})
    operations.sort(key=lambda event: int(str(event["at_ms"])))
    copies = rng.choices(operations, k=events - len(operations))
    return Load(
        names,
        [_line(event) for event in _displaced(rng, [*operations, *copies], len(operations), out_of_order)],
        max(int(str(event["at_ms"])) for event in operations),
    )


def _event(rng: random.Random, number: int, account: str, at_ms: int) -> dict[str, object]:
    kind = rng.choice(KINDS)
    event: dict[str, object] = {
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


def _displaced(
    rng: random.Random, operations: list[dict[str, object]], ordered: int, share: float
) -> Iterator[dict[str, object]]:
    """Sort by position; a share of the positions is moved by up to 5 % of the whole, copies anywhere."""
    reach = max(1, ordered // 20)
    keyed = []
    for position, event in enumerate(operations):
        place = position if position < ordered else rng.randrange(ordered)
        if rng.random() < share:
            place += rng.randrange(-reach, reach)
        keyed.append((place, position, event))
    keyed.sort(key=lambda item: item[:2])
    return (event for _, _, event in keyed)


def _line(event: dict[str, object]) -> tuple[str, str, bytes]:
    return str(event["account"]), str(event["kind"]), json.dumps(event, separators=(",", ":")).encode()
