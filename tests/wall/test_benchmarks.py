"""The benchmark as the API's users meet it: among those who agreed, and nobody else."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.wall.figures import record, snapshot, tombstone
from tests.wall.test_access import EVERYWHERE
from tests.wall.walls import RunningWall, settings_from, wait_until

from resonanz_dashboards.benchmarks import refresh
from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.selection import ALL, encoded
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings, settings_of

NOW_MS = 1_700_000_000_000
DAY_MS = 24 * 3_600_000


def configured(**sharing: bool) -> Settings:
    """Three accounts of each of these clients; ``sharing``: whether they agreed to be compared."""
    clients = {
        name: {"name": name, "benchmarks": shares, "accounts": [f"file:{name}{n}" for n in range(3)]}
        for name, shares in sharing.items()
    }
    return settings_of({"clients": clients})


class Board:
    """A board whose benchmarks are computed when the test wants it."""

    def __init__(self, **sharing: bool) -> None:
        self.board = BoardState(Registry(configured(**sharing), b"k" * 32), clock=lambda: NOW_MS)

    def tell(self, account: str, likes_per_hour: float, **more: Any) -> None:
        at_ms = NOW_MS - more.pop("age_ms", 0)
        self.board.take(
            [record(snapshot(account, at_ms, client=account[5:-1], likes_per_hour=likes_per_hour, **more))]
        )

    def tell_all(self) -> None:
        """Everybody has figures, the later the better."""
        for number, account in enumerate(self.board.registry.accounts):
            self.tell(account, 6 * (number + 1))

    def found(self) -> dict[str, tuple[float | None, str | None]]:
        """Value and reason of those that have one."""
        asyncio.run(refresh(self.board))
        return {
            it.account.id: (it.benchmark.value, it.benchmark.reason)
            for it in self.board.entries()
            if it.benchmark is not None
        }


def test_nine_accounts_of_three_clients_who_agreed_are_compared() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    found = board.found()
    assert found["file:a0"] == (0.1, None)
    assert found["file:c2"] == (0.9, None)
    assert len(found) == 9


def test_a_client_who_did_not_agree_neither_sees_nor_enters() -> None:
    """With the fourth client's accounts everybody's would be others."""
    board, without = Board(a=True, b=True, c=True, d=False), Board(a=True, b=True, c=True)
    board.tell_all()
    without.tell_all()
    assert board.found() == without.found()


def test_when_one_leaves_the_others_are_too_few() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    board.found()
    board.board.take([tombstone("file:c0"), tombstone("file:c1")])
    assert {it for _, it in board.found().values()} == {"cohort_too_small"}


def test_what_has_no_rate_says_why_and_enters_not() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    board.tell("file:c0", 6, followers=None)
    found = board.found()
    assert found["file:c0"] == (None, "no_followers")
    assert found["file:c1"][0] is not None
    board.tell("file:c1", -6)
    assert board.found()["file:c1"] == (None, "negative_count")
    assert board.found()["file:a0"] == (None, "cohort_too_small")


def test_an_account_that_is_stale_for_an_hour_stays_in_the_cohort_and_after_a_day_it_goes() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    before = board.found()
    board.tell("file:c0", 6 * 7, age_ms=3_600_000)
    assert board.found() == before
    board.tell("file:c0", 6 * 7, age_ms=DAY_MS + 1)
    board.tell("file:c1", 6 * 8, age_ms=DAY_MS + 1)
    assert {it for _, it in board.found().values()} == {"cohort_too_small"}


def test_half_the_window_watched_is_half_the_exposure() -> None:
    """Who was watched for half of the time and has half of the interactions does as well as the others."""
    board = Board(a=True, b=True, c=True)
    for account in board.board.registry.accounts:
        board.tell(account, 60)
    board.tell("file:c0", 30, coverage=0.5)
    assert {value for value, _ in board.found().values()} == {0.5}


def test_a_changed_configuration_takes_benchmarks_away_at_once() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    board.found()
    board.board.adopt(Registry(configured(a=False, b=True, c=True), b"k" * 32))
    assert all(it.benchmark is None for it in board.board.entries())
    assert {it for _, it in board.found().values()} == {"cohort_too_small"}


def test_a_configuration_that_changes_meanwhile_wins() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()

    async def meanwhile() -> None:
        running = asyncio.create_task(refresh(board.board))
        await asyncio.sleep(0)
        board.board.adopt(Registry(configured(a=False, b=False, c=False), b"k" * 32))
        await running

    asyncio.run(meanwhile())
    assert all(it.benchmark is None for it in board.board.entries())


def test_viewers_are_told_when_it_changes_and_not_when_it_does_not() -> None:
    board = Board(a=True, b=True, c=True)
    board.tell_all()
    board.found()
    version, entry = board.board.version, board.board.entry("file:c2")
    assert entry is not None
    told = json.loads(encoded(entry, ALL))["kpis"][-1]
    assert (told["kpi"], told["window"], told["value"], told["denominator"]) == ("benchmark", "28d", 0.9, 8)
    board.found()
    assert board.board.version == version


AGENCY, CLIENT = "agency-token-0123456789", "client-token-0123456789"
ENV = {"AGENCY": AGENCY, "CLIENT": CLIENT}


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Three clients who share, one who does not, three accounts each."""
    lines = ['wall: {agency_token: "${AGENCY}"}', "clients:"]
    for name in "abcd":
        lines += [f"  {name}:", f"    name: {name}", f"    benchmarks: {'false' if name == 'd' else 'true'}"]
        lines += ["    token: ${CLIENT}"] if name == "a" else []
        lines += ["    accounts:", *(f"      - file:{name}{number}" for number in range(3))]
    settings = settings_from(tmp_path, "\n".join(lines) + "\n", ENV)
    with RunningWall(
        settings,
        listen_on=EVERYWHERE,
        clock=lambda: NOW_MS,
        benchmark_seconds=0.05,
    ) as running:
        yield running


def test_the_api_tells_it_with_the_account_s_figures(wall: RunningWall) -> None:
    for place, account in enumerate(wall.board.registry.accounts):
        wall.put(record(snapshot(account, NOW_MS, client=account[5], likes_per_hour=6 * (place + 1))))

    def row(account: str, token: str) -> dict[str, Any] | None:
        answer = wall.get(f"/api/v1/accounts/{account}/kpis?kpi=benchmark", token)
        assert answer.status == 200
        found: list[dict[str, Any]] = answer.json()["kpis"]
        return found[0] if found else None

    wait_until(lambda: (row("file:c2", AGENCY) or {}).get("value") == 0.9, "all accounts are compared")
    own = row("file:a0", CLIENT)
    assert own is not None
    assert (own["value"], own["lo"], own["hi"], own["window"]) == (0.1, 0.0, 0.2, "28d")
    assert (own["numerator"], own["denominator"], own["reason"]) == (None, 8.0, None)
    alone = row("file:d0", AGENCY)
    assert alone is not None
    assert (alone["value"], alone["reason"]) == (None, "not_shared")
    assert wall.get("/api/v1/accounts/file:b0/kpis?kpi=benchmark", CLIENT).status == 404


def test_without_figures_there_is_no_benchmark(wall: RunningWall) -> None:
    assert wall.get("/api/v1/accounts/file:d0/kpis", AGENCY).json()["kpis"] == []
