"""Half a year of a real community: replayed through the worker, back-tested, and recomputed plainly.

All three must agree exactly, for every account, KPI, window and part.
"""

import asyncio
import io
import math
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from tests.pipeline.plain import PLAIN_KPIS, Key, Plain, Row, cells_of
from tests.processes import Process, free_port

from resonanz_connectors.replay_command import run_replay
from resonanz_streams.backtest import run_backtest
from resonanz_streams.kpis import KPIS as ALL_KPIS
from resonanz_streams.kpis.base import EMPTY
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import Settings, load_settings
from resonanz_streams.topics import DEEP, KPIS
from resonanz_streams.transports.brokers import open_tail

DATA = Path(__file__).parents[1] / "data" / "stackexchange"
INTERACTIONS, POSTS = DATA / "interactions.csv.gz", DATA / "posts.csv.gz"
MAPPING = {"at_ms": "time_ms", "object": "post"}
END_MS = 1_535_846_400_000
STEP_MS = 17 * 86_400_000 + 11_223_123
"""Ten of these before the end lie within the files, none of them at the edge of anything."""

FIELDS = ("value", "lo", "hi", "numerator", "denominator", "coverage", "reason")
POTENTIAL = [("2018-04-01", 1000), ("2018-07-15", 1250)]
DEADLINE_SECONDS = 120.0


def posts() -> list[dict[str, str]]:
    """Those of known authors; the rows of those who left the community are dead letters."""
    return [row for row in cells_of(POSTS) if row["account"]]


def accounts() -> list[str]:
    rows = [*cells_of(INTERACTIONS), *posts()]
    return [f"file:{number}" for number in dict.fromkeys(row["account"] for row in rows)]


def audience_rows() -> list[tuple[str, int, int]]:
    """(account, time, followers): two accounts of three have some, with longer and shorter pauses."""
    rows = []
    for number, account in enumerate(accounts()):
        for snapshot in range(number % 3 * 40):
            at_ms = END_MS - (snapshot * 31 + number % 29) * 3_600_000 - number
            rows.append((account, at_ms, 50 + (number * 37 + snapshot * 11) % 900))
    return rows


def write_audience(path: Path) -> Path:
    lines = ["time_ms,kind,id,account,post,followers"]
    for number, (account, at_ms, followers) in enumerate(audience_rows()):
        lines.append(f"{at_ms},audience,f{number},{account},,{followers}")
    path.write_text("\n".join(lines))
    return path


@lru_cache(maxsize=1)
def plain() -> Plain:
    events: list[dict[str, Any]] = []
    for row in cells_of(INTERACTIONS):
        event = {"account": "file:" + row["account"], "kind": row["kind"], "id": row["id"], "source": "file"}
        more = {"actor": row["actor"]} if row["actor"] else {}
        events.append(event | more | {"object": row["post"], "at_ms": int(row["time_ms"])})
    files = [
        [(event["account"], event["at_ms"]) for event in events],
        [("file:" + row["account"], int(row["time_ms"])) for row in posts()],
        [(account, at_ms) for account, at_ms, _ in audience_rows()],
    ]
    spans: dict[str, tuple[int, int]] = {}
    for rows in files:
        first, last = min(at_ms for _, at_ms in rows), max(at_ms for _, at_ms in rows)
        for account in {account for account, _ in rows}:
            known = spans.get(account, (first, last))
            spans[account] = min(first, known[0]), max(last, known[1])
    # Midnight in Berlin, in summer.
    potential = [
        (int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() - 7200) * 1000, people)
        for day, people in POTENTIAL
    ]
    return Plain(events, audience_rows(), spans, potential)


def configure(folder: Path, broker: str, prefix: str) -> tuple[Path, Settings, Registry]:
    names = "\n".join(f'      - "{account}"' for account in accounts())
    potential = ", ".join(f"{{from: {day}, people: {people}}}" for day, people in POTENTIAL)
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    path = folder / "resonanz.yaml"
    path.write_text(
        f"broker: {broker}\ntopic_prefix: {prefix}\ngroup: {prefix}workers\nclock: event\n"
        "tick_seconds: 0.2\npartitions: 4\npseudonym_key: file:key\n"
        "clients:\n  community:\n    name: Community\n    timezone: Europe/Berlin\n"
        f"    potential: [{potential}]\n    accounts:\n{names}\n"
    )
    settings = load_settings(path, {})
    return path, settings, build_registry(settings)


