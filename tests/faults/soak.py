"""A worker under a steady load for long: what it holds meanwhile, and what it says at the end."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

from resonanz_streams.topics import DEAD_LETTERS, INTERACTION_TOPICS, KPIS, LATE, SOURCE_TOPICS, TOPICS
from resonanz_streams.transports.brokers import open_tail
from tests.brokers import Broker
from tests.faults.snapshots import WINDOWS_MS, resolution_ms
from tests.faults.soak_load import KINDS, PARTITIONS, SLOT_MS, SoakLoad, Standing
from tests.processes import Process, get

COMPARED: Final = ("1m", "5m", "15m")
SIZES: Final = ("ledger", "ledger_stated", "rings", "rings_stated")
Newest = dict[str, tuple[int, dict[str, dict[str, float]]]]
"""By account: as of when, and counts by window and kind."""


class Sample(msgspec.Struct):
    """``sizes``: bytes by SIZES, of all partitions; ``over``: partitions beyond what is stated."""

    at_seconds: float
    rss: int
    handles: int
    threads: int
    entries: int
    lag_seconds: float
    over: int
    sizes: dict[str, int]


def make_topics(broker: Broker) -> None:
    """As the worker would, but the sources keep the last minutes only: an hour would fill the disk."""
    if broker.is_kafka:
        asyncio.run(_make_topics(broker.url.removeprefix("kafka://"), broker.prefix))
    broker.create_topics(PARTITIONS)


async def _make_topics(servers: str, prefix: str) -> None:
    little = {"retention.bytes": str(64 * 2**20), "segment.bytes": str(16 * 2**20)}
    topics = [
        NewTopic(prefix + name, PARTITIONS, 1, topic_configs=TOPICS[name].kafka_config() | little)
        for name in (*SOURCE_TOPICS, LATE, DEAD_LETTERS)
    ]
    client = AIOKafkaAdminClient(bootstrap_servers=servers)
    await client.start()
    try:
        await client.create_topics(topics)
    finally:
        await client.close()


def configure(folder: Path, broker: Broker, accounts: Sequence[str], **more: str) -> Path:
    """The worker's configuration: ten clients share the accounts."""
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    clients = {
        f"client-{number}": {
            "name": f"Client {number}",
            "potential": 50_000,
            "accounts": list(accounts[number::10]),
        }
        for number in range(10)
    }
    settings = {
        "broker": broker.url,
        "topic_prefix": broker.prefix,
        "group": f"{broker.prefix}soak",
        "partitions": PARTITIONS,
        "pseudonym_key": f"file:{folder / 'key'}",
        "clients": clients,
    }
    path = folder / "resonanz.yaml"
    path.write_bytes(msgspec.json.encode(settings | more))  # JSON is YAML
    return path


def publisher(folder: Path, broker: Broker, load: SoakLoad, slots: int) -> Process:
    """The load on its way, in a process of its own."""
    (folder / "load.json").write_bytes(msgspec.json.encode(load))
    words = ["-m", "tests.faults.soak_publisher", "--broker", broker.url, "--prefix", broker.prefix]
    words += ["--load", str(folder / "load.json"), "--slots", str(slots)]
    return Process(words, folder / "publisher.log")


def watch(worker: Process, port: int, path: Path, until: Callable[[], bool], every: float) -> list[Sample]:
    """A sample every so many seconds, each also a line of the file, until it is over."""
    process, begun = psutil.Process(worker.process.pid), time.monotonic()
    samples = []
    with path.open("ab") as file:
        while not until():
            assert worker.process.poll() is None, worker.output()[-2000:]
            if (sample := _sample(process, port, time.monotonic() - begun)) is not None:
                samples.append(sample)
                file.write(msgspec.json.encode(sample) + b"\n")
                file.flush()
            time.sleep(every)
    return samples


def _sample(process: psutil.Process, port: int, at_seconds: float) -> Sample | None:
    page = metrics(port)
    if page is None:
        return None
    memory = {
        name: [page[f"resonanz_{name}_bytes", (str(number),)] for number in range(PARTITIONS)]
        for name in SIZES
    }
    over = sum(
        held > stated
        for name in ("ledger", "rings")
        for held, stated in zip(memory[name], memory[f"{name}_stated"], strict=True)
    )
    return Sample(
        at_seconds,
        process.memory_info().rss,
        process.num_fds(),
        process.num_threads(),
        int(total(page, "resonanz_ledger_entries")),
        max(
            (value for (name, _), value in page.items() if name == "resonanz_event_lag_seconds"), default=-1.0
        ),
        over,
        {name: int(sum(parts)) for name, parts in memory.items()},
    )


