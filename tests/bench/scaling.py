"""CPU time for the same events with few accounts and with many, and with one worker and with four.

More processes than cores make every program dearer: they share its caches and take turns. How much, on this
machine and in the same run, is told by the engine alone, without broker and network, in as many processes.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from resonanz_streams.clock import wall_ms
from tests.bench.children import Child, WorkerChild, module
from tests.bench.figures import Round, Row
from tests.bench.load import PARTITIONS, Load, make_load, settings_data
from tests.bench.logs import Packer, ensure_topics, fill_kafka, fill_sqlite, write_config
from tests.bench.peers.contestants import PATHWAY_GROUPED
from tests.bench.race import OLD_MS, bench_load
from tests.bench.setting import Setting
from tests.bench.wholes import COUNTED, Contestant, in_turn, our_worker
from tests.kafka_server import KafkaServer
from tests.processes import get, wait_until

ACCOUNTS: Final = (100, 2_000, 10_000)
WORKERS: Final = (1, 2, 4)
_ROUNDS: Final = 3


def measure_scaling(setting: Setting) -> None:
    """Rows for each number of accounts and of workers; the targets compare the dearest with the cheapest."""
    with setting.kafka("scaling") as server:
        if server is None:
            return
        rounds = min(setting.scale.rounds, _ROUNDS)
        by_accounts = [_accounts(setting, server, number) for number in ACCOUNTS]
        by_workers = _by_workers(setting, server)
        rows = in_turn([*by_accounts, *by_workers, *_alone(setting)], rounds, setting.say)
    setting.report.rows += rows
    accounts, workers, alone = rows[:3], rows[3:6], rows[6:]
    many, most = f"{ACCOUNTS[0]} to {ACCOUNTS[-1]:,} accounts", f"{WORKERS[0]} to {WORKERS[-1]} workers"
    report, apart = setting.report, "CPU per event apart"
    report.at_most(f"{apart}, {many}", (_spread(accounts) - 1) * 100, 20, "%")
    report.at_most(f"{apart}, {most}", (_spread(workers) - 1) * 100, 15, "%")
    report.compare(f"two workers on Kafka against {PATHWAY_GROUPED}", rows[4].name, PATHWAY_GROUPED, 1.8)
    report.at_most(
        f"{apart}, {most}, beyond the engine alone", (_spread(workers) / _spread(alone) - 1) * 100, 15, "%"
    )


def _spread(rows: Sequence[Row]) -> float:
    """The dearest as a multiple of the cheapest."""
    costs = [row.cpu_per_million for row in rows]
    return max(costs) / min(costs)


def _accounts(setting: Setting, server: KafkaServer, number: int) -> Contestant:
    setting.say(f"filling the topics of {number:,} accounts")
    prefix = f"of-{number}."
    # So many that the first touch of an account's memory, which happens once, does not weigh much.
    load = make_load(
        setting.scale.scaling_events, accounts=number, end_ms=wall_ms() - OLD_MS, span_ms=3_600_000
    )
    records = fill_kafka(server.url, load, prefix)
    return our_worker(
        f"{number:,} accounts",
        server.url,
        load,
        records,
        setting.folder,
        prefix=prefix,
        note=f"catching up with {len(load):,} events, nobody scrapes",
        scraped=False,
    )


def _by_workers(setting: Setting, server: KafkaServer) -> list[Contestant]:
    load = bench_load(setting.scale.fleet_events)
    note = f"CPU of all of them together, catching up with {len(load):,} events, nobody scrapes"

    def contestant(workers: int) -> Contestant:
        def run(number: int) -> Round:
            return fleet_round(server.url, f"by-{workers}-{number}.", workers, load, setting.folder)

        return Contestant(f"{workers} worker{'s' * (workers > 1)}", note, run)

    return [contestant(number) for number in WORKERS]


def _alone(setting: Setting) -> list[Contestant]:
    load, url = bench_load(setting.scale.fleet_events), f"sqlite:///{setting.folder}/alone.db"
    fill_sqlite(url, load)
    config = write_config(setting.folder, "alone", settings_data(len(load.names), url))
    note = f"no broker, no network: what so many processes cost here; {len(load):,} events"

    def contestant(processes: int) -> Contestant:
        return Contestant(
            f"the engine alone, {processes} process{'es' * (processes > 1)}",
            note,
            lambda _: alone_round(processes, config, setting.folder),
        )

    return [contestant(number) for number in WORKERS]


def alone_round(processes: int, config: Path, folder: Path) -> Round:
    """So many processes that count at the same time, each its share of the partitions."""
    words = [*module("alone"), "--config", str(config)]
    shares = [map(str, range(first, PARTITIONS, processes)) for first in range(processes)]
    with ExitStack() as stack:
        fleet = [stack.enter_context(Child("alone", [*words, *share], folder)) for share in shares]
        for one in fleet:
            one.wait_for("loaded")
        for one in fleet:
            os.kill(one.process.pid, signal.SIGUSR1)
        rounds = [msgspec.convert(one.wait_for("round")["round"], Round) for one in fleet]
    return Round(
        sum(one.events for one in rounds),
        max(one.seconds for one in rounds),
        sum(one.cpu_seconds for one in rounds),
    )


def fleet_round(url: str, prefix: str, workers: int, load: Load, folder: Path) -> Round:
    """Until all events are durable; CPU of the workers alone.

    They own their partitions before there is anything to read, and stand still while it is published (less
    than a session): so they all begin at once, and none waits for the publisher.
    """
    ensure_topics(url, prefix)
    config = write_config(
        folder, prefix, settings_data(len(load.names), url, topic_prefix=prefix, kpis=list(COUNTED))
    )
    with ExitStack() as stack:
        fleet = [stack.enter_context(WorkerChild(config, 0, folder)) for _ in range(workers)]
        for worker in fleet:
            wait_until(
                lambda port=worker.port: get(f"http://127.0.0.1:{port}/readyz"),  # type: ignore[misc]
                f"{workers} workers are ready",
                120,
            )
        before = [worker.progress() for worker in fleet]
        _signal(fleet, signal.SIGSTOP)
        asyncio.run(_publish(url, prefix, load))
        begun = time.monotonic()
        _signal(fleet, signal.SIGCONT)
        wait_until(lambda: _durable(fleet) >= len(load), "all events are durable", 120)
        seconds = time.monotonic() - begun
        after = [worker.progress() for worker in fleet]
        for worker in fleet:
            worker.terminate()
    cpu = sum(b["cpu_seconds"] - a["cpu_seconds"] for a, b in zip(before, after, strict=True))
    return Round(len(load), seconds, cpu)


def _signal(fleet: list[WorkerChild], number: signal.Signals) -> None:
    for worker in fleet:
        os.kill(worker.process.pid, number)


async def _publish(url: str, prefix: str, load: Load) -> None:
    async with Packer(url, prefix) as packer:
        for place, key, line, at_ms in load.places():
            await packer.add(place, key, line, at_ms)


def _durable(fleet: list[WorkerChild]) -> int:
    return sum(int(worker.progress()["durable"]) for worker in fleet)
