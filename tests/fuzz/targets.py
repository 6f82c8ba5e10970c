"""What the fuzzer feeds bytes to: each function checks what must hold, and lets only stated errors pass.

A seed is an input from which the fuzzer begins to change things.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from resonanz_connectors.rows import read_rows
from resonanz_streams.dead_letters import Lines
from resonanz_streams.decode import Decoder
from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.events import Status
from resonanz_streams.ledger import Ledger
from resonanz_streams.ledger_rows import LedgerRows
from resonanz_streams.net_states import NEVER, alone
from resonanz_streams.settings import load_settings
from resonanz_streams.state_head import Head, read_head
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.seal import opened, sealed
from resonanz_streams.unreadable import UNREADABLE
from tests.engines import NOW_MS, Driven, event, line, registry_of
from tests.stores import Played, heartbeat

Target = Callable[[bytes], None]
TOPICS: Final = ("likes", "comments", "shares", "audience")


# -- decode --------------------------------------------------------------------------------------------

_decoder = Decoder(registry_of("file:a"), 0)


def decode(data: bytes) -> None:
    """The first byte chooses the topic, a zero byte ends a record. Taken whole or line by line: the same."""
    topic = TOPICS[data[0] % 4] if data else "likes"
    values = data[1:].split(b"\0")
    whole = _outcomes(Run(topic, 0, 0, len(values), values, range(len(values))))
    lines = Lines(Run(topic, 0, 0, len(values), values, range(len(values)))).all()
    assert len(whole) == len(lines), "every line has one outcome"
    apart = [_outcomes(Run(topic, 0, one.offset, one.offset + 1, [one.data], [one.offset])) for one in lines]
    assert sorted(whole) == sorted(outcome for outcomes in apart for outcome in outcomes)


def _outcomes(run: Run) -> list[str]:
    lines = Lines(run)
    if run.topic == "audience":
        snapshots, rejected = _decoder.snapshots(run, lines, NOW_MS)
        good = [f"{one.at_ms} {one.followers} {one.source!r}" for one in snapshots]
    else:
        columns, rejected = _decoder.operations(run, lines, NOW_MS)
        numbers = zip(columns.at_ms.tolist(), columns.removal.tolist(), columns.weights.tolist(),
                      columns.keys.tolist(), columns.sources, strict=True)  # fmt: skip
        good = [repr(one) for one in numbers]
    return good + [f"{one.line.data!r} {one.reason}" for one in rejected]


# -- ledger --------------------------------------------------------------------------------------------


def ledger(data: bytes) -> None:
    """Four bytes an operation: key and kind of operation, time, weight, and whether the batch ends here."""
    book, model = Ledger(2**20), dict[int, tuple[int, int, int]]()
    batch: list[tuple[int, int, int, bool]] = []
    for key, at, weight, flags in zip(data[::4], data[1::4], data[2::4], data[3::4], strict=False):
        batch.append((key % 16, at, weight - 128, flags & 1 == 1))
        if flags & 6 == 0:
            _apply(book, model, batch)
            batch = []
        if flags & 24 == 0 and (merge := book.merge_job()) is not None:
            merge()()
    _apply(book, model, batch)
    keys = np.array(sorted(model), dtype=np.uint64)
    found = book._look_up(keys)
    states = zip(found.added.tolist(), found.weight.tolist(), found.removed.tolist(), strict=True)
    assert dict(zip(keys.tolist(), states, strict=True)) == model


def _apply(
    book: Ledger, model: dict[int, tuple[int, int, int]], batch: Sequence[tuple[int, int, int, bool]]
) -> None:
    if not batch:
        return
    expected = []
    for key, at, weight, removal in batch:
        added, known, removed = before = model.get(key, (NEVER, 0, NEVER))
        if removal:
            removed = max(removed, at)
        elif (at, weight) > (added, known) or added == NEVER:
            added, known = at, weight
        model[key] = added, known, removed
        expected.append(model[key] != before)
    keys, at_ms, weights, removals = zip(*batch, strict=True)
    operations = alone(np.array(at_ms), np.array(removals), np.array(weights))
    _, news = book.apply(np.array(keys, dtype=np.uint64), operations)
    assert news.tolist() == expected


# -- state ---------------------------------------------------------------------------------------------


def state(data: bytes) -> None:
    """Rows and heads of any bytes: read, or refused with a sentence; never half."""
    with contextlib.suppress(StopError):
        entries = LedgerRows(["file:a"]).unpacked(data)
        assert len(entries.states.added) == len(entries.accounts) == len(entries)
    with contextlib.suppress(StopError):
        read_head(data, 0, {"likes": 2})
    with contextlib.suppress(StopError):
        assert sealed(b"l/0", opened(b"l/0", data, 0)) == data


def _state_seeds() -> list[bytes]:
    driven = Driven()
    driven.read(event(), event(id="2", op="remove"))
    driven.flush()
    head = Head(next_id=1, marks={"likes": NOW_MS}, offsets={"likes": 2})
    return [*driven.rows.values(), msgspec.msgpack.encode(head), sealed(b"l/0", driven.rows[b"l/0"])]


# -- what people write ---------------------------------------------------------------------------------

_folder = Path(tempfile.mkdtemp())


def configuration(data: bytes) -> None:
    """A configuration is taken or refused with a sentence."""
    path = _folder / "resonanz.yaml"
    path.write_bytes(data)
    with contextlib.suppress(ConfigurationError):
        load_settings(path, {"KEY": "0123456789abcdef0123456789abcdef"})


def kafka_url(data: bytes) -> None:
    """A URL is taken or refused with a sentence; what it says of itself is taken again, as the same."""
    try:
        target = parse(data.decode("utf-8", "surrogateescape"))
    except ConfigurationError:
        return
    assert parse(target.url) == target


_played = Played("file:a", partitions=1)
asyncio.run(_played.own(0))
_status = msgspec.json.Decoder(Status)


def heartbeats(data: bytes) -> None:
    """A heartbeat is read or left out; whatever it says, coverage stays between none and all."""
    try:
        status = _status.decode(data)
    except UNREADABLE:
        return
    played = _played.pipeline
    played.heard.statuses.clear()
    played.heard.missed_ms.clear()
    played.observe(status)
    engine = played.engines[0]
    engine.advance(NOW_MS)
    inputs = engine.inputs()
    assert inputs is not None
    for share in inputs.coverage.values():
        assert 0.0 <= float(share[0]) <= 1.0


SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".csv.gz", ".parquet")


def table(data: bytes) -> None:
    """The first byte chooses the format. The file is refused with a sentence, or each row is a record or
    has a reason."""
    path = _folder / f"file{SUFFIXES[data[0] % len(SUFFIXES)] if data else '.csv'}"
    path.write_bytes(data[1:])
    with contextlib.suppress(ConfigurationError):
        for row in read_rows(path, {}, {}):
            assert (row.record is None) != (row.bad is None)


_EVENT: Final = line(event())
_CSV: Final = (
    b"kind,account,id,at_ms,source\nlike,file:a,1,1700000000000,file\nshare,b,2,2023-11-14T22:13:20Z,\n"
)
_YAML: Final = b"""broker: kafka://host:9092?security=ssl
clock: event
partitions: 4
pseudonym_key: ${KEY}
clients:
  bakery:
    {name: Bakery, timezone: Europe/Berlin, potential: [{from: 2026-01-01, people: 12}], response_sla: 4h,
    business_hours: "Mo-Fr 08:00-18:00", topics: {bread: [rye]}, accounts: [{id: "file:a"}, "x:b"]}
