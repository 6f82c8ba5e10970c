"""Under a steady load for long a worker holds what it states, and no more at the end than in the middle."""

from pathlib import Path
from typing import NamedTuple

from tests.brokers import Broker
from tests.faults.fleet import worker
from tests.faults.report import form, is_long, saw
from tests.faults.soak import (
    Sample,
    configure,
    events_read,
    make_topics,
    publisher,
    thirds,
    told,
    watch,
    wrong_counts,
)
from tests.faults.soak_load import SLOT_MS, SoakLoad
from tests.processes import free_port, get, wait_until

EVENTS_PER_SECOND = 10_000


class Scale(NamedTuple):
    """How long, with which horizon, and how many of the accounts are active at a time."""

    seconds: int
    horizon_seconds: int
    accounts: int
    active: int


# All accounts at once: else it would take as long again until each has been told of after the end.
SHORT = Scale(25, 10, 100, 100)
AN_HOUR = Scale(3600, 600, 5_000, 500)
TEN_MINUTES = Scale(600, 60, 5_000, 500)


def test_a_steady_load_for_long(broker: Broker, tmp_path: Path) -> None:
    scale = form(SHORT, AN_HOUR if broker.is_kafka else TEN_MINUTES)
    slots = scale.seconds * 1000 // SLOT_MS
    load = SoakLoad(
        seed=17,
        accounts=scale.accounts,
        active=scale.active,
        per_slot=EVENTS_PER_SECOND * SLOT_MS // 1000,
        horizon_ms=scale.horizon_seconds * 1000,
        turn_slots=slots // 6,
    )
    make_topics(broker)
    config = configure(tmp_path, broker, load.names, horizon=f"{scale.horizon_seconds}s")
    port = free_port()
    with worker(config, port, name="worker") as process:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the worker is ready")
        with publisher(tmp_path, broker, load, slots) as spout:
            samples = watch(
                process,
                port,
                tmp_path / "samples.jsonl",
                lambda: spout.process.poll() is not None,
                form(0.5, 5.0),
            )
            assert spout.process.returncode == 0, spout.output()
            published = told(spout)
        events = slots * load.per_slot
        wait_until(lambda: events_read(port) >= events, "everything is read", 120)
        wrong = wrong_counts(broker, load, published["last_slot"], slots)
        read = events_read(port)
        assert process.terminate() == 0, process.output()
    report(broker, scale, samples, {"events": read, "wrong": wrong + abs(read - events)})
    assert wrong == 0
    assert read == events
    check(scale, samples)


def check(scale: Scale, samples: list[Sample]) -> None:
    assert max(sample.over for sample in samples) == 0, "more is held than stated"
    # What is beyond the horizon leaves when its segment is merged: by then it is twice as much at most.
    live = EVENTS_PER_SECOND * scale.horizon_seconds
    assert max(sample.entries for sample in samples) < 2 * live
    for values in ([s.handles for s in samples], [s.threads for s in samples]):
        middle, last = thirds(values)
        assert abs(last - middle) <= 1
    if is_long():
        middle, last = thirds([sample.rss for sample in samples])
        assert abs(last / middle - 1) <= 0.03


def report(broker: Broker, scale: Scale, samples: list[Sample], figures: dict[str, int]) -> None:
    middle, last = thirds([sample.rss / 1e6 for sample in samples])
    newest = samples[-1]
    saw(
        "steady load for long",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        minutes=scale.seconds / 60,
        horizon=f"{scale.horizon_seconds} s",
        **figures,
        memory_middle_third_MB=middle,
        last_third_MB=last,
        change=f"{last / middle - 1:+.1%}",
        most_MB=max(sample.rss for sample in samples) / 1e6,
        handles=f"{min(s.handles for s in samples)} to {max(s.handles for s in samples)}",
        threads=f"{min(s.threads for s in samples)} to {max(s.threads for s in samples)}",
        ledger_MB=newest.sizes["ledger"] / 1e6,
        stated_ledger_MB=newest.sizes["ledger_stated"] / 1e6,
        rings_MB=newest.sizes["rings"] / 1e6,
        stated_rings_MB=newest.sizes["rings_stated"] / 1e6,
        over_what_is_stated=max(sample.over for sample in samples),
        longest_lag_s=max(sample.lag_seconds for sample in samples),
    )