def metrics(port: int) -> dict[tuple[str, tuple[str, ...]], float] | None:
    """The pipeline's samples by name and label values; None if the worker is away."""
    text = get(f"http://127.0.0.1:{port}/metrics")
    if text is None:
        return None
    # Without the accounts' series: to parse thousands of them would cost more than the worker does.
    lines = [line for line in text.splitlines() if 'account="' not in line]
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families("\n".join(lines) + "\n")
        for sample in family.samples
    }


def total(page: dict[tuple[str, tuple[str, ...]], float], name: str) -> float:
    """A family's sum."""
    return sum(value for (known, _), value in page.items() if known == name)


def events_read(port: int) -> int:
    """By the worker, whatever became of them."""
    page = metrics(port)
    return 0 if page is None else int(total(page, "resonanz_events_total"))


def thirds(values: Sequence[float]) -> tuple[float, float]:
    """The means of the middle and of the last third."""
    third = len(values) // 3
    return statistics.fmean(values[third : 2 * third]), statistics.fmean(values[2 * third :])


def wrong_counts(broker: Broker, load: SoakLoad, last_slot: int, slots: int) -> int:
    """Figures of the last windows that differ from a recomputation, once everything is in them."""
    newest = newest_counts(broker, load.names, COMPARED)
    longest = WINDOWS_MS[COMPARED[-1]] + resolution_ms(WINDOWS_MS[COMPARED[-1]])
    first_slot = max(last_slot - slots + 1, (min(at for at, _ in newest.values()) - longest) // SLOT_MS)
    return differing(newest, load.names, load.standing(first_slot, last_slot))


def differing(newest: Newest, accounts: Sequence[str], standing: Standing) -> int:
    """How many figures are not those of ``standing``."""
    wrong = 0
    for place, name in enumerate(accounts):
        at_ms, found = newest[name]
        for window, counts in found.items():
            length, grain = WINDOWS_MS[window], resolution_ms(WINDOWS_MS[window])
            expected = standing.counts(place, (at_ms - length) // grain * grain, at_ms)
            # Null where nothing was seen and nobody watched.
            wrong += sum((counts[kind] or 0) != expected[kind] for kind in KINDS)
    return wrong


def newest_counts(broker: Broker, accounts: Sequence[str], windows: Sequence[str]) -> Newest:
    """Net counts by kind and window of every account, each of a snapshot made when all that the topics hold
    now had been read."""
    ends = {topic: broker.ends(topic) for topic in INTERACTION_TOPICS}
    return asyncio.run(asyncio.wait_for(_newest(broker, accounts, windows, ends), 300))


async def _newest(
    broker: Broker, accounts: Sequence[str], windows: Sequence[str], ends: Mapping[str, Mapping[int, int]]
) -> Newest:
    tail = open_tail(broker.url, [KPIS], prefix=broker.prefix)
    found: Newest = {}
    try:
        while not (tail.caught_up() and len(found) == len(accounts)):
            for record in await tail.poll(1.0):
                snapshot: Any = orjson.loads(record.value or b"{}")
                read = snapshot.get("read") or {}
                if all(read.get(topic, 0) >= parts[record.partition] for topic, parts in ends.items()):
                    found[snapshot["account"]] = snapshot["at_ms"], _counts(snapshot, windows)
    finally:
        await tail.close()
    return found


def _counts(snapshot: dict[str, Any], windows: Sequence[str]) -> dict[str, dict[str, float]]:
    counts: dict[str, dict[str, float]] = {window: {} for window in windows}
    for entry in snapshot["kpis"]:
        if entry["kpi"] == "interactions" and entry["window"] in counts and entry["part"] in KINDS:
            counts[entry["window"]][entry["part"]] = entry["value"]
    return counts


def told(process: Process) -> dict[str, int]:
    """All that the publisher has told so far."""
    lines = [line for line in process.output().splitlines() if line.startswith("{")]
    return {name: number for line in lines for name, number in json.loads(line).items()}
