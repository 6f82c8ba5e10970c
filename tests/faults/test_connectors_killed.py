"""Connectors killed again and again: all that the source gave is in the log, and counts once."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from resonanz_streams.topics import STATUS
from tests.brokers import Broker
from tests.contracts.test_simulator_counted import ACCOUNTS, INCIDENTS, truth
from tests.contracts.test_simulator_counted import counted as told
from tests.faults.comparison import wrong_samples, wrong_snapshots
from tests.faults.connectors import (
    KILLS,
    admin_of,
    configure_connectors,
    kill,
    least,
    newest,
    published,
    report,
    snapshots,
)
from tests.faults.fleet import configure, worker
from tests.faults.load import DAY_MS, make_load
from tests.faults.report import form
from tests.processes import Process, free_port, wait_until


def test_a_replay(broker: Broker, tmp_path: Path) -> None:
    load = make_load(
        13, form(20_000, 100_000), duplicates=0.30, removals=0.10, re_additions=0.05, out_of_order=0.30
    )
    # A file ends with its last row.
    load = replace(load, end_ms=load.end_ms - 1)
    config, port, log = configure(tmp_path, broker, load), free_port(), tmp_path / "replay.txt"
    file = tmp_path / "load.jsonl"
    file.write_bytes(b"\n".join(line for _, _, line in load.lines))
    words = ["replay", str(file), "--config", str(config)]
    # All of it would take half a minute at this pace, so that it can be killed on its way.
    slowly = [*words, "--speed", str(3 * DAY_MS / 30_000)]
    broker.create_topics(4)
    with worker(config, port, name="worker") as process, admin_of(broker) as admin:
        for number in range(KILLS):
            kill(slowly, log, admin, random.Random(number))
        with Process(["-m", "resonanz_streams", *words], log) as replay:
            assert replay.process.wait(120) == 0, replay.output()
            assert "Went on where it was: read " in replay.output()
        (name,) = {status["connector"] for status in newest(broker, STATUS).values()}
        wrong = [*wrong_snapshots(broker, load), *wrong_samples(load, [port], connector=name)]
        assert process.terminate() == 0, process.output()
    found = Counter((event["id"], event.get("op", "add"), event["at_ms"]) for event in published(broker))
    given = Counter((event["id"], event["op"], event["at_ms"]) for event in load.events())
    lost = given.keys() - found.keys()
    report(
        "file replay kill -9",
        broker,
        lines=len(load.lines),
        lines_read_again=found.total() - len(load.lines),
        lost=len(lost),
        wrong=len(wrong),
    )
    assert not lost
    assert wrong == []


def test_a_simulator(broker: Broker, tmp_path: Path) -> None:
    accounts = [{"id": name, "connector": "simulator"} for name in ACCOUNTS]
    config = configure_connectors(
        tmp_path,
        broker,
        {"agency": {"name": "Agency", "potential": 4_000, "accounts": accounts}},
        {
            "simulator": {
                "seed": 11,
                "rate": 4,
                "backfill_days": form(3, 28),
                "incidents": INCIDENTS,
                "truth": "truth.jsonl",
            }
        },
    )
    words, log = ["connect", "--config", str(config)], tmp_path / "connect.txt"
    broker.create_topics(4)
    with worker(config, free_port(), name="worker"), admin_of(broker) as admin:
        for number in range(KILLS):
            kill(words, log, admin, random.Random(number))
        before = newest(broker, STATUS)
        with Process(["-m", "resonanz_streams", *words], log, tmp_path) as connect:
            wait_until(lambda: _is_live(newest(broker, STATUS), before), "the simulator is live")
            assert connect.terminate() == 0, connect.output()
        wrong = least(lambda: _wrong_in_the_simulator(broker, tmp_path))
    rows = len((tmp_path / "truth.jsonl").read_text().splitlines())
    report("simulator kill -9", broker, interactions=rows - len(INCIDENTS), wrong=len(wrong))
    assert wrong == []
    assert rows > 2_000


def _is_live(statuses: dict[str, Any], before: dict[str, Any]) -> bool:
    """Each account has a newer heartbeat, and all of the past is told."""
    return len(statuses) == len(ACCOUNTS) and all(
        status["state"] == "ok"
        and status["complete_through_ms"] > status["at_ms"] - 60_000
        and (name not in before or status["at_ms"] > before[name]["at_ms"])
        for name, status in statuses.items()
    )


def _wrong_in_the_simulator(broker: Broker, folder: Path) -> list[str]:
    """Against what it knows itself; windows that lie after its end are not covered and say so."""
    found = snapshots(broker)
    if found.keys() != set(ACCOUNTS):
        return ["an account was not told"]
    known = truth(folder, {account: snapshot["at_ms"] for account, snapshot in found.items()})
    numbers = told(found)
    return [
        f"{key}: {numbers.get(key)} instead of {number}"
        for key, number in known.items()
        if numbers.get(key) != number and (key in numbers or key[1] in {"24h", "7d", "28d"})
    ]
