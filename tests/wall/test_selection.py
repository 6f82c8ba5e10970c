"""What a viewer asks for, and that it is encoded once for all who ask the same."""

import json

import pytest
from msgspec import structs
from tests.wall.figures import deep_record, record, snapshot, tombstone

from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.entries import Entry
from resonanz_dashboards.selection import ALL, KEPT, Selection, dated_figures, encoded, figures
from resonanz_streams.events import KpiEntry
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEEP
from resonanz_streams.transports.ports import Record

KEY = "file:a1"


@pytest.fixture
def board() -> BoardState:
    """One account with figures."""
    client = {"name": "Bakery", "potential": 1200, "accounts": [KEY]}
    settings = settings_of({"clients": {"bakery": client}})
    board = BoardState(Registry(settings, b"k" * 32), clock=lambda: 1000)
    board.take([record(snapshot(KEY, 1000))])
    return board


def entry_of(board: BoardState) -> Entry:
    """The account's entry."""
    entry = board.entry(KEY)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(frozenset({"1h"}), frozenset({"velocity"})), {"1h/velocity"}),
        (Selection(kpis=frozenset({"5m/velocity"})), {"5m/velocity"}),
        (
            Selection(kpis=frozenset({"5m/velocity", "24h/interactions"})),
            {"5m/velocity", "24h/interactions"},
        ),
        (Selection(frozenset({"1h"}), frozenset({"5m/velocity"})), set()),
        (Selection(kpis=frozenset({"unknown"})), set()),
    ],
)
def test_a_viewer_gets_what_it_asked_for(board: BoardState, selection: Selection, found: set[str]) -> None:
    assert {f"{it.window}/{it.kpi}" for it in figures(entry_of(board), selection)} == found


def test_who_asks_for_nothing_gets_all(board: BoardState) -> None:
    assert len(figures(entry_of(board), ALL)) == len(snapshot(KEY, 0).kpis)


def test_deep_figures_stand_beside_with_the_time_that_they_are_as_of(board: BoardState) -> None:
    waiting = KpiEntry("backlog", "24h", value=3.0)
    before = board.version
    board.take([deep_record(structs.replace(snapshot(KEY, 400), kpis=[waiting]))])
    assert board.version == before + 1
    entry = entry_of(board)
    wanted = Selection(kpis=frozenset({"backlog", "5m/velocity"}))
    assert [(at_ms, it.kpi) for at_ms, it in dated_figures(entry, wanted)] == [
        (1000, "velocity"),
        (400, "backlog"),
    ]
    told = json.loads(encoded(entry, wanted))
    assert (told["at_ms"], told["deep_at_ms"], len(told["kpis"])) == (1000, 400, 2)
    board.take([Record(DEEP, 0, 0, KEY.encode(), None)])
    assert [it.kpi for it in figures(entry, wanted)] == ["velocity"]
    assert json.loads(encoded(entry, wanted))["deep_at_ms"] is None


def test_it_is_encoded_once_a_change(board: BoardState) -> None:
    entry = entry_of(board)
    first = encoded(entry, ALL)
    assert encoded(entry, ALL) is first
    board.take([record(snapshot(KEY, 2000))])
    second = encoded(entry, ALL)
    assert (json.loads(first)["at_ms"], json.loads(second)["at_ms"]) == (1000, 2000)
    board.take([tombstone(KEY)])
    gone = json.loads(encoded(entry, ALL))
    assert (gone["at_ms"], gone["kpis"]) == (None, [])


def test_few_encodings_are_kept_whatever_strangers_ask_for(board: BoardState) -> None:
    entry = entry_of(board)
    for number in range(20):
        encoded(entry, Selection(kpis=frozenset({f"kpi{number}"})))
    assert len(entry.encoded) == KEPT
