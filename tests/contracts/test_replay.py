"""Replayed files keep what every connector promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resonanz_connectors.replay import FileReplay
from resonanz_connectors.rows import read_rows
from resonanz_connectors.testing import ConnectorContract, Playback
from resonanz_streams.events import Event

DATA = Path(__file__).parent.parent / "data"
INTERACTIONS = DATA / "stackexchange" / "interactions.csv.gz"
MAPPING = {"at_ms": "time_ms", "object": "post"}
EVENTS = [
    row.record
    for row in read_rows(INTERACTIONS, MAPPING, {})
    if isinstance(row.record, Event) and int(row.record.account.removeprefix("file:")) < 200
]
BROKEN = b'{"time_ms": 1530000000000, "kind": "like", "account": "7",'


class HalfAYear(Playback):
    """Six months of a Stack Exchange site within a minute, and a second file with a broken line."""

    connector = FileReplay
    name = "file"
    handles = sorted({event.actor for event in EVENTS if event.actor})
    malformed = BROKEN

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        accounts = sorted({event.account for event in EVENTS})
        self.clients: Mapping[str, Any] = {
            "first": {"name": "First", "accounts": accounts[::2]},
            "second": {"name": "Second", "accounts": accounts[1::2]},
        }
        good = b'{"time_ms": %d, "kind": "share", "account": 7, "post": "1", "id": "%d"}\n'
        lines = [good % (1_520_900_000_000 + day * 86_400_000, day) for day in range(150)]
        (folder / "shares.jsonl").write_bytes(b"".join([*lines[:100], BROKEN + b"\n", *lines[100:]]))

    def options(self) -> Mapping[str, Any]:
        return {
            "files": [str(INTERACTIONS), "shares.jsonl"],
            "map": MAPPING,
            "speed": 300_000,
        }


class TestFileReplay(ConnectorContract):
    @pytest.fixture
    def playback(self, tmp_path: Path) -> Playback:
        return HalfAYear(tmp_path)
