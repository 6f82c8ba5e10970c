"""Over 100,000 broken records among good ones: each gets its reason, none takes a good one with it."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.engines import NOW_MS, Driven, registry_of
from tests.stores import MemoryStore

from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing, Run

RECORDS = 150_000
MUTATED = 100_000
AT_LEAST = 100
REASONS = {
    "not_json",
    "too_large",
    "too_deep",
    "wrong_type",
    "unknown_version",
    "wrong_topic",
    "unknown_account",
    "time_out_of_range",
    "quarantined",
}
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
RARE: tuple[tuple[str, Mutation], ...] = (
    ("too_deep", nested),
    ("too_large", too_long),
    ("quarantined", replaced("account", "file:ghost")),
)


def mutated(rng: random.Random, number: int) -> tuple[bytes, str]:
    """A line and the reason it deserves; "" for a good one. The slow kinds are few."""
    event = good(number)
    if rng.random() < 0.3:
        return dump(event), ""
    reason, mutate = rng.choice(RARE) if rng.random() < 1 / 200 else rng.choice(COMMON)
    return mutate(rng, event), reason


class Haunted(dict[str, Any]):
    """Accounts whose look-up fails for one name, as a defect of ours might."""

    def get(self, name: str, default: Any = None) -> Any:
        if name == "file:ghost":
            raise ZeroDivisionError
        return super().get(name, default)


def haunted() -> Registry:
    registry = registry_of("file:a")
    registry.accounts = Haunted(registry.accounts)
    return registry


def runs(lines: Iterable[bytes], rng: random.Random) -> Iterator[Run]:
    """The lines in runs of up to 300, some of them together in a record."""
    offset, waiting = 0, list(lines)
    while waiting:
        size = rng.randrange(1, 300)
        values: list[bytes] = []
        for line in waiting[:size]:
            if values and rng.random() < 0.3:
                values[-1] += b"\n" + line
            else:
                values.append(line)
        del waiting[:size]
        end = offset + len(values)
        yield Run("likes", 0, offset, end, values, range(offset, end))
        offset = end


def reasons(records: Iterable[Outgoing]) -> Counter[str]:
    letters = [record for record in records if record.topic == DEAD_LETTERS]
    return Counter(dict(letter.headers)["reason"].decode() for letter in letters)


def test_every_broken_record_gets_its_reason_and_good_ones_count() -> None:
    asyncio.run(play_mutated())


async def play_mutated() -> None:
    rng = random.Random(5)
    registry, store = haunted(), MemoryStore()
    settings = settings_of({"partitions": 1, "tick_seconds": 1})
    pipeline = Pipeline(settings, registry, store, lambda: NOW_MS)
    await pipeline.assigned(frozenset({0}))
    made = [mutated(rng, number) for number in range(RECORDS)]
    for number, run in enumerate(runs([line for line, _ in made], rng)):
        await pipeline.apply(run)
        if number % 20 == 0:
            await pipeline.cycle(0.0)
    await pipeline.cycle(0.0)
    assert pipeline.failure is None, "the worker lives"
    expected = Counter(reason for _, reason in made)
    counted = expected.pop("")
    assert expected.total() >= MUTATED
    assert reasons(store.records) == expected
    assert expected.keys() == REASONS
    assert all(expected[reason] >= AT_LEAST for reason in REASONS)
    engine = pipeline.engines[0]
    assert engine.tally.outcomes.total() == RECORDS
    assert engine.tally.dead_letters == expected
    inputs = engine.inputs()
    assert inputs is not None
    assert int(inputs.counts["5m"][0, 0]) == counted


def scratched(rng: random.Random, number: int) -> bytes:
    """A good line with a byte or two changed, lost or doubled, anywhere; what becomes of it nobody knows."""
    line = bytearray(dump(good(number)))
    for _ in range(rng.choice((0, 1, 1, 2))):
        place = rng.randrange(len(line))
        match rng.randrange(4):
            case 0:
                line[place] = rng.randrange(256)
            case 1:
                del line[place]
            case 2:
                line[place:place] = line[place : place + rng.randrange(20)]
            case 3:
                line[place:place] = rng.choice(
                    (b"}{", b"}\n{", b"\n", b'"', b"\\", b"\\u0000", b"[", b"\r", b"{")
                )
    return bytes(line)


def test_a_run_is_taken_as_its_lines_would_be_one_by_one() -> None:
    """The fast way decodes a run as a whole: it must see what a look at every line would see."""
    rng = random.Random(7)
    whole, apart = Driven(), Driven()
    lines = 0
    # Short runs, so that many of them hold nothing but good lines and one that only looks good.
    made = [scratched(rng, number) if rng.random() < 0.2 else dump(good(number)) for number in range(12_000)]
    while made:
        taken, made = made[:8], made[8:]
        whole.read(b"\n".join(taken[:4]), *taken[4:])
        for line in b"\n".join(taken).split(b"\n"):
            lines += bool(line.strip(b" \t\r"))
            apart.read(line)
    whole.flush()
    apart.flush()
    assert whole.outcomes() == apart.outcomes()
    assert sum(whole.outcomes().values()) == lines
    assert whole.engine.tally.dead_letters == apart.engine.tally.dead_letters
    assert sorted(whole.records(DEAD_LETTERS)) == sorted(apart.records(DEAD_LETTERS))
    assert whole.counts() == apart.counts()
