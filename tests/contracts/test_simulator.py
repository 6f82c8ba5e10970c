"""The simulator keeps what every connector promises."""

from collections.abc import Mapping
from typing import Any

import pytest

from resonanz_connectors.simulator import Simulator
from resonanz_connectors.testing import ConnectorContract, Playback


class SimulatedAgency(Playback):
    """Two clients, three accounts, three days of past, and two minutes live with an incident of each kind."""

    connector = Simulator
    name = "simulator"
    handles = ("fan-", "bot-", "team")
    seconds = 120.0
    clients: Mapping[str, Any] = {
        "bakery": {
            "name": "Bakery",
            "timezone": "Europe/Berlin",
            "potential": 1200,
            "accounts": [
                {"id": "instagram:bakery", "connector": "simulator"},
                {"id": "facebook:bakery", "connector": "simulator"},
            ],
        },
        "band": {
            "name": "Band",
            "potential": 60_000,
            "accounts": [{"id": "bluesky:band", "connector": "simulator"}, "bluesky:of-another-connector"],
        },
    }

    def options(self) -> Mapping[str, Any]:
        return {
            "seed": 7,
            "backfill_days": 3,
            "incidents": [
                {"kind": "viral", "after_minutes": 0.2, "minutes": 1, "size": 200},
                {"kind": "drop", "after_minutes": 1, "minutes": 1},
                {"kind": "dead", "after_minutes": 0.5, "minutes": 0.25, "accounts": ["facebook:bakery"]},
            ],
        }


class TestSimulator(ConnectorContract):
    @pytest.fixture
    def playback(self) -> Playback:
        return SimulatedAgency()
