"""The demo shows what its clients' vocabularies are for: brands and venues."""

from pathlib import Path
from typing import Final

import pytest
from tests.engines import Driven
from tests.pipeline.test_dialogue import HOUR_MS, figures_of, read

from resonanz_connectors.simulator import SimulatorOptions, World
from resonanz_streams.arrangement import Wanted, arrange
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings

END_MS: Final = 1_790_000_000_000 // HOUR_MS * HOUR_MS


def test_a_day_of_the_demo_has_shares_of_voice_and_of_venues(tmp_path: Path) -> None:
    registry = build_registry(load_settings(arrange(Wanted(demo=True), tmp_path), {}))
    registry = registry.gathered(
        [name for name, it in registry.accounts.items() if it.client == "cargo-bikes"]
    )
    world = World(
        registry, tuple(registry.accounts.values()), SimulatorOptions(seed=7, backfill_days=1), END_MS
    )
    driven = Driven(*registry.accounts, now_ms=None, registry=registry)
    read(driven, world.writer().batch(world.feed(world.begin_ms).advance(END_MS), ""))
    driven.advance(END_MS)
    whole, _, parts = figures_of(driven).of("share_of_voice", "24h")
    assert set(parts.parts) == {"brand:Demo Bikes", "brand:Longtail", "brand:Trike Works"}
    assert parts.rows is not None
    for row in range(len(registry.accounts)):
        assert parts.value[parts.rows == row].sum() == pytest.approx(1)
    assert ((whole.value > 0) & (whole.value < 1)).any()
    venues = {part for column in figures_of(driven).of("venue_share", "24h") for part in column.parts}
    assert {"venue:cycling-forum.example", "venue:r/cargobike"} <= venues