connectors: {simulator: {}}
export: {interactions: [28d]}
"""


def targets() -> Mapping[str, tuple[Target, Sequence[bytes]]]:
    """Each target by name, with its seeds."""
    audience: dict[str, Any] = {
        "id": "1",
        "source": "f",
        "account": "file:a",
        "at_ms": NOW_MS,
        "followers": 3,
    }
    return {
        "decode": (
            decode,
            [b"\0" + _EVENT, b"\0" + _EVENT + b"\n" + _EVENT + b"\0" + _EVENT, b"\3" + line(audience)],
        ),
        "ledger": (ledger, [bytes(range(64)), bytes((1, 2, 3, 4, 1, 2, 3, 5, 1, 9, 3, 0))]),
        "state": (state, _state_seeds()),
        "configuration": (configuration, [_YAML, b"broker: sqlite:///x.db\nclients: {}\n"]),
        "kafka_url": (
            kafka_url,
            [
                b"kafka://a:9092,b:9093?security=sasl_ssl&mechanism=PLAIN&username=u&password_file=p",
                b"kafka://[::1]:1",
            ],
        ),
        "heartbeats": (heartbeats, [msgspec.json.encode(heartbeat(gaps=[(1, 2), (5, 9)]))]),
        "table": (table, [b"\0" + _CSV, b"\1" + _CSV.replace(b",", b"\t"), b"\2" + _EVENT]),
    }
