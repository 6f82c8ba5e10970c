"""Over 100,000 broken records among good ones: each gets its reason, none takes a good one with it."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.engines import NOW_MS, engine_of

from resonanz_streams.engine import PartitionEngine
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Run

RECORDS = 120_000
AT_LEAST = 100
Mutation = Callable[[random.Random, dict[str, Any]], bytes]


def good(number: int) -> dict[str, Any]:
    return {
        "v": 1,
        "id": f"e{number}",
        "source": "file",
        "kind": "like",
        "account": "file:a",
        "at_ms": NOW_MS - 60_000,
        "topics": ["bread", "rye"],
    }


def dump(event: Any) -> bytes:
    return json.dumps(event).encode()


def cut_off(rng: random.Random, event: dict[str, Any]) -> bytes:
    line = dump(event)
    return line[: rng.randrange(1, len(line))]


def not_utf8(rng: random.Random, event: dict[str, Any]) -> bytes:
    line = dump(event)
    place = line.index(b'"file"') + 2
    return line[:place] + bytes([rng.choice((0x80, 0xC0, 0xFF))]) + line[place:]


def replaced(field: str, *values: Any) -> Mutation:
    return lambda rng, event: dump(event | {field: rng.choice(values)})


def without(*fields: str) -> Mutation:
    def drop(rng: random.Random, event: dict[str, Any]) -> bytes:
        field = rng.choice(fields)
        return dump({name: value for name, value in event.items() if name != field})

    return drop


def literal(*tokens: bytes) -> Mutation:
    """The time replaced by something that no JSON encoder of ours would write."""
    return lambda rng, event: dump(event).replace(str(event["at_ms"]).encode(), rng.choice(tokens))


def nested(rng: random.Random, event: dict[str, Any]) -> bytes:
    depth = rng.choice((65, 1_000, 10_000))
    return dump(event)[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"


def too_long(rng: random.Random, event: dict[str, Any]) -> bytes:
    return dump(event | {"x": "y" * rng.choice((300_000, 400_000))})


COMMON: tuple[tuple[str, Mutation], ...] = (
    ("not_json", cut_off),
    ("not_json", not_utf8),
    ("not_json", literal(b"NaN", b"Infinity", b"-Infinity", b"01", b"1e", b"'1'")),
    ("not_json", lambda rng, _: rng.choice((b"hello", b"[1,2", b"{", b'"', b"<a/>", b"\x00", b"{}{}"))),
    ("unknown_version", replaced("v", 0, 2, 99, -1)),
    ("wrong_type", replaced("id", None, 7, "", "x" * 513, [], {})),
    ("wrong_type", replaced("account", None, 7, [], {})),
    ("wrong_type", replaced("at_ms", None, "soon", 1.5, True, [], {})),
    (
        "wrong_type",
        literal(b"9223372036854775808", b"-9223372036854775809", b"1e400", b"123456789012345678901234"),
    ),
    ("wrong_type", replaced("count", 0, 2**31, 2**63 - 1, "1", None)),
    ("wrong_type", replaced("op", "undo", None, 1)),
    ("wrong_type", replaced("topics", "bread", [1], None)),
    ("wrong_type", without("id", "source", "kind", "account", "at_ms")),
    ("wrong_topic", replaced("kind", "comment", "share")),
    ("unknown_account", replaced("account", "file:nobody", "A", "file:a ")),
    ("time_out_of_range", replaced("at_ms", 0, 1, 946_684_799_999, NOW_MS + 700_000, 4_102_444_800_000)),
)
RARE: tuple[tuple[str, Mutation], ...] = (("too_deep", nested), ("too_large", too_long))


def mutated(rng: random.Random, number: int) -> tuple[bytes, str]:
    """A line and the reason it deserves; "" for a good one. The slow kinds are 1 in 400."""
    event = good(number)
    if rng.random() < 0.3:
        return dump(event), ""
    reason, mutate = rng.choice(RARE) if rng.random() < 1 / 250 else rng.choice(COMMON)
    return mutate(rng, event), reason


def apply(engine: PartitionEngine, lines: list[bytes], offset: int, rng: random.Random) -> int:
    """Hand the lines over as one run, some of them together in a record."""
    values: list[bytes] = []
    for line in lines:
        if values and rng.random() < 0.3:
            values[-1] += b"\n" + line
        else:
            values.append(line)
    end = offset + len(values)
    engine.apply(Run("likes", 0, offset, end, values, range(offset, end)), NOW_MS)
    return end


def test_every_broken_record_gets_its_reason_and_good_ones_count() -> None:
    rng = random.Random(5)
    engine = engine_of("file:a")
    expected: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    offset, number = 0, 0
    while number < RECORDS:
        lines = []
        for _ in range(rng.randrange(1, 300)):
            line, reason = mutated(rng, number)
            expected[reason] += 1
            lines.append(line)
            number += 1
        offset = apply(engine, lines, offset, rng)
        if flush := engine.take_flush():
            for record in flush.records:
                assert record.topic == DEAD_LETTERS
                letters[dict(record.headers)["reason"].decode()] += 1
    counted = expected.pop("")
    assert letters == expected
    assert all(letters[reason] >= AT_LEAST for reason, _ in (*COMMON, *RARE))
    assert engine.tally.outcomes.total() == number
    engine.advance(NOW_MS)
    inputs = engine.inputs()
    assert inputs is not None
    assert int(inputs.counts["5m"][0, 0]) == counted
