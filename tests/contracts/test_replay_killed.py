"""A replay that is killed goes on where it was: each row is published, and hardly any twice."""

import asyncio
import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import orjson
from tests.processes import Process, wait_until

from resonanz_streams.topics import SOURCE_TOPICS
from resonanz_streams.transports.brokers import open_tail

INTERACTIONS = Path(__file__).parent.parent / "data" / "stackexchange" / "interactions.csv.gz"


def published(folder: Path) -> list[dict[str, object]]:
    async def read() -> list[dict[str, object]]:
        tail = open_tail(f"sqlite:///{folder}/resonanz.db", SOURCE_TOPICS)
        found: list[dict[str, object]] = []
        try:
            while not tail.caught_up():
                for record in await tail.poll(0.1):
                    found.extend(map(orjson.loads, (record.value or b"").split(b"\n")))
        finally:
            await tail.close()
        return found

    return asyncio.run(read()) if (folder / "resonanz.db").exists() else []


def test_a_killed_replay_goes_on(tmp_path: Path) -> None:
    with gzip.open(INTERACTIONS, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    clients = {"site": {"name": "Site", "accounts": sorted({f"file:{row['account']}" for row in rows})}}
    (tmp_path / "resonanz.yaml").write_text(json.dumps({"clients": clients}))
    command = ["-m", "resonanz_streams", "replay", str(INTERACTIONS), "--map", "at_ms=time_ms"]
    command += ["--map", "object=post", "--config", str(tmp_path / "resonanz.yaml")]
    # The whole file in a quarter of a minute, so that it can be killed on its way.
    slowly = [*command, "--speed", "1000000"]
    for so_many in (300, 1_500):
        with Process(slowly, tmp_path / "log.txt") as replay:
            wait_until(lambda: len(published(tmp_path)) > so_many, f"{so_many} are there")  # noqa: B023  # at once
            replay.kill()
    with Process(command, tmp_path / "log.txt") as replay:
        assert replay.process.wait(30) == 0
        assert "Went on where it was: read " in replay.output()
    events = published(tmp_path)
    once = {(event["kind"], event["id"], event["account"]) for event in events}
    assert once == {(row["kind"], row["id"], f"file:{row['account']}") for row in rows}
    assert 13_343 <= len(events) < 13_343 + 2_000
    assert Counter(kind for kind, _, _ in once) == {"like": 9_936, "comment": 3_407}
