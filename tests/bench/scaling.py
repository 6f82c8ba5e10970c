"""CPU time for the same events with few accounts and with many, and with one worker and with four."""

import asyncio
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from resonanz_streams.clock import wall_ms
from tests.bench.children import WorkerChild
from tests.bench.figures import Round
from tests.bench.load import Load, make_load, settings_data
from tests.bench.logs import Packer, ensure_topics, fill_kafka, write_config
from tests.bench.race import OLD_MS, bench_load
from tests.bench.setting import Setting
from tests.bench.wholes import Contestant, in_turn, our_worker
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
        rows = in_turn([*by_accounts, *by_workers], rounds, setting.say)
    setting.report.rows += rows
    for what, limit, found in (
        (f"{ACCOUNTS[0]} to {ACCOUNTS[-1]:,} accounts", 20, rows[: len(ACCOUNTS)]),
        (f"{WORKERS[0]} to {WORKERS[-1]} workers", 15, rows[len(ACCOUNTS) :]),
    ):
        costs = [row.cpu_per_million for row in found]
        spread = (max(costs) / min(costs) - 1) * 100
        setting.report.at_most(f"CPU per event apart, {what}", spread, limit, "%")


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


def fleet_round(url: str, prefix: str, workers: int, load: Load, folder: Path) -> Round:
    """Until all events are durable; CPU of the workers alone.

    They own their partitions before there is anything to read, and stand still while it is published (less
    than a session): so they all begin at once, and none waits for the publisher.
    """
    ensure_topics(url, prefix)
    config = write_config(folder, prefix, settings_data(len(load.names), url, topic_prefix=prefix))
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