@pytest.fixture(params=["sqlite", "kafka"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/log.db"
    else:
        yield request.getfixturevalue("kafka_url")


async def _last_snapshots(settings: Settings) -> list[dict[str, Any]]:
    """Every account's snapshots as of the end."""
    tail = open_tail(settings.broker, [KPIS, DEEP], prefix=settings.topic_prefix)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    loop = asyncio.get_running_loop()
    until = loop.time() + DEADLINE_SECONDS
    wanted = {(topic, account) for topic in (KPIS, DEEP) for account in accounts()}
    try:
        while found.keys() < wanted and loop.time() < until:
            for record in await tail.poll(0.2):
                if record.value:
                    snapshot = orjson.loads(record.value)
                    if snapshot["at_ms"] == END_MS:
                        found[record.topic, snapshot["account"]] = snapshot
    finally:
        await tail.close()
    assert found.keys() == wanted, f"{len(wanted) - len(found)} snapshots were not told as of the end"
    return list(found.values())


def live_rows(settings: Settings) -> dict[Key, Row]:
    """Every KPI as the worker told it last."""
    return {
        (snapshot["account"], entry["kpi"], entry["window"], entry["part"]): tuple(
            entry[field] for field in FIELDS
        )
        for snapshot in asyncio.run(_last_snapshots(settings))
        for entry in snapshot["kpis"]
    }


def backtested_rows(
    folder: Path, settings: Settings, registry: Registry, audience: Path
) -> dict[int, dict[Key, Row]]:
    """By instant: every KPI, nulls and zeros included."""
    out = folder / "kpis.parquet"
    run_backtest(
        settings,
        registry,
        # Order must not matter.
        [audience, POSTS, INTERACTIONS],
        mapping=MAPPING,
        kind="post",
        step_ms=STEP_MS,
        from_ms=END_MS - 10 * STEP_MS,
        to_ms=END_MS,
        dense=True,
        out=out,
        console=Console(file=io.StringIO()),
    )
    found: dict[int, dict[Key, Row]] = {}
    for row in pq.read_table(out).to_pylist():
        key = row["account"], row["kpi"], row["window"], row["part"]
        found.setdefault(row["at_ms"], {})[key] = tuple(row[field] for field in FIELDS)
    return found


def assert_same_as_plain(found: Mapping[Key, Row], now_ms: int) -> None:
    """Exactly; the intervals up to the last digits, since the recomputation takes them from elsewhere."""
    expected = plain().rows(now_ms)
    found = {key: row for key, row in found.items() if key[1] in PLAIN_KPIS}
    assert found.keys() == expected.keys()
    for key, (value, lo, hi, *rest) in found.items():
        its_value, its_lo, its_hi, *its_rest = expected[key]
        assert (value, rest) == (its_value, its_rest), key
        for bound, its_bound in ((lo, its_lo), (hi, its_hi)):
            near = bound is not None and its_bound is not None and math.isclose(bound, its_bound)
            assert near or bound is its_bound is None, key


def test_a_back_test_is_the_plain_recomputation_at_the_end_and_ten_instants_before(tmp_path: Path) -> None:
    _, settings, registry = configure(tmp_path, f"sqlite:///{tmp_path}/none.db", "none.")
    rows = backtested_rows(tmp_path, settings, registry, write_audience(tmp_path / "audience.csv"))
    assert list(rows) == [END_MS - number * STEP_MS for number in range(10, -1, -1)]
    for now_ms, found in rows.items():
        assert sum(key[1] in PLAIN_KPIS for key in found) == len(accounts()) * 57
        assert_same_as_plain(found, now_ms)
    counted = [
        sum(row[0] or 0 for key, row in found.items() if key[1] == "interactions") for found in rows.values()
    ]
    assert min(counted) > 100
    assert not (tmp_path / "none.db").exists()


def test_a_replay_through_the_worker_ends_where_the_back_test_does(broker: str, tmp_path: Path) -> None:
    config, settings, registry = configure(tmp_path, broker, f"agreement-{uuid.uuid4().hex[:8]}.")
    audience = write_audience(tmp_path / "audience.csv")
    arguments = ["-m", "resonanz_streams", "worker", "--config", str(config), "--port", str(free_port())]
    with Process(arguments, tmp_path / "worker.log") as worker:
        replayed = run_replay(
            settings,
            registry,
            [INTERACTIONS, POSTS, audience],
            mapping=MAPPING,
            kind="post",
            console=Console(file=io.StringIO()),
        )
        assert replayed.published["likes"] + replayed.published["comments"] == 13_343
        assert replayed.published["posts"] == len(posts()) == 1_984
        assert replayed.published["audience"] == len(audience_rows())
        live = live_rows(settings)
        assert worker.terminate() == 0, worker.output()
    told = backtested_rows(tmp_path, settings, registry, audience)[END_MS]
    deep = {kpi.id: kpi for kpi in ALL_KPIS if kpi.deep}
    # What the worker leaves out, of parts, is null; the rest is the same.
    assert live == {key: row for key, row in told.items() if key in live}
    for key, row in told.items():
        if key not in live:
            whole = told[(*key[:3], None)]
            assert (key[1] in deep, row[0]) == (True, None), key
            nothing = whole[0] is None or (whole[0], whole[4]) == (0, 0)
            same = whole[0] is None and whole[-1] == row[-1]
            once = deep[key[1]].merge is None
            assert same or (nothing and {whole[-1], row[-1]} <= {None, *EMPTY}) or once, key
            assert not (key[3] or "").startswith("post:") or row[3] is None, key
    assert {key[1] for key in live} == {kpi.id for kpi in ALL_KPIS}
    assert_same_as_plain(live, END_MS)
