"""The series of clients on the wall's /metrics."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.test_api import worker_answering
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from

from resonanz_dashboards.client_series import ClientSeries
from resonanz_streams.exposition import DEFAULT_SERIES, metric_name
from resonanz_streams.kpis import KPIS

NOW_MS = 1_700_000_000_000
BLUESKY, FILE = "bluesky:did:plc:abc", "file:a17"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients, three accounts, and no worker."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: NOW_MS) as running:
        yield running


def samples(wall: RunningWall, token: str | None = None) -> Samples:
    answer = wall.get("/metrics", token)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def test_a_client_s_series_are_those_of_its_accounts_together(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS, coverage=0.9)))
    wall.put(record(snapshot(FILE, NOW_MS, likes_per_hour=6)))
    found = samples(wall)
    assert of(found, "resonanz_client_interactions_1h", client="bakery", kind="like") == 66
    assert of(found, "resonanz_client_velocity_5m_per_minute", client="bakery") == 1.4
    rate = "resonanz_client_interactions_per_potential_24h_per_1000"
    assert of(found, rate, client="bakery") == (2400 + 240) / 1.2
    lo, hi = of(found, f"{rate}_lo", client="bakery"), of(found, f"{rate}_hi", client="bakery")
    assert lo is not None
    assert hi is not None
    assert lo < 2200 < hi < 2300
    assert of(found, "resonanz_client_coverage_24h_ratio", client="bakery") == 0.95
    platform = {"client": "bakery", "platform": "file"}
    assert of(found, "resonanz_client_platform_interactions_1h", **platform, kind="like") == 6


def test_a_name_holds_one_level_and_no_account(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS)), record(snapshot(FILE, NOW_MS)))
    for name, labels in samples(wall):
        level = {"client", "platform"} if name.startswith("resonanz_client_platform_") else {"client"}
        assert level <= dict(labels).keys() <= {*level, "kind"}, name


def test_it_is_the_default_list(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS)))
    heads = {line.split()[2] for line in wall.get("/metrics").body.decode().splitlines() if "# TYPE" in line}
    kpis = {kpi.id: kpi for kpi in KPIS}
    names = {metric_name(kpis[one.kpi], one.window).removeprefix("resonanz") for one in DEFAULT_SERIES}
    for level in ("resonanz_client", "resonanz_client_platform"):
        assert {level + name for name in names} <= heads


def test_what_is_not_known_is_not_exported_and_stale_accounts_are_counted(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS - 60_001)), record(snapshot(FILE, NOW_MS, followers=None)))
    found = samples(wall)
    assert of(found, "resonanz_client_interactions_1h", client="bakery", kind="like") == 60
    assert of(found, "resonanz_client_engagement_rate_by_followers_24h_per_1000", client="bakery") is None
    assert of(found, "resonanz_client_accounts", client="bakery") == 2
    assert of(found, "resonanz_client_accounts_stale", client="bakery") == 1
    assert of(found, "resonanz_client_coverage_24h_ratio", client="bakery") == 0.5
    assert of(found, "resonanz_client_accounts_stale", client="theatre") == 1
    assert of(found, "resonanz_client_interactions_1h", client="theatre", kind="like") is None


def test_behind_a_worker_s_metrics_stand_the_clients(tmp_path: Path) -> None:
    headers = {"Content-Type": "text/plain; version=0.0.4"}
    with (
        worker_answering("/metrics", 200, headers, b"# TYPE worker_up gauge\nworker_up 1\n") as url,
        RunningWall(settings_from(tmp_path, TWO_CLIENTS), worker_url=url) as wall,
    ):
        found = samples(wall)
        assert (of(found, "worker_up"), of(found, "resonanz_client_accounts", client="bakery")) == (1, 2)


class Seconds:
    """Time that is set; every look costs a second."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_no_more_than_a_tenth_of_the_time_goes_into_it(wall: RunningWall) -> None:
    """Making it took one second, so it is kept for nine."""
    seconds = Seconds()
    series = ClientSeries(wall.board, seconds)

    def like() -> str:
        text = asyncio.run(series.text()).decode()
        return next(
            line.split()[-1] for line in text.splitlines() if 'interactions_1h{client="bakery"' in line
        )

    wall.put(record(snapshot(BLUESKY, NOW_MS)))
    assert like() == "60.0"
    wall.put(record(snapshot(BLUESKY, NOW_MS, likes_per_hour=6)))
    seconds.now += 7.5
    assert like() == "60.0"
    seconds.now += 0.5
    assert like() == "6.0"


def test_a_client_token_does_not_read_them(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        assert [wall.get("/metrics", token).status for token in (None, BAKERY, AGENCY)] == [401, 403, 200]
